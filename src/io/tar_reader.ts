/**
 * Tar headers, one after the other: what they say of their members, and where the contents of these are.
 * The same for a file, and for a stream that is read once. What members may be is their readers' matter.
 * @module
 */
import { Buffer } from "node:buffer";
import { Header } from "../npm/tar.ts";
import { tarPadding } from "./tar_writer.ts";

export const BLOCK_BYTES = 512;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** What a tar is read from, from its start on. */
export interface TarBytes {
  /** How many there are; infinite where nobody knows yet. */
  readonly length: number;
  /** The bytes at an offset, never before an earlier one; fewer where the tar ends. */
  at(offset: number, length: number): Promise<Buffer>;
}

/** A member as its header tells of it. */
export interface TarHead {
  /** The last of its blocks; what pax records or GNU members say beats it. */
  readonly header: Header;
  /** As it stands there. */
  readonly path: string;
  readonly linkpath: string;
  readonly size: number;
  /** Where its header begins, or what extends that, in bytes from the start of the tar. */
  readonly start: number;
  /** Where its content is. */
  readonly offset: number;
  /** Its pax records, whose values may be any bytes. */
  readonly records: ReadonlyMap<string, Buffer>;
}

/** How errors are told, and what is let pass. */
interface TarRules {
  /** For what is damaged. */
  readonly bad: (why: string, cause?: unknown) => Error;
  /** For what is no tar at its very beginning. */
  readonly notTar: () => Error;
  /** Whether it may end where a member does, without the zeros that end a tar. */
  readonly mayLackEnd?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What pax records or GNU members say about the member after them. */
interface Extension {
  readonly path?: string;
  readonly linkpath?: string;
  readonly records: ReadonlyMap<string, Buffer>;
}

const NOTHING: Extension = { records: new Map() };
const EXTENSION = /^(?:(?:Global)?ExtendedHeader|NextFileHasLong(?:Path|Linkpath))$/;

/**
 * Reads the headers of a tar, up to the zeros that end it; between two members their reader may take the
 * content of the first.
 *
 * @throws what `bad` and `notTar` make
 */
export async function* tarHeads(
  bytes: TarBytes,
  { bad, notTar, mayLackEnd = false, signal }: TarRules,
): AsyncGenerator<TarHead> {
  let extension = NOTHING;
  let start = 0;
  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await bytes.at(offset, BLOCK_BYTES);
    if (block.length === 0 && mayLackEnd && start === offset) return;
    if (block.length < BLOCK_BYTES) {
      throw bad(`it ends early, after ${bytes.length} bytes`);
    }
    const damaged = `the tar header at byte ${offset} is damaged`;
    let header: Header;
    try {
      // What has a slash behind its name it takes for a folder of no size, and of a name in a pax record the
      // block may have a slash alone: what of it is ASCII.
      const { path } = extension;
      header = new Header(block, 0, path === undefined ? undefined : { path });
    } catch (error) {
      // A number beyond those that are exact.
      throw bad(damaged, error);
    }
    if (header.nullBlock) return;
    if (!header.cksumValid) throw offset === 0 ? notTar() : bad(damaged);
    const isExtension = EXTENSION.test(header.type);
    const size = isExtension ? header.size : sizeIn(extension) ?? header.size;
    const content = offset + BLOCK_BYTES;
    const label = JSON.stringify(header.path);
    if (size === undefined || !Number.isSafeInteger(size)) {
      throw bad(`the size of its member ${label} is no number`);
    }
    if (content + size > bytes.length) {
      const why = `its member ${label} should have ${size} bytes`;
      throw bad(`it ends early, after ${bytes.length} bytes: ${why}`);
    }
    offset = content + size + tarPadding(size);
    if (isExtension) {
      if (size > MAX_EXTENSION_BYTES) throw bad(`the header of ${label} is too large`);
      const told = readExtension(header.type, await bytes.at(content, size));
      if (told === undefined) throw bad(damaged);
      const records = new Map([...extension.records, ...told.records]);
      extension = { ...extension, ...told, records };
      continue;
    }
    const { path = header.path ?? "", linkpath = header.linkpath ?? "", records } = extension;
    yield { header, path, linkpath, size, start, offset: content, records };
    start = offset;
    extension = NOTHING;
  }
}

function sizeIn({ records }: Extension): number | undefined {
  const text = records.get("size")?.toString();
  return text === undefined ? undefined : /^\d+$/.test(text) ? Number(text) : NaN;
}

/** What a member says of the next one; nothing for records that cannot be told apart. */
function readExtension(type: string, bytes: Buffer): Extension | undefined {
  // The memory is filled again.
  const text = () => bytes.toString("utf8");
  if (type === "NextFileHasLongPath") return { ...NOTHING, path: text().replace(/\0[^]*$/, "") };
  if (type === "NextFileHasLongLinkpath") {
    return { ...NOTHING, linkpath: text().replace(/\0[^]*$/, "") };
  }
  // A comment for all members (git writes one); what a global record renames has no meaning.
  if (type === "GlobalExtendedHeader") return NOTHING;
  const records = paxRecords(bytes);
  if (records === undefined) return undefined;
  const [path, linkpath] = [records.get("path"), records.get("linkpath")];
  return {
    records,
    ...(path === undefined ? {} : { path: path.toString("utf8") }),
    ...(linkpath === undefined ? {} : { linkpath: linkpath.toString("utf8") }),
  };
}

/**
 * The records `LENGTH KEY=VALUE\n` of an extended header, by their lengths: a value may have line ends,
 * and what looks like another record.
 */
function paxRecords(bytes: Buffer): Map<string, Buffer> | undefined {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(" ", at);
    const digits = blank < 0 ? "" : bytes.toString("latin1", at, blank);
    const end = at + Number(digits);
    const equals = bytes.indexOf("=", blank);
    if (!/^\d{1,7}$/.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a) {
      return undefined;
    }
    if (equals < 0 || equals >= end) return undefined;
    const value = Buffer.from(bytes.subarray(equals + 1, end - 1));
    records.set(bytes.toString("utf8", blank + 1, equals), value);
    at = end;
  }
  return records;
}

/** A stream as the bytes of a tar: only what was not read yet can be asked for. */
export class StreamedBytes implements TarBytes {
  /** What was read of the stream and not passed by yet; it holds until the stream is asked again. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Where that begins. */
  #offset = 0;
  length = Infinity;

  constructor(readonly chunks: AsyncIterator<Uint8Array>) {}

  async at(offset: number, length: number): Promise<Buffer> {
    await this.#pass(offset);
    if (this.#rest.length < length && this.length === Infinity) {
      const parts = [Buffer.from(this.#rest)];
      let held = this.#rest.length;
      while (held < length) {
        const chunk = await this.#next(held);
        if (chunk === undefined) break;
        parts.push(Buffer.from(chunk));
        held += chunk.length;
      }
      this.#rest = Buffer.concat(parts, held);
    }
    const found = this.#rest.subarray(0, length);
    return Buffer.from(found.buffer, found.byteOffset, found.byteLength);
  }

  /** The content of a member, which is not copied. */
  async *content(
    offset: number,
    size: number,
    bad: (why: string) => Error,
  ): AsyncGenerator<Uint8Array> {
    await this.#pass(offset);
    for (let left = size; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#fill())) {
        throw bad(`it ends early, after ${this.length} bytes`);
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      this.#offset += part.length;
      left -= part.length;
      yield part;
    }
  }

  /** Refuses whatever comes behind the end of the tar but zeros. */
  async end(bad: (why: string) => Error): Promise<void> {
    do {
      if (this.#rest.some((byte) => byte !== 0)) {
        throw bad(`it goes on behind its end, at byte ${this.#offset}`);
      }
      this.#offset += this.#rest.length;
      this.#rest = new Uint8Array(0);
    } while (await this.#fill());
  }

  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  async #pass(offset: number): Promise<void> {
    while (this.#offset < offset) {
      if (this.#rest.length === 0 && !(await this.#fill())) return;
      const count = Math.min(this.#rest.length, offset - this.#offset);
      this.#rest = this.#rest.subarray(count);
      this.#offset += count;
    }
  }

  async #fill(): Promise<boolean> {
    const chunk = await this.#next(0);
    this.#rest = chunk ?? new Uint8Array(0);
    return chunk !== undefined;
  }

  /** The next chunk, behind so many bytes that are held of those before. */
  async #next(held: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const { done, value } = await this.chunks.next();
      if (done) {
        this.length = this.#offset + held;
        return undefined;
      }
      if (value.length > 0) return value;
    }
  }
}
