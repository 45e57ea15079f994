/**
 * Ctrl-C and SIGTERM as an abort signal for the work.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { listenNow } from "../undisturbed.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

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
