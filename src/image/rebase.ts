/**
 * An image of kodeno or ko on another base: what it has of its own is told from what its base gave it, and
 * put on the new one, as a build would have done it.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { KodenoError } from "../errors.ts";
import type { Layer } from "../layers/layer.ts";
import type { Digest } from "../oci/descriptor.ts";
import type { ImageConfig } from "../oci/manifest.ts";
import {
  configOnBase,
  onBase,
  type OwnImage,
  ownVariables,
  type PlatformImage,
  UNKNOWN_TIME,
  variableName,
} from "./assemble.ts";
import { type BaseImage, type BaseName, withoutBase } from "./base.ts";
import { ownSteps } from "./layer_parts.ts";

/** What an image says that its base does not. */
interface OwnSettings {
  /** `NAME=VALUE` each, of those that were asked for. */
  readonly env: readonly string[];
  readonly user: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** An image for one platform that is to stand on something else. */
export class OwnParts {
  readonly #steps: NonNullable<ImageConfig["history"]>;
  readonly #settings: OwnSettings;

  /**
   * @param what it is, for messages
   * @param base that it stands on; where that is not to be had, all that may be its own counts as that
   * @throws {KodenoError} `BAD_CONTENT` for what is no image of kodeno or ko, or was changed since
   */
  constructor(readonly image: BaseImage, readonly what: string, base: BaseImage | undefined) {
    const { config, manifest: { layers } } = image;
    this.#steps = ownSteps(config);
    const { length: ids } = config.rootfs.diff_ids;
    if (this.#steps.length === 0 || ids !== layers.length || ids < this.#steps.length) {
      throw this.#bad(
        "it is no image of kodeno or ko, whose history says which layers are its own",
      );
    }
    const lower = layers.length - this.#steps.length;
    const under = config.rootfs.diff_ids.slice(0, lower);
    if (base !== undefined && !isDeepStrictEqual(under, base.config.rootfs.diff_ids)) {
      throw this.#bad(
        "its lower layers are not those of its base; say with --old-base what that is",
      );
    }
    this.#settings = ownSettings(image, base);
    if (base === undefined) return;
    const again = configOnBase(base, this.#own);
    const differs = (["author", "config", "history"] as const)
      .find((name) => !isDeepStrictEqual(plain(again[name]), plain(config[name])));
    if (differs === undefined) return;
    throw this.#bad(
      `its ${differs} is not what a build on its base gives: it was changed since; build it again`,
    );
  }

  /** Settings that may be the old base's where that is not there, for a person. */
  get uncertain(): readonly string[] {
    const { user, labels, ports } = this.#settings;
    return [
      ...(user === undefined ? [] : [`user ${user}`]),
      ...Object.keys(labels).map((name) => `label ${name}`),
      ...Object.keys(ports).map((port) => `port ${port}`),
    ];
  }

  /** Annotations of its own. */
  get annotations(): Readonly<Record<string, string>> {
    return this.#settings.annotations;
  }

  /** Puts it on a base; `annotations` are those of its own, where that is known better. */
  on(
    base: BaseImage,
    baseName: BaseName["name"],
    annotations = this.annotations,
  ): PlatformImage {
    return onBase(base, baseName, { ...this.#own, annotations });
  }

  /** What it has that no base has. */
  get #own(): Omit<OwnImage, "annotations"> {
    const { image: { config, manifest, source } } = this;
    const count = this.#steps.length;
    const ids = config.rootfs.diff_ids.slice(-count);
    const layers = manifest.layers.slice(-count).map((descriptor, i): Layer => ({
      descriptor,
      diffId: ids[i] as Digest,
      open: (options) => source.fetch(descriptor, options),
    }));
    // The program's step has the time that was asked for, if there was one.
    const isTimed = this.#steps.at(-1)?.created !== UNKNOWN_TIME;
    return {
      ...this.#settings,
      author: config.author,
      created: isTimed ? config.created : undefined,
      entrypoint: config.config?.Entrypoint,
      layers,
      history: this.#steps,
    };
  }

  #bad(why: string): KodenoError {
    const detail = { digest: this.image.digest };
    return new KodenoError("BAD_CONTENT", `Cannot rebase ${this.what}: ${why}`, detail);
  }
}

function ownSettings(image: BaseImage, base: BaseImage | undefined): OwnSettings {
  const { config: run = {} } = image.config;
  const { config: under = {} } = base?.config ?? {};
  return {
    env: base === undefined
      ? variablesBehind(run.Env ?? [], image.platform)
      : variablesAdded(run.Env ?? [], ownVariables(under.Env ?? [], image.platform)),
    user: run.User && run.User !== under.User ? run.User : undefined,
    labels: added(run.Labels, under.Labels),
    ports: added(run.ExposedPorts, under.ExposedPorts),
    annotations: added(withoutBase(image.manifest.annotations), base?.manifest.annotations),
  };
}

/** Members that others do not have, or with another value. */
function added<T>(
  all: Readonly<Record<string, T>> | null | undefined,
  before: Readonly<Record<string, T>> | null | undefined,
): Readonly<Record<string, T>> {
  const entries = Object.entries(all ?? {});
  return Object.fromEntries(
    entries.filter(([key, value]) => !isDeepStrictEqual(value, before?.[key])),
  );
}

/** The fewest variables at the end that, put on others, make all of them. */
function variablesAdded(all: readonly string[], before: readonly string[]): readonly string[] {
  for (let at = all.length; at > 0; at--) {
    const said = all.slice(at);
    const names = new Set(said.map(variableName));
    const rest = before.filter((one) => !names.has(variableName(one)));
    if (isDeepStrictEqual(all.slice(0, at), rest)) return said;
  }
  return all;
}

/** Variables that stand behind the one that kodeno and ko put behind those of a base. */
function variablesBehind(
  all: readonly string[],
  platform: BaseImage["platform"],
): readonly string[] {
  const own = ownVariables([], platform).at(-1) ?? "";
  // A base that is such an image itself has one, too.
  const at = all.findLastIndex((one) => variableName(one) === variableName(own));
  return at < 0 ? all : all.slice(all[at] === own ? at + 1 : at);
}

/** A value as JSON has it: what is undefined is not there. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value));
