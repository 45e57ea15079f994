/**
 * Runs work until it ends or is told to stop, and shows how far it is: a live view on a terminal,
 * plain lines elsewhere, JSON lines where asked for.
 * @module
 */
import { allowsLiveView, processEnvironment } from "../config/environment.ts";
import { hasCode, KodenoError, withoutLogins } from "../errors.ts";
import type { Emit, KodenoEvent } from "../events.ts";
import { listenNow } from "../signals.ts";
import type { JsonLine } from "./json_lines.ts";
import type { LiveView } from "./live_view.ts";
import { printNote, printResult } from "./output.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** What work is given. */
export interface Work {
  /** When to end. */
  readonly signal: AbortSignal;
  /** Where to tell how far it is. */
  readonly emit: Emit;
  /** Prints something from within the work, which is ended where that fails. */
  readonly tell: (print: () => void) => void;
  /** Writes to the terminal while nothing else is drawn there. */
  readonly alone: <T>(write: () => Promise<T> | T) => Promise<T>;
}

/** How work is run and shown. */
export interface Showing {
  /** Shows how far it is, `seldom` only what takes long; otherwise only notes are printed. */
  readonly view?: boolean | "seldom" | undefined;
  /** Has nothing to clean up: a signal ends the process there and then. */
  readonly endsAtOnce?: boolean | undefined;
  /** Prints all events as JSON. */
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Runs work until it ends, or has cleaned up after a signal (`INTERRUPTED`). */
export async function runWork<T>(
  showing: Showing,
  work: (work: Work) => Promise<T> | T,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const stop = (): void =>
    controller.abort(new KodenoError("INTERRUPTED", "Interrupted; nothing half-made was left"));
  const { emit, live, close } = await makeProgress(showing);
  const tell = (print: () => void): void => {
    try {
      using _ = live?.hidden();
      print();
    } catch (error) {
      controller.abort(error);
    }
  };
  const alone: Work["alone"] = async (write) => {
    using _ = live?.hidden();
    return await write();
  };
  try {
    using _ = showing.endsAtOnce ? undefined : listenNow({
      listen: () => SIGNALS.forEach((name) => Deno.addSignalListener(name, stop)),
      rest: () => SIGNALS.forEach((name) => Deno.removeSignalListener(name, stop)),
      check: () => signal.throwIfAborted(),
    });
    const told: Emit = live === undefined ? (event) => tell(() => emit(event)) : emit;
    const result = await work({ signal, alone, tell, emit: told });
    // What nobody got to read is a failure, though the work did not see it.
    if (signal.aborted && !hasCode(signal.reason, "INTERRUPTED")) throw signal.reason;
    return result;
  } finally {
    close?.();
  }
}

/** Picks the way that fits the terminal and the flags. */
async function makeProgress(
  { view, json, verbose }: Showing,
): Promise<{ readonly emit: Emit; readonly live?: LiveView; readonly close?: () => void }> {
  if (json) {
    const open = (name: string, value: unknown) =>
      name === "message" && typeof value === "string" ? withoutLogins(value) : value;
    return { emit: (event) => printResult(JSON.stringify(event satisfies JsonLine, open)) };
  }
  const note = (event: KodenoEvent): void => {
    if (event.type !== "note" || (event.level === "verbose" && !verbose)) return;
    printNote(event.message);
  };
  if (!view) return { emit: note };
  const seldom = view === "seldom" && !verbose;
  if (!seldom && Deno.stderr.isTerminal() && allowsLiveView(processEnvironment())) {
    const { LiveView } = await import("./live_view.ts");
    const live = new LiveView();
    return {
      live,
      close: () => live.close(),
      emit: (event) => {
        if (event.type !== "note") return live.take(event);
        using _ = live.hidden();
        note(event);
      },
    };
  }
  const { PlainView } = await import("./plain_view.ts");
  const plain = new PlainView(seldom);
  return {
    close: () => plain.close(),
    emit: (event) => {
      note(event);
      plain.take(event);
    },
  };
}
