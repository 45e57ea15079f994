/**
 * Shows progress: a live view on a terminal, plain lines elsewhere, JSON lines where asked for.
 * @module
 */
import { allowsLiveView, processEnvironment } from "../config/environment.ts";
import { KodenoError, printable } from "../errors.ts";
import type { Emit, KodenoEvent, NoteEvent } from "../events.ts";
import { interruptible } from "./interrupt.ts";
import { formatDuration, printNote, printResult } from "./output.ts";
import { PlainTransfers } from "./transfers.ts";

/** Where events go. */
export interface Progress {
  readonly emit: Emit;
  /** Ends the view; may be called again. */
  close(): void;
}

/** How progress is shown. */
export interface ProgressOptions {
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
export interface Watched {
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
