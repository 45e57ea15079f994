/**
 * Bundles in parts: `FILE.001` and those behind it are the bytes of a bundle in pieces, and `FILE.000`
 * says what each of them is, so that of parts that got lost or damaged only those have to come again.
 * What `FILE.000` names is whole at any time, also while another bundle takes its place.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { hasCode, KodenoError } from "../errors.ts";
import {
  removeStaleTemporaries,
  syncDirectory,
  temporaryPath,
  writeAtomically,
} from "../io/atomic.ts";
import {
  ioFailure,
  isAbsent,
  isFile,
  openIfFile,
  openWithRetry,
  readSmallText,
  removeIfThere,
  writeAll,
} from "../io/files.ts";
import { hashed, Hasher } from "../io/hash.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import type { TakeBytes } from "../io/output.ts";
import { z } from "../npm/zod.ts";
import { listed } from "../oci/entries.ts";
import { encodeJson, isObject, jsonIn } from "../oci/manifest.ts";
import type { CallOptions } from "../content/places.ts";
import { badBundle, type BundleDocument, DIGEST } from "./document.ts";
import { firstIssue, otherVersion } from "./faults.ts";

const VERSION = 1;
/** Bytes that a part has at least, but for the last one. */
const LEAST_BYTES = 64 * 1024;
const MOST_PARTS = 9999;
const MAX_HEADER_BYTES = 4 * 1024 * 1024;
/** Parts that a message names. */
const MOST_NAMED = 50;
const HEADER_ENDING = ".000";
/**
 * What the numbers of parts begin with: while one bundle takes the place of another, the parts of both are
 * there, and the header says which of them are whole.
 */
const GENERATIONS = ["", "b"] as const;
const PART_ENDING = /\.b?\d{3,4}$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A file beside the header, and nowhere else. */
// deno-lint-ignore no-control-regex -- these are what a name may not have
const fileName = z.string().regex(/^(?!\.\.?$)[^/\\\x00-\x1f\x7f]{1,255}$/);
const part = z.object({ name: fileName, sha256, bytes: z.int().positive() });
const schema = z.object({
  version: z.literal(VERSION),
  /** What the bundle is called: the `id` of its document. */
  id: DIGEST,
  /** Of all parts, one behind the other. */
  sha256,
  bytes: z.int().positive(),
  parts: z.array(part).min(1).max(MOST_PARTS).readonly(),
});

type Part = z.output<typeof part>;
type Header = z.output<typeof schema>;

/** The name of the file that says what the parts of a bundle are. */
export function headerPath(path: string): string {
  return `${path}${HEADER_ENDING}`;
}

/** Whether a file is a bundle, or one of its parts. */
export function isOfBundle(path: string, bundle: string): boolean {
  return path === bundle || path.replace(PART_ENDING, "") === bundle;
}

type Generation = (typeof GENERATIONS)[number];

/** The name of a part: `FILE.001`, or `FILE.b001` while another bundle has that. */
function partName(path: string, generation: Generation, number: number): string {
  return `${basename(path)}.${generation}${String(number).padStart(3, "0")}`;
}

/** Refuses a size that would give more parts than anybody carries. */
export function checkPartSize(bytes: number): void {
  if (bytes >= LEAST_BYTES) return;
  const why = `a part of ${bytes} bytes is too small; say ${LEAST_BYTES} at least`;
  throw new KodenoError("BAD_OPTION", `Cannot use --split: ${why}`);
}

/**
 * Writes a bundle in parts of so many bytes, while it is made. The parts have their names when all of it
 * is there, the header last, which replaces an older one; the parts of that go then, and not before.
 */
export async function writeParts<T extends { readonly document: Pick<BundleDocument, "id"> }>(
  path: string,
  { size, what, signal }: CallOptions & { readonly size: number; readonly what: string },
  write: (take: TakeBytes) => Promise<T>,
): Promise<T & { readonly parts: number }> {
  const folder = dirname(path);
  const parts = new WrittenParts(folder, size);
  try {
    await removeStaleTemporaries(folder);
    const result = await write((chunk) => parts.take(chunk));
    await parts.settle(path, result.document.id);
    return { ...result, parts: parts.count };
  } catch (error) {
    await parts.remove();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`write ${what}`, error);
  }
}

/** Parts, while they are written under other names. */
class WrittenParts {
  readonly #whole = new Hasher();
  readonly #done: { readonly at: string; readonly sha256: string; readonly bytes: number }[] = [];
  /** Where parts are that were written. */
  readonly #paths = new Set<string>();
  #open: { readonly at: string; readonly file: Deno.FsFile; readonly hasher: Hasher } | undefined;

  constructor(readonly folder: string, readonly size: number) {}

  get count(): number {
    return this.#done.length;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#whole.update(chunk);
    for (let at = 0; at < chunk.length;) {
      const { file, hasher } = this.#open ??= await this.#begin();
      const piece = chunk.subarray(at, at + this.size - hasher.bytes);
      writeAll(file, piece);
      hasher.update(piece);
      at += piece.length;
      if (hasher.bytes === this.size) await this.#end();
    }
  }

  async settle(path: string, id: Header["id"]): Promise<void> {
    await this.#end();
    const header = headerPath(path);
    const before = await readHeader(header).catch(() => undefined);
    const taken = new Set(before?.parts.map(({ name }) => name));
    const generation = GENERATIONS.find((one) => !taken.has(partName(path, one, 1))) ?? "";
    const parts = this.#done.map(({ sha256, bytes }, i) => ({
      name: partName(path, generation, i + 1),
      sha256,
      bytes,
    }));
    for (const [i, { name }] of parts.entries()) {
      const { at } = this.#done[i] ?? { at: "" };
      const to = join(this.folder, name);
      await Deno.rename(at, to);
      this.#paths.delete(at);
      this.#paths.add(to);
    }
    await syncDirectory(this.folder);
    const whole = { sha256: hexOf(this.#whole), bytes: this.#whole.bytes };
    const bytes = encodeJson({ version: VERSION, id, ...whole, parts });
    await writeAtomically(header, this.folder, (file) => writeAll(file, bytes));
    this.#paths.clear();
    const own = new Set(parts.map(({ name }) => name));
    const old = GENERATIONS.flatMap((one) => this.#others(path, one, own));
    // From the last one down: where that is interrupted, the next one finds the rest.
    for (const one of old.toReversed()) await removeIfThere(one);
  }

  /** Parts beside one's own, without a gap between them. */
  #others(path: string, generation: Generation, own: ReadonlySet<string>): readonly string[] {
    const found: string[] = [];
    for (let number = 1; number <= MOST_PARTS; number++) {
      const name = partName(path, generation, number);
      if (own.has(name)) continue;
      const at = join(this.folder, name);
      if (!isFile(at)) break;
      found.push(at);
    }
    return found;
  }

  async remove(): Promise<void> {
    this.#open?.file.close();
    this.#open = undefined;
    for (const path of this.#paths) await Deno.remove(path).catch(() => {});
  }

  async #begin() {
    if (this.#done.length === MOST_PARTS) {
      const why = `it has more than ${MOST_PARTS} parts of ${this.size} bytes; say larger ones`;
      throw new KodenoError("BAD_OPTION", `Cannot use --split: ${why}`);
    }
    const at = temporaryPath(this.folder);
    const file = await openWithRetry(at, { write: true, createNew: true });
    this.#paths.add(at);
    return { at, file, hasher: new Hasher() };
  }

  async #end(): Promise<void> {
    if (this.#open === undefined) return;
    const { at, file, hasher } = this.#open;
    await file.sync();
    file.close();
    this.#open = undefined;
    this.#done.push({ at, bytes: hasher.bytes, sha256: hexOf(hasher) });
  }
}

const hexOf = (hasher: Hasher): string => hasher.digest().replace(/^.*:/, "");

/** A bundle in parts, all of which are there. */
interface FoundParts {
  /** What messages call it. */
  readonly what: string;
  readonly header: Header;
  /** The files, in their order. */
  readonly paths: readonly string[];
}

/**
 * Finds the parts of a bundle by the path of its header, of its parts, or of some of them: the others are
 * looked for beside the header. Gives nothing where no header is among the files, or beside them.
 *
 * @throws {KodenoError} `BAD_CONTENT` naming all parts that are missing or too short, and for two bundles
 */
export async function findParts(given: readonly string[]): Promise<FoundParts | undefined> {
  const found = await headerAmong(given);
  if (found === undefined) return undefined;
  const { path, header } = found;
  const what = `bundle ${path}`;
  const named = new Map<string, string>();
  for (const one of given) {
    const name = basename(one);
    if (header.parts.some((part) => part.name === name)) named.set(name, one);
    else if (!found.headers.includes(one)) {
      const first = header.parts[0]?.name;
      const why = `${one} is none of its ${header.parts.length} parts, ${first} and on`;
      throw badBundle(what, `${why}; leave it out`);
    }
  }
  const paths = header.parts.map(({ name }) => named.get(name) ?? join(dirname(path), name));
  const faults: string[] = [];
  for (const [i, { name, bytes }] of header.parts.entries()) {
    const size = await sizeOf(paths[i] ?? "");
    if (size === undefined) faults.push(`${name} is missing (${bytes} bytes)`);
    else if (size !== bytes) faults.push(`${name} has ${size} bytes, not ${bytes}`);
  }
  if (faults.length > 0) throw badParts(what, faults);
  return { what, header, paths };
}

/** The error for parts without the file that says what they are. */
export function noHeader(verb: "join" | "use", given: readonly string[]): KodenoError {
  const why = `none of them says what its parts are: ${headerPath("FILE")} is missing`;
  const next = "name it, too, or bring it again";
  const which = listed(given, MOST_NAMED);
  return new KodenoError("BAD_PLACE", `Cannot ${verb} ${which}: ${why}; ${next}`);
}

/** The error that names parts, which are to be brought again, and no others. */
function badParts(what: string, faults: readonly string[]): KodenoError {
  const again = faults.length === 1 ? "bring that part again" : "bring those parts again";
  return badBundle(what, `${listed(faults, MOST_NAMED)}; ${again}`);
}

async function headerAmong(given: readonly string[]) {
  const headers: { readonly path: string; readonly header: Header }[] = [];
  for (const path of given) {
    const header = await readHeader(path);
    if (header !== undefined) headers.push({ path, header });
  }
  const [first] = headers;
  if (first === undefined) {
    const [path = ""] = given;
    const beside = headerPath(path.replace(PART_ENDING, ""));
    const header = PART_ENDING.test(path) && isFile(beside) ? await readHeader(beside) : undefined;
    const isPart = header?.parts.some(({ name }) => name === basename(path));
    return header && isPart ? { path: beside, header, headers: [] } : undefined;
  }
  const other = headers.find(({ header }) => header.sha256 !== first.header.sha256);
  if (other !== undefined) {
    const why = `${other.path} is of another bundle; name the parts of one`;
    throw badBundle(`bundle ${first.path}`, why);
  }
  return { ...first, headers: headers.map(({ path }) => path) };
}

/** The header in a file; nothing where it is anything else. */
async function readHeader(path: string): Promise<Header | undefined> {
  const text = await textOf(path);
  const value = text === undefined ? undefined : jsonIn(new TextEncoder().encode(text));
  if (!isObject(value) || !("parts" in value)) return undefined;
  const what = `bundle ${path}`;
  const version = otherVersion(value["version"], VERSION);
  if (version !== undefined) throw badBundle(what, `its parts are ${version}`);
  const { data, error } = schema.safeParse(value);
  if (data === undefined) {
    const why = `it is damaged or was changed: ${firstIssue(error)}`;
    throw badBundle(what, `${why}; bring it again`, error);
  }
  const names = new Set(data.parts.map(({ name }) => name));
  const bytes = data.parts.reduce((sum, one) => sum + one.bytes, 0);
  if (names.size === data.parts.length && bytes === data.bytes) return data;
  throw badBundle(what, "it is damaged or was changed: its parts do not add up; bring it again");
}

/** The text of a file that may be a header: those of bundles are no JSON. */
async function textOf(path: string): Promise<string | undefined> {
  using file = await openIfFile(path);
  if (file === undefined) return undefined;
  const first = new Uint8Array(1);
  if (file.readSync(first) === null || first[0] !== 0x7b) return undefined;
  const { size } = await file.stat();
  return size > MAX_HEADER_BYTES ? undefined : readSmallText(path, MAX_HEADER_BYTES);
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw ioFailure(`read ${path}`, error);
  }
}

/** The bytes of a bundle in parts, each of which is checked when it ends. */
export async function* partsChunks(
  { what, header, paths }: FoundParts,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array> {
  for (const [i, part] of header.parts.entries()) {
    const hasher = new Hasher();
    for await (const chunk of fileChunks(paths[i] ?? "", signal)) {
      hasher.update(chunk);
      yield chunk;
    }
    if (hexOf(hasher) !== part.sha256) throw badParts(what, [faultOf(part)]);
  }
}

const faultOf = ({ name }: Part): string => `${name} is damaged, or a part of another bundle`;

async function* fileChunks(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* reusedChunks(fileStream(await openWithRetry(path)), { size: CHUNK_BYTES, signal });
}

/**
 * What a failure of reading a bundle in parts comes from: the error that names all parts that are damaged;
 * where none is, the failure itself.
 */
export async function explainParts(
  { what, header, paths }: FoundParts,
  error: unknown,
  { signal }: CallOptions,
): Promise<unknown> {
  if (!hasCode(error, "BAD_CONTENT", "BAD_PLACE")) return error;
  const bad: string[] = [];
  for (const [i, part] of header.parts.entries()) {
    const { digest } = await hashed(fileChunks(paths[i] ?? "", signal));
    if (digest !== `sha256:${part.sha256}`) bad.push(faultOf(part));
  }
  return bad.length === 0 ? error : badParts(what, bad);
}
