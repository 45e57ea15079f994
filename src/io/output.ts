/**
 * Output that the user points to: only a regular file is replaced, and that atomically; a pipe, a
 * device, an open descriptor and the standard output are written through; links are followed.
 * @module
 */
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { KodenoError, messageOf } from "../errors.ts";
import { removeStaleTemporaries, writeAtomically } from "./atomic.ts";
import { ioFailure, isFolder, isNotFound, writeAll } from "./files.ts";
import { orAborted, sleep } from "./concurrency.ts";

/** As many as the kernel follows. */
const MAX_LINKS = 40;
/** A folder of open descriptors, as `/dev/fd` and `/dev/stdout` lead to. */
const DESCRIPTORS = /^\/proc\/(\d+)\/(?:task\/\d+\/)?fd$/;

/** How often the other side of a pipe is looked for, in milliseconds. */
export const PARTNER_MS = 50;

/** Takes bytes, which are written when it is done; the chunk has to hold until then. */
export type TakeBytes = (chunk: Uint8Array) => Promise<void> | void;

/** Which output it is, as errors name it (`archive app.tar`), and when to end. */
type OutputOptions = { readonly what: string; readonly signal?: AbortSignal | undefined };

/** Whether a person would get what is written to the standard output. */
export function isStdoutTerminal(): boolean {
  return Deno.stdout.isTerminal();
}

/** What names the output (`--tarball`) that is stdout by `-`, path or link; at most one is. */
export async function outputOnStdout(
  outputs: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  let found: string | undefined;
  for (const [what, path] of Object.entries(outputs)) {
    if (!path || (await findOutput(path)).kind !== "stdout") continue;
    if (found !== undefined) {
      const why = "both would go to stdout; name a file for one of them";
      throw new KodenoError("BAD_OPTION", `Cannot write ${found} and ${what}: ${why}`);
    }
    found = what;
  }
  return found;
}

/** Follows the links of a path (`-` is stdout) to the end; nothing needs to be there. */
export async function findOutput(path: string): Promise<{
  readonly kind: "file" | "folder" | "pipe" | "device" | "descriptor" | "stdout";
  readonly path: string;
}> {
  if (path === "-") return { kind: "stdout", path };
  // Whatever it is to become, it cannot be a file.
  if (/[/\\]$/.test(path)) return { kind: "folder", path };
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const folder = await Deno.realPath(dirname(at)).catch(() => resolve(dirname(at)));
    const owner = DESCRIPTORS.exec(folder)?.[1];
    at = join(folder, basename(at));
    if (owner !== undefined) {
      // These are links, too, but not always to what can be opened by its name.
      const own = Number(owner) === process.pid && basename(at) === "1";
      return { kind: own ? "stdout" : "descriptor", path: at };
    }
    const info = await Deno.lstat(at).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (!info || info.isFile) return { kind: "file", path: at };
    if (info.isDirectory) return { kind: "folder", path: at };
    if (!info.isSymlink) return { kind: info.isFifo ? "pipe" : "device", path: at };
    const to = await Deno.readLink(at);
    at = isAbsolute(to) ? to : `${folder}/${to}`;
  }
  throw new KodenoError("IO_FAILED", `Cannot write to ${path}: its links lead back to it`);
}

/**
 * A folder for what is kept until the output is written, beside it where that is a file; and what
 * an error adds of one that the user has not named.
 */
export async function outputFolder(
  path: string,
): Promise<{ readonly folder: string; readonly note: string }> {
  const { kind, path: target } = await findOutput(path);
  if (kind === "file") return { folder: dirname(target), note: "" };
  return { folder: tmpdir(), note: `, kept in ${tmpdir()} (TMPDIR) till then` };
}

/** Says before any work that output cannot be written to a path: it is a folder, or in none. */
export async function checkOutput(path: string, what: string): Promise<void> {
  const { kind, path: target } = await findOutput(path);
  const isLost = kind === "file" && !isFolder(dirname(target));
  const why = kind === "folder"
    ? "it is a folder; name a file"
    : isLost && `there is no folder ${dirname(target)}; make it first`;
  if (why) throw new KodenoError("BAD_PLACE", `Cannot write ${what}: ${why}`);
}

/** Runs what makes bytes; where they cannot be taken that is what is told, whatever it makes of it. */
async function failingAsTaken<T>(
  take: TakeBytes,
  work: (take: TakeBytes) => Promise<T>,
): Promise<T> {
  let failure: { readonly error: unknown } | undefined;
  try {
    return await work(async (chunk) => {
      try {
        await take(chunk);
      } catch (error) {
        failure ??= { error };
        throw error;
      }
    });
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
}

/**
 * Writes output, to a path as of {@link findOutput}. A file is visible when `write` has come to its
 * end, and is otherwise as it was; what is no file has then got a part of it.
 */
export async function writeOutput<T>(
  path: string,
  { what, signal }: OutputOptions,
  work: (take: TakeBytes) => Promise<T>,
): Promise<T> {
  const write = (take: TakeBytes) => failingAsTaken(take, work);
  // A pipe may wait for its reader, before the first byte is written.
  const into = async (file: Deno.FsFile, waits = false): Promise<T> => {
    using _ = file;
    let begun = !waits;
    return await write(async (chunk) => {
      await writeThrough(file, chunk, signal, begun);
      begun ||= chunk.length > 0;
    });
  };
  try {
    signal?.throwIfAborted();
    const { kind, path: target } = await findOutput(path);
    switch (kind) {
      case "folder":
        throw new KodenoError("BAD_PLACE", `Cannot write ${what}: it is a folder; name a file`);
      case "file":
        try {
          return await replaceFile(target, write);
        } catch (error) {
          // A container may have this one file from outside: such a one cannot be replaced.
          if (!/os error 16\b/.test(messageOf(error))) throw error;
          return await into(await Deno.open(target, { write: true, truncate: true }));
        }
      case "stdout": {
        const own = await openedAnew();
        if (own !== undefined) return await into(own);
        return await write((chunk) => writeThrough(Deno.stdout, chunk, signal));
      }
      case "pipe":
        return await into(await openPipe(target, "write"), true);
      case "device":
        return await into(await Deno.open(target, { write: true }));
      case "descriptor":
        // What is in a file already stays, as it does for whoever opened it.
        return await into(await Deno.open(target, { append: true }));
    }
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (!(cause instanceof Deno.errors.BrokenPipe)) throw ioFailure(`write ${what}`, cause);
    const why = "its reader has gone";
    throw new KodenoError("IO_FAILED", `Cannot write ${what}: ${why}`, {}, { cause });
  }
}

/**
 * The pipe that the standard output is, where the system can open it again. Whoever shares it, as Node does,
 * may have set it so that nobody waits; the runtime does not tell then how much of a chunk has gone.
 */
async function openedAnew(): Promise<Deno.FsFile | undefined> {
  const path = "/proc/self/fd/1";
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFifo) return undefined;
  return await openPipe(path, "write").catch(() => undefined);
}

/** Replaces a file when `write` has come to its end, which may read the old one; or leaves it as it was. */
export async function replaceFile<T>(
  path: string,
  write: (take: TakeBytes) => Promise<T>,
): Promise<T> {
  const folder = dirname(path);
  await removeStaleTemporaries(folder);
  // One that is replaced stays as private as it was.
  const { mode } = await Deno.stat(path).catch(() => ({ mode: null }));
  const fill = (file: Deno.FsFile) => write((chunk) => writeAll(file, chunk));
  return await writeAtomically(path, folder, fill, mode === null ? undefined : mode & 0o777);
}

/** {@link writeOutput} for a text at hand. */
export async function writeTextOutput(path: string, options: OutputOptions, text: string) {
  const bytes = new TextEncoder().encode(text);
  await writeOutput(path, options, async (take) => await take(bytes));
}

/** Writes all of a chunk, and waits with the runtime's threads for whoever reads it. */
async function writeThrough(
  file: Pick<Deno.FsFile, "write">,
  chunk: Uint8Array,
  signal?: AbortSignal,
  hasReader = true,
): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    try {
      offset += await orAborted(file.write(chunk.subarray(offset)), signal);
    } catch (error) {
      // Whoever shares it may have set it so that nobody waits.
      const comesLater = error instanceof Deno.errors.WouldBlock ||
        (!hasReader && offset === 0 && error instanceof Deno.errors.BrokenPipe);
      if (!comesLater) throw error;
      await sleep(PARTNER_MS, signal);
    }
  }
}

/** Opens one side of a named pipe. Till the other is there writing fails, and reading ends. */
export async function openPipe(path: string, side: "read" | "write"): Promise<Deno.FsFile> {
  // With both sides open, the one that stays has not to wait.
  using _both = await Deno.open(path, { read: true, write: true }).catch((error) => {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  });
  return await Deno.open(path, { [side]: true });
}
