/**
 * Finds and reads files of Kubernetes objects, in the order ko takes them.
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { decodeText } from "../config/text.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { ioFailure, isNotFound } from "../io/files.ts";
import { Folders, unspeakableName } from "../io/folder.ts";
import { readAll } from "../io/streams.ts";
import { orAborted, Pool } from "../io/concurrency.ts";
import { type KubeManifest, readManifest } from "./manifest.ts";
import { parseSelector } from "./selector.ts";

/** Which objects are meant. */
export interface ManifestQuery {
  /** Files, folders, and `-` for the standard input, in the order they are to come. */
  readonly files: readonly string[];
  /** Whether folders within the folders count. */
  readonly recursive?: boolean | undefined;
  /** Labels of the objects that count; see `parseSelector`. */
  readonly selector?: string | undefined;
  /** The standard input; asked once at most. */
  readonly stdin?: (() => ReadableStream<Uint8Array>) | undefined;
}

/** More than any cluster takes in one object, and less than would fill the memory. */
const MAX_BYTES = 6 * 1024 * 1024;
/** The order of Go. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** Files that are read at once. */
const READERS = 16;

/**
 * The files of a query. In a folder, those that end in `.yaml` or `.json`, sorted by name; a file
 * that is named may end in anything.
 */
async function listManifests(query: ManifestQuery): Promise<readonly string[]> {
  if (query.files.length === 0) {
    throw new KodenoError(
      "BAD_OPTION",
      "Cannot resolve: no files are named; use -f FILE, -f FOLDER, or -f - for the standard input",
    );
  }
  const found: string[] = [];
  for (const file of query.files) {
    const isFolder = file !== "-" && await isDirectory(file);
    found.push(...isFolder ? await below(file, query.recursive ?? false) : [file]);
  }
  return found;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (isNotFound(error)) {
      throw new KodenoError("BAD_OPTION", `Cannot read ${path}: there is no such file or folder`);
    }
    throw ioFailure(`read ${path}`, error);
  }
}

async function below(folder: string, recursive: boolean): Promise<readonly string[]> {
  using folders = new Folders();
  const { names, unspeakable } = folders.names(folder);
  const lost = unspeakable.find(({ name, isFile }) => isManifest(name) || (recursive && !isFile));
  if (lost !== undefined) throw unspeakableName(`read all files of ${folder}`, lost);
  const found: string[] = [];
  for (const name of names.toSorted(byBytes)) {
    const path = join(folder, name);
    // Links to folders are none.
    if ((await Deno.lstat(path).catch(() => undefined))?.isDirectory) {
      if (recursive) found.push(...await below(path, recursive));
    } else if (isManifest(name)) {
      found.push(path);
    }
  }
  return found;
}

/** For ko a file that is named only `.yaml` ends in `.yaml`, too. */
function isManifest(name: string): boolean {
  return /\.(?:yaml|json)$/.test(name);
}

/**
 * Reads all files of a query, in its order. What is no YAML is `BAD_CONFIG`, all such files in one
 * error; an abort ends it also while a pipe says nothing.
 */
export async function readManifests(
  query: ManifestQuery,
  signal?: AbortSignal,
): Promise<readonly KubeManifest[]> {
  const selector = query.selector ? parseSelector(query.selector) : undefined;
  const readers = new Pool(READERS);
  const reading = (await listManifests(query)).map((file) =>
    readers.run(async () => {
      const name = file === "-" ? "standard input" : file;
      return readManifest(decode(await readBytes(file, name, query), name), name, selector);
    })
  );
  const read = await orAborted(Promise.allSettled(reading), signal);
  const failures = read.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  if (failures.length > 0) throw combined(failures);
  return read.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

/** What is wrong with several files is told at once. */
function combined(failures: readonly unknown[]): unknown {
  const faults = failures.filter((one) => hasCode(one, "BAD_CONFIG"));
  if (faults.length !== failures.length || faults.length === 1) return failures[0];
  return new KodenoError("BAD_CONFIG", faults.map(({ message }) => message).join("\n"));
}

async function readBytes(file: string, name: string, { stdin }: ManifestQuery) {
  if (file === "-" && stdin === undefined) {
    throw new KodenoError("BAD_OPTION", "Cannot read: no input is given");
  }
  try {
    // What a pipe or a device holds is only known when it was read.
    const stream = file === "-" && stdin ? stdin() : (await Deno.open(file)).readable;
    return await readAll(stream, MAX_BYTES, name);
  } catch (error) {
    if (error instanceof KodenoError) {
      throw new KodenoError("BAD_CONFIG", `${error.message}; split it`, { file: name });
    }
    throw ioFailure(`read ${name}`, error);
  }
}

/** What is printed is UTF-8, with a byte order mark where there was one. */
function decode(bytes: Uint8Array, file: string): string {
  const mark = `${bytes[0]},${bytes[1]}`;
  const encoding = mark === "255,254" ? "utf-16le" : mark === "254,255" ? "utf-16be" : undefined;
  if (encoding === undefined) return decodeText(bytes, file, true);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `Cannot read ${file}: it is not UTF-16`;
    throw new KodenoError("BAD_CONFIG", message, { file }, { cause });
  }
}
