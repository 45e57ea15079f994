/**
 * What is on its way between places, as rows of a live view and as plain lines.
 * @module
 */
import type { TransferEvent } from "../events.ts";
import { formatBytes } from "./output.ts";

/** Smaller blobs are not worth a line of their own. */
const LARGE_BYTES = 1_000_000;
/** Milliseconds between two plain lines about one blob. */
const PLAIN_MS = 10_000;

/** Blobs that are moved, and what has been. */
export class Transfers {
  readonly #blobs = new Map<string, TransferEvent>();
  #began: number | undefined;

  /** Takes an event. */
  take(event: TransferEvent): void {
    this.#began ??= performance.now();
    this.#blobs.set(`${event.image} ${event.digest}`, event);
  }

  /** Those on their way, one each, and the sum of all in the end; none before the first one. */
  rows(): readonly string[] {
    if (this.#blobs.size === 0) return [];
    const moving = [...this.#blobs.values()].filter(({ state }) => state === "moving");
    const widest = Math.max(0, ...moving.map(({ image }) => image.length));
    const rows = moving.map((event) => {
      const { image, digest, bytes, total } = event;
      const [went, all] = [formatBytes(bytes).padStart(8), formatBytes(total).padStart(8)];
      return `> ${image.padEnd(widest)} ${short(digest)} ${went} of ${all} ${share(event)}`;
    });
    return [...rows, this.sum()];
  }

  /** How much went, of how much that is known of, and how fast. */
  sum(): string {
    const all = [...this.#blobs.values()];
    const gone = all.filter(({ state }) => state !== "moving").length;
    const moved = all.filter(({ state }) => state !== "there");
    if (moved.length === 0) return `${all.length} blobs, all of them there`;
    const bytes = moved.reduce((sum, blob) => sum + blob.bytes, 0);
    const total = moved.reduce((sum, blob) => sum + blob.total, 0);
    const seconds = (performance.now() - (this.#began ?? 0)) / 1000;
    const rate = formatBytes(seconds > 0 ? bytes / seconds : 0);
    return `${gone} of ${all.length} blobs, ${formatBytes(bytes)} of ${
      formatBytes(total)
    }, ${rate}/s`;
  }
}

/** Plain lines: one for each large blob, and now and then one for a blob that takes long. */
export class PlainTransfers {
  readonly #told = new Map<string, number>();

  /** The line for an event, if it is worth one. */
  line(event: TransferEvent): string | undefined {
    const { image, digest, bytes, total, state } = event;
    if (total < LARGE_BYTES || state === "there") return undefined;
    const name = `${image ? `${image} ` : ""}${short(digest)}`;
    if (state === "done") return `${name}: ${formatBytes(total)} done`;
    const now = performance.now();
    const told = this.#told.get(name);
    if (told === undefined || now - told >= PLAIN_MS) this.#told.set(name, now);
    if (told === undefined || now - told < PLAIN_MS) return undefined;
    return `${name}: ${formatBytes(bytes)} of ${formatBytes(total)}`;
  }
}

function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

function share({ bytes, total }: TransferEvent): string {
  return `${Math.floor(total === 0 ? 100 : (100 * bytes) / total)}%`.padStart(4);
}
