/**
 * The live view: one row for each image and platform, and for each blob on its way to a place,
 * drawn anew a few times a second.
 * @module
 */
import process from "node:process";
import { printable } from "../errors.ts";
import type { BytesEvent, KodenoEvent, NoteEvent, TransferEvent } from "../events.ts";
import { createLogUpdate } from "../npm/log_update.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { alignedRows, formatDuration, printNote, shortDigest } from "./output.ts";
import { shortNames } from "./short_names.ts";

interface Row extends Pick<BytesEvent, "image" | "platform" | "stage" | "bytes"> {
  /** When it began to move and when it was done, in milliseconds of the page's clock. */
  readonly began: number;
  readonly ended?: number | undefined;
}

const FRAME_MS = 100;
const MARKS = { listing: ".", compiling: ">", layering: "+", writing: "=", done: "*" } as const;

/** Draws rows on stderr until it is closed. */
export class LiveView {
  /** By image and platform; one without a name stands for all before the packages are known. */
  readonly #rows = new Map<string, Row>();
  readonly #blobs = new Map<string, TransferEvent>();
  /** Packages that go has compiled, by platform. */
  readonly #compiled = new Map<string, number>();
  /** When the first blob moved. */
  #began: number | undefined;
  #hidden = 0;
  readonly #update = createLogUpdate(process.stderr, { showCursor: true });
  readonly #timer = setInterval(() => this.#draw(), FRAME_MS);

  /** Takes an event that changes a row. */
  take(event: Exclude<KodenoEvent, NoteEvent>): void {
    if (event.type === "image") return;
    if (event.type === "compiled") return void this.#compiled.set(event.platform, event.packages);
    const now = performance.now();
    // Names come from wherever the image does.
    const name = printable(event.image);
    if (event.type === "transfer") {
      this.#began ??= now;
      this.#blobs.set(`${name} ${event.digest}`, { ...event, image: name });
      return;
    }
    const { stage } = event;
    if (name === "" && stage === "done") return this.#forgetOpen();
    const platform = printable(event.platform);
    const key = name && `${name} ${platform}`;
    if (name !== "") this.#rows.delete("");
    const row = this.#rows.get(key);
    this.#rows.set(key, {
      image: name || "packages",
      platform,
      stage,
      bytes: event.bytes ?? row?.bytes ?? 0,
      began: row?.began ?? now,
      ended: stage === "done" ? now : row?.ended,
    });
  }

  /** What was not done by now is not going to be. */
  #forgetOpen(): void {
    for (const [key, { stage }] of this.#rows) if (stage !== "done") this.#rows.delete(key);
    for (const [key, { state }] of this.#blobs) if (state === "moving") this.#blobs.delete(key);
  }

  /** Leaves the screen to something else, until this goes out of scope. */
  hidden(): Disposable {
    this.#hidden++;
    this.#update.clear();
    return {
      [Symbol.dispose]: () => {
        this.#hidden--;
        this.#draw();
      },
    };
  }

  /** Draws a last time and lets the rows stand. */
  close(): void {
    clearInterval(this.#timer);
    this.#rows.delete("");
    this.#update.clear();
    this.#update.done();
    // Printed, since what is drawn is cut to the height of the screen. A command without rows tells
    // the sum of its blobs itself.
    const rows = [...this.#rows.values()];
    const transfers = rows.length > 0 ? this.#transferLines().slice(-1) : [];
    this.#fitting([...imageLines(rows), ...transfers]).forEach(printNote);
  }

  #draw(): void {
    if (this.#hidden > 0) return;
    const rows = [...this.#rows.values()];
    const below = [...this.#compiledLines(rows), ...this.#transferLines()];
    const room = Math.max(3, (process.stderr.rows || 24) - 2 - below.length);
    // What moves is worth more than what is done, when there is no room for both.
    const open = rows.filter((row) => row.stage !== "done");
    const shown = rows.length <= room ? rows : open.slice(0, room - 1);
    const rest = `${rows.length - open.length} of ${rows.length} done`;
    const left = shown.length < rows.length ? [rest] : [];
    const lines = this.#fitting([...imageLines(shown), ...left, ...below]);
    if (lines.length === 0) this.#update.clear();
    else this.#update(lines.join("\n"));
  }

  #fitting(lines: readonly string[]): readonly string[] {
    return lines.map((line) => line.slice(0, columns()));
  }

  /** How many packages were compiled, for platforms that still are. */
  #compiledLines(rows: readonly Row[]): readonly string[] {
    const compiling = rows.filter(({ stage }) => stage === "compiling");
    const counts = [...this.#compiled].filter(([name]) =>
      compiling.some(({ platform }) => platform === name)
    ).map(([platform, count]) => `${count} for ${platform}`);
    return counts.length === 0 ? [] : [`packages compiled: ${counts.join(", ")}`];
  }

  /** Blobs on their way, one each, and the sum of all in the end; none before the first one. */
  #transferLines(): readonly string[] {
    const all = [...this.#blobs.values()];
    if (all.length === 0) return [];
    const moving = all.filter(({ state }) => state === "moving");
    const rows = moving.map(({ image, digest, bytes, total }) => {
      const [went, whole] = [formatBytes(bytes).padStart(8), formatBytes(total).padStart(8)];
      const share = `${Math.floor(total === 0 ? 100 : (100 * bytes) / total)}%`.padStart(4);
      return [">", image, shortDigest(digest), went, "of", whole, share];
    });
    const moved = all.filter(({ state }) => state !== "there");
    const blobs = counted(all.length, "blob");
    if (moved.length === 0) return [...nameRows(rows), `${blobs}, all of them there`];
    const bytes = moved.reduce((sum, blob) => sum + blob.bytes, 0);
    const total = moved.reduce((sum, blob) => sum + blob.total, 0);
    const seconds = (performance.now() - (this.#began ?? 0)) / 1000;
    const rate = formatBytes(seconds > 0 ? bytes / seconds : 0);
    const went = `${formatBytes(bytes)} of ${formatBytes(total)}, ${rate}/s`;
    return [...nameRows(rows), `${all.length - moving.length} of ${blobs}, ${went}`];
  }
}

function imageLines(rows: readonly Row[]): readonly string[] {
  const now = performance.now();
  const cells = rows.map(({ image, platform, stage, bytes, began, ended }) => [
    MARKS[stage],
    image,
    platform,
    stage.padEnd(9),
    (bytes > 0 ? formatBytes(bytes) : "").padStart(8),
    formatDuration((ended ?? now) - began).padStart(6),
  ]);
  return nameRows(cells);
}

/** Columns that a line may fill. */
function columns(): number {
  return (process.stderr.columns || 80) - 1;
}

/** Rows as lines; the names in their second cells are shortened until the other cells fit. */
function nameRows(rows: readonly (readonly string[])[]): readonly string[] {
  const others = alignedRows(rows.map((cells) => cells.with(1, "")), " ");
  const room = columns() - Math.max(0, ...others.map(({ length }) => length));
  const names = shortNames(rows.map(([, name = ""]) => name), room);
  return alignedRows(rows.map((cells, i) => cells.with(1, names[i] ?? "")), " ");
}
