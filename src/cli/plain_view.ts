/**
 * Progress where there is no live view: plain lines for images, for each large blob, now and then for
 * one that takes long, and for all that goes on whenever half a minute has passed.
 * @module
 */
import { printable } from "../errors.ts";
import type { KodenoEvent, Stage, StageEvent, TransferEvent } from "../events.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { formatDuration, printNote, shortDigest } from "./output.ts";

/** Smaller blobs are not worth a line of their own. */
const LARGE_BYTES = 1_000_000;
/** Milliseconds between two lines about one blob. */
const BLOB_MS = 10_000;
/** Milliseconds between two looks at all that goes on. */
const PULSE_MS = 30_000;

interface Going {
  readonly stage: Stage;
  readonly platform: string;
  /** When the stage began, in milliseconds of the page's clock. */
  readonly began: number;
}

/** Prints lines until it is closed. */
export class PlainView {
  /** By image and platform. */
  readonly #going = new Map<string, Going>();
  readonly #blobs = new Map<string, TransferEvent>();
  /** Packages that go has compiled, by platform. */
  readonly #compiled = new Map<string, number>();
  /** When a line about a blob was printed the last time. */
  readonly #told = new Map<string, number>();
  /** When the first blob moved. */
  #began = 0;
  readonly #timer = setInterval(() => this.pulse(), PULSE_MS);

  /** With `seldom` only that of each half a minute is printed. */
  constructor(
    readonly seldom = false,
    readonly print: (line: string) => void = printNote,
    readonly now: () => number = () => performance.now(),
  ) {}

  take(event: KodenoEvent): void {
    if (event.type === "compiled") this.#compiled.set(event.platform, event.packages);
    if (event.type === "stage") this.#stage(event);
    if (event.type === "transfer") this.#transfer(event);
  }

  /** Tells what goes on, and for how long. */
  pulse(): void {
    const now = this.now();
    const seconds = (began: number): string => `${Math.ceil((now - began) / 1000)} s`;
    const alike = Map.groupBy(this.#going.values(), (one) => `${one.stage} ${one.platform}`);
    for (const some of alike.values()) {
      const [{ stage, platform }] = some as [Going];
      const what = platform ? `${counted(some.length, "package")} for ${platform}` : "packages";
      const count = stage === "compiling" ? this.#compiled.get(platform) : undefined;
      const so = count === undefined ? "" : ` (${count} compiled so far, with imports)`;
      const began = Math.min(...some.map((one) => one.began));
      this.#line(`still ${stage} ${what}, ${seconds(began)}${so}`);
    }
    const blobs = [...this.#blobs.values()];
    const moving = blobs.filter(({ state }) => state === "moving");
    if (moving.length === 0) return;
    const sum = (key: "bytes" | "total"): string =>
      formatBytes(moving.reduce((bytes, blob) => bytes + blob[key], 0));
    const what = `${moving.length} of ${counted(blobs.length, "blob")}`;
    this.#line(`still moving ${what}, ${sum("bytes")} of ${sum("total")}, ${seconds(this.#began)}`);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #line(line: string): void {
    this.print(printable(line));
  }

  #each(line: string): void {
    if (!this.seldom) this.#line(line);
  }

  #stage({ image, platform, stage, elapsedMs }: StageEvent): void {
    const what = `${image} ${platform}`;
    // What stands for all of them: before they are known, and where nothing goes on any more.
    if (image !== "") this.#going.delete(" ");
    else if (stage === "done") {
      this.#going.clear();
      return this.#blobs.clear();
    }
    this.#going.set(what, { stage, platform, began: this.now() });
    if (stage === "compiling") this.#each(`${what}: compiling`);
    if (stage !== "done") return;
    this.#going.delete(what);
    this.#each(`${what}: done in ${formatDuration(elapsedMs)}`);
  }

  #transfer(event: TransferEvent): void {
    const { image, digest, bytes, total, state } = event;
    const now = this.now();
    if (this.#blobs.size === 0) this.#began = now;
    this.#blobs.set(`${image} ${digest}`, event);
    if (total < LARGE_BYTES || state === "there") return;
    const name = `${image ? `${image} ` : ""}${shortDigest(digest)}`;
    if (state === "done") return this.#each(`${name}: ${formatBytes(total)} done`);
    const last = this.#told.get(name);
    if (last !== undefined && now - last < BLOB_MS) return;
    this.#told.set(name, now);
    if (last !== undefined) this.#each(`${name}: ${formatBytes(bytes)} of ${formatBytes(total)}`);
  }
}
