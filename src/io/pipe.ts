/**
 * Named pipes, whose other side may come later: nobody is waited for in the kernel, where some runtimes
 * would hear no signal meanwhile.
 * @module
 */
import { orAborted } from "./abortable.ts";

const WAIT_MS = 50;

/**
 * Opens one side of a named pipe. As long as the other side is not there, writing fails with
 * `BrokenPipe`, and reading finds the end.
 */
export async function openPipe(path: string, side: "read" | "write"): Promise<Deno.FsFile> {
  const one = { [side]: true };
  try {
    // With both sides open, the one that stays has not to wait.
    using _both = await Deno.open(path, { read: true, write: true });
    return await Deno.open(path, one);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return await Deno.open(path, one);
  }
}

/** Waits a moment for the other side. */
export async function waitForPartner(signal?: AbortSignal): Promise<void> {
  await orAborted(new Promise<void>((resolve) => setTimeout(resolve, WAIT_MS)), signal);
}
