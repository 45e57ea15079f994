/**
 * The base images of one build: each is opened once, whatever number of images stand on it.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import type { ImageConfig } from "../config/image_config.ts";
import type { Base } from "../image/base.ts";
import { type BaseContext, openBase, type OpenedBase } from "./bases.ts";

/** What decides which base an image stands on. */
type Wanted = Pick<ImageConfig, "baseImage" | "platforms">;

/** Bases that are open. */
export class BaseSet {
  readonly #opening = new Map<string, Promise<OpenedBase>>();
  readonly #open = new Map<string, Base>();

  constructor(readonly config: BuildConfig, readonly context: BaseContext) {}

  /**
   * Opens the base of an image, or gives the one that is open.
   *
   * @throws {KodenoError} see `openBase`
   */
  async open(image: Wanted): Promise<Base> {
    const key = keyOf(image);
    const opening = this.#opening.get(key) ?? openBase(this.config, image, this.context);
    this.#opening.set(key, opening);
    const { base } = await opening;
    this.#open.set(key, base);
    return base;
  }

  /** The base of an image, which was opened before. */
  of(image: Wanted): Base {
    const base = this.#open.get(keyOf(image));
    if (base === undefined) throw new Error(`base ${image.baseImage} was not opened`);
    return base;
  }

  /** Ends the use of all. */
  async close(): Promise<void> {
    for (const opening of await Promise.allSettled(this.#opening.values())) {
      if (opening.status === "fulfilled") await opening.value.close();
    }
    this.#opening.clear();
  }
}

function keyOf({ baseImage, platforms }: Wanted): string {
  return JSON.stringify([baseImage, platforms]);
}
