/**
 * The live view: one row for each image and platform, and for each blob on its way to a place, drawn
 * anew a few times a second.
 * @module
 */
import { createLogUpdate } from "log-update";
import { printable } from "../errors.ts";
import type { BytesEvent, ImageEvent, StageEvent, TransferEvent } from "../events.ts";
import { formatBytes, formatDuration, printPaintedNote } from "./output.ts";

interface Row {
  readonly image: string;
  readonly platform: string;
  stage: StageEvent["stage"];
  bytes: number;
  /** When the row began to move, in milliseconds of the page's clock. */
  began: number;
  /** When it was done. */
  ended?: number;
}

/** Stands for all images while they are not known. */
const PACKAGES = "packages";
const FRAME_MS = 100;
const MARKS: Readonly<Record<StageEvent["stage"], string>> = {
  listing: ".",
  compiling: ">",
  layering: "+",
  writing: "=",
  done: "*",
};

/** Draws rows on stderr until it is closed. */
export class LiveView {
  readonly #rows = new Map<string, Row>();
  readonly #transfers = new Transfers();
  readonly #update = createLogUpdate(streamOf(Deno.stderr), { showCursor: true });
  readonly #timer = setInterval(() => this.#draw(), FRAME_MS);
  #closed = false;

  /** Takes an event that changes a row. */
  take(event: StageEvent | BytesEvent | TransferEvent | ImageEvent): void {
    if (event.type === "image") return;
    // Names come from wherever the image does.
    if (event.type === "transfer") {
      return this.#transfers.take({ ...event, image: printable(event.image) });
    }
    // Before the packages are known, one row stands for all.
    const { platform } = event;
    const image = event.image || PACKAGES;
    if (image !== PACKAGES) this.#rows.delete(PACKAGES);
    const key = image === PACKAGES ? PACKAGES : `${image} ${platform}`;
    const now = performance.now();
    const row = this.#rows.get(key) ??
      { image, platform, stage: event.stage, bytes: 0, began: now };
    row.stage = event.stage;
    if (event.bytes !== undefined) row.bytes = event.bytes;
    if (event.stage === "done") row.ended = now;
    this.#rows.set(key, row);
  }

  /** Prints lines that stay, above the rows. */
  above(print: () => void): void {
    this.#update.clear();
    print();
    this.#draw();
  }

  /** Draws a last time and lets the rows stand. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#rows.delete(PACKAGES);
    this.#update.clear();
    this.#update.done();
    // Printed, since what is drawn is cut to the height of the screen.
    for (const row of this.#lines(true)) printPaintedNote(row);
  }

  #draw(): void {
    const lines = this.#lines(false);
    if (lines.length === 0) this.#update.clear();
    else this.#update(lines.join("\n"));
  }

  #lines(all: boolean): readonly string[] {
    const rows = [...this.#rows.values()];
    const { columns, rows: height } = sizeOf(Deno.stderr);
    // Blobs that are gone are of no interest any more; a command without rows tells their sum itself.
    const moved = this.#transfers.rows();
    const transfers = all ? rows.length > 0 ? moved.slice(-1) : [] : moved;
    const room = Math.max(3, height - 2 - transfers.length);
    // What moves is worth more than what is done, when there is no room for both.
    const open = rows.filter((row) => row.stage !== "done");
    const shown = all || rows.length <= room ? rows : open.slice(0, room - 1);
    const image = Math.max(0, ...shown.map((row) => row.image.length));
    const platform = Math.max(0, ...shown.map((row) => row.platform.length));
    const lines = shown.map((row) => line(row, image, platform).slice(0, columns - 1));
    if (shown.length < rows.length) {
      lines.push(`${rows.length - open.length} of ${rows.length} done`);
    }
    return [...lines, ...transfers.map((line) => line.slice(0, columns - 1))];
  }
}

/** One row, its columns padded to the widths given. */
function line(row: Row, image: number, platform: number): string {
  const time = formatDuration((row.ended ?? performance.now()) - row.began);
  const bytes = row.bytes > 0 ? formatBytes(row.bytes) : "";
  return [
    MARKS[row.stage],
    row.image.padEnd(image),
    row.platform.padEnd(platform),
    row.stage.padEnd(9),
    bytes.padStart(8),
    time.padStart(6),
  ].join(" ");
}

function sizeOf(terminal: typeof Deno.stderr): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  } catch {
    return { columns: 80, rows: terminal.isTerminal() ? 24 : 1000 };
  }
}

/** What log-update needs of a node stream. */
function streamOf(terminal: typeof Deno.stderr): NodeJS.WritableStream {
  const encoder = new TextEncoder();
  const stream = {
    isTTY: true,
    get columns() {
      return sizeOf(terminal).columns;
    },
    get rows() {
      return sizeOf(terminal).rows;
    },
    write: (text: string) => terminal.writeSync(encoder.encode(text)) >= 0,
  };
  return stream as unknown as NodeJS.WritableStream;
}

/** Blobs that are moved, and what has been. */
class Transfers {
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

function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

function share({ bytes, total }: TransferEvent): string {
  return `${Math.floor(total === 0 ? 100 : (100 * bytes) / total)}%`.padStart(4);
}
