/**
 * Shows progress: a live view on a terminal, plain lines elsewhere, JSON lines where asked for.
 * @module
 */
import { allowsLiveView, processEnvironment } from "../config/environment.ts";
import type { Emit, KodenoEvent, NoteEvent } from "../events.ts";
import { formatDuration, printNote, printResult } from "./output.ts";

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
  return { emit: (event) => plain(event, note), close: () => {} };
}

function plain(event: KodenoEvent, note: (event: NoteEvent) => void): void {
  if (event.type === "note") note(event);
  else if (event.type === "stage" && event.stage === "compiling") {
    printNote(`${event.image} ${event.platform}: compiling`);
  } else if (event.type === "stage" && event.stage === "done") {
    printNote(`${event.image} ${event.platform}: done in ${formatDuration(event.elapsedMs)}`);
  }
}

/** Prints warnings and other notes of commands without a view of their own. */
export function notes(event: KodenoEvent): void {
  if (event.type === "note" && event.level !== "verbose") printNote(event.message);
}
