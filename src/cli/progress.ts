/**
 * Runs work until it ends or is told to stop, and shows how far it is: a live view on a terminal,
 * plain lines elsewhere, JSON lines where asked for.
 * @module
 */
import { allowsLiveView, processEnvironment } from "../config/environment.ts";
import { KodenoError, printable } from "../errors.ts";
import type { Emit, KodenoEvent, NoteEvent, TransferEvent } from "../events.ts";
import { listenNow } from "../undisturbed.ts";
import { formatBytes, formatDuration, printNote, printResult } from "./output.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
/** Smaller blobs are not worth a line of their own. */
const LARGE_BYTES = 1_000_000;
/** Milliseconds between two plain lines about one blob. */
const PLAIN_MS = 10_000;
/** Characters of a digest that are shown. */
const SHORT = "sha256:".length + 12;

/** Where events go. */
interface Progress {
  readonly emit: Emit;
  /** Ends the view; may be called again. */
  close(): void;
}

/** How progress is shown. */
interface ProgressOptions {
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Picks the way that fits the terminal and the flags. */
export async function makeProgress({ json, verbose }: ProgressOptions): Promise<Progress> {
  if (json) return { emit: (event) => printResult(JSON.stringify(event)), close: () => {} };
  const note = (event: NoteEvent): void => {
    if (event.level !== "verbose" || verbose) printNote(event.message);
  };
  if (Deno.stderr.isTerminal() && allowsLiveView(processEnvironment())) {
    const { LiveView } = await import("./live_view.ts");
    const view = new LiveView();
    return {
      emit: (event) => event.type === "note" ? view.above(() => note(event)) : view.take(event),
      close: () => view.close(),
    };
  }
  const transfers = new PlainTransfers();
  return { emit: (event) => plain(event, note, transfers), close: () => {} };
}

/** What work is given: when to end, and where to tell how far it is. */
interface Watched {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Runs work under a view, which is gone when it ends, and until the process is told to stop. */
export async function watched<T>(
  options: ProgressOptions,
  work: (watched: Watched) => Promise<T>,
): Promise<T> {
  const { emit, close } = await makeProgress(options);
  try {
    return await interruptible(async (signal, fail) => {
      const result = await work({ signal, emit: (event) => failing(fail, () => emit(event)) });
      // An event that nobody got is a failure, though the work did not see it.
      if (signal.aborted && !isInterrupt(signal.reason)) throw signal.reason;
      return result;
    });
  } finally {
    close();
  }
}

/** Runs work that only looks, under a view; a signal ends it as it ends any program. */
export async function shown<T>(
  options: ProgressOptions,
  work: (watched: Pick<Watched, "emit">) => Promise<T>,
): Promise<T> {
  const { emit, close } = await makeProgress(options);
  try {
    return await work({ emit });
  } finally {
    close();
  }
}

/** Tells of something from within work, which is ended where that fails. */
export function failing(fail: (error: unknown) => void, tell: () => void): void {
  try {
    tell();
  } catch (error) {
    fail(error);
  }
}

function isInterrupt(error: unknown): boolean {
  return error instanceof KodenoError && error.code === "INTERRUPTED";
}

function plain(
  event: KodenoEvent,
  note: (event: NoteEvent) => void,
  transfers: PlainTransfers,
): void {
  if (event.type === "note") note(event);
  else if (event.type === "transfer") {
    const line = transfers.line(event);
    if (line !== undefined) printNote(printable(line));
  } else if (event.type === "stage" && event.stage === "compiling") {
    printNote(`${event.image} ${event.platform}: compiling`);
  } else if (event.type === "stage" && event.stage === "done") {
    printNote(`${event.image} ${event.platform}: done in ${formatDuration(event.elapsedMs)}`);
  }
}

/**
 * Runs work with a signal that is aborted when the process is told to stop.
 *
 * @param work may also end itself, by `fail`, where it cannot throw
 * @throws {KodenoError} `INTERRUPTED` then, after the work has cleaned up
 */
export async function interruptible<T>(
  work: (signal: AbortSignal, fail: (error: unknown) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const fail = (error: unknown): void => controller.abort(error);
  const stop = (): void =>
    fail(new KodenoError("INTERRUPTED", "Interrupted; nothing half-made was left"));
  using _ = listenNow({
    listen: () => SIGNALS.forEach((signal) => Deno.addSignalListener(signal, stop)),
    rest: () => SIGNALS.forEach((signal) => Deno.removeSignalListener(signal, stop)),
    check: () => controller.signal.throwIfAborted(),
  });
  return await work(controller.signal, fail);
}

/** Plain lines: one for each large blob, and now and then one for a blob that takes long. */
class PlainTransfers {
  readonly #told = new Map<string, number>();

  /** The line for an event, if it is worth one. */
  line(event: TransferEvent): string | undefined {
    const { image, digest, bytes, total, state } = event;
    if (total < LARGE_BYTES || state === "there") return undefined;
    const name = `${image ? `${image} ` : ""}${digest.slice(0, SHORT)}`;
    if (state === "done") return `${name}: ${formatBytes(total)} done`;
    const now = performance.now();
    const told = this.#told.get(name);
    if (told === undefined || now - told >= PLAIN_MS) this.#told.set(name, now);
    if (told === undefined || now - told < PLAIN_MS) return undefined;
    return `${name}: ${formatBytes(bytes)} of ${formatBytes(total)}`;
  }
}
