/**
 * Byte streams from files and from memory, and the ways of reading them: whole, by chunks, and into
 * memory that is used again (BYOB), so that moving hundreds of megabytes makes no garbage.
 * @module
 */
import { Buffer } from "node:buffer";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ReadableFile, readSome } from "./files.ts";
import { hashed, Verifier } from "./hash.ts";

/** Bytes moved at a time: so many that system calls do not show. */
export const CHUNK_BYTES = 1024 * 1024;
/** Bytes tried first where the reader brings no memory: most files are small documents. */
const FIRST_BYTES = 16 * 1024;

/** Memory for a stream to fill. */
export type Memory = Uint8Array<ArrayBuffer>;

/**
 * Fills memory from its beginning and gives the filled part, which is empty at the end only. It may
 * be another view than what was given: memory that goes through several streams changes hands.
 */
type ReadInto = (memory: Memory) => Promise<Memory>;

/** A stream that `read` fills, and never ahead of need; it can be read like any other one, too. */
export function byteStream(read: ReadInto, cancel: (reason: unknown) => Promise<void> | void) {
  let size = FIRST_BYTES;
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view as ArrayBufferView<ArrayBuffer> | null | undefined;
      const filled = await read(
        view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(size),
      );
      if (filled.length === 0) controller.close();
      if (request) request.respondWithNewView(filled);
      else if (filled.length > 0) {
        size = filled.length < size ? FIRST_BYTES : Math.min(4 * size, CHUNK_BYTES);
        controller.enqueue(filled);
      }
    },
    cancel,
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** A file from its current place on; it is closed at the end, on error and on cancel. */
export function fileStream(file: ReadableFile): ReadableStream<Uint8Array> {
  const read: ReadInto = async (memory) => {
    let count: number | null = null;
    try {
      count = await readSome(file, memory);
      return memory.subarray(0, count ?? 0);
    } finally {
      if (count === null) file.close();
    }
  };
  return byteStream(read, () => file.close());
}

export function bytesStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes.length > 0 ? [bytes] : []);
}

/** A stream being read. */
export interface ByobReader {
  /** False for a stream that brings its own memory: what is given to it is then left alone. */
  readonly fills: boolean;
  readonly read: ReadInto;
  cancel(reason?: unknown): Promise<void>;
}

/** Opens a stream, of either kind, for reading into memory that is given. */
export function byobReader(stream: ReadableStream<Uint8Array>): ByobReader {
  const nothing: Memory = new Uint8Array(0);
  try {
    const reader = stream.getReader({ mode: "byob" });
    // Nothing comes back of a stream that was cancelled.
    const read = async (memory: Memory) => (await reader.read(memory)).value ?? nothing;
    return { fills: true, read, cancel: (reason) => reader.cancel(reason) };
  } catch (error) {
    // No byte stream, or it has a reader: who asks for an ordinary one is told.
    if (!(error instanceof TypeError)) throw error;
  }
  const reader = stream.getReader();
  const read = async (): Promise<Memory> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return nothing;
      if (value.length > 0) return value as Memory;
    }
  };
  return { fills: false, read, cancel: (reason) => reader.cancel(reason) };
}

/** A stream whose chunks are seen on their way; nothing is read ahead. */
export function observed(stream: ReadableStream<Uint8Array>, see: (chunk: Uint8Array) => void) {
  const reader = byobReader(stream);
  const cancel = (reason: unknown): Promise<void> => reader.cancel(reason);
  const next = async (memory: Memory): Promise<Memory> => {
    const chunk = await reader.read(memory);
    if (chunk.length > 0) see(chunk);
    return chunk;
  };
  if (reader.fills) return byteStream(next, cancel);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await next(new Uint8Array(0));
      if (chunk.length === 0) controller.close();
      else controller.enqueue(chunk);
    },
    cancel,
  }, { highWaterMark: 0 });
}

/** The chunks of a stream; the signal cancels it, even while one waits for the next chunk. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>, signal?: AbortSignal) {
  const reader = stream.getReader();
  try {
    yield* untilAborted(reader, async () => (await reader.read()).value, signal);
  } finally {
    reader.releaseLock();
  }
}

export interface ReuseOptions {
  /** Bytes that are expected: no more memory is taken than they need. */
  readonly size: number;
  /** Bytes of a chunk, default {@link CHUNK_BYTES}. */
  readonly most?: number | undefined;
  /** How many bytes come after a chunk before its memory is filled again, default none. */
  readonly keep?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The chunks of a stream, each of which holds only until the next one is asked for. */
export async function* reusedChunks(
  stream: ReadableStream<Uint8Array>,
  { size, most = CHUNK_BYTES, keep = 0, signal }: ReuseOptions,
): AsyncGenerator<Uint8Array> {
  const reader = byobReader(stream);
  const bytes = reader.fills ? Math.max(1, Math.min(size, most)) : 0;
  const used: { readonly memory: Memory; readonly end: number }[] = [];
  let total = 0;
  yield* untilAborted(reader, async () => {
    const [first] = used;
    const free = first && total - first.end >= keep ? used.shift()?.memory : undefined;
    const chunk = await reader.read(free ?? new Uint8Array(bytes));
    total += chunk.length;
    if (reader.fills) used.push({ memory: new Uint8Array(chunk.buffer), end: total });
    return chunk.length === 0 ? undefined : chunk;
  }, signal);
}

/** {@link reusedChunks} of a blob of a place, which fail at the end where they are not its descriptor's. */
export async function* checkedChunks(
  stream: ReadableStream<Uint8Array>,
  descriptor: Descriptor,
  { place, ...how }: Omit<ReuseOptions, "size"> & { readonly place?: string | undefined } = {},
): AsyncGenerator<Uint8Array> {
  const verifier = new Verifier(descriptor, place);
  for await (const chunk of reusedChunks(stream, { ...how, size: descriptor.size })) {
    verifier.update(chunk);
    yield chunk;
  }
  verifier.finish();
}

/** The digest and the size of an open file from its current place on; it is closed at the end. */
export function hashedFile(file: ReadableFile): ReturnType<typeof hashed> {
  return hashed(reusedChunks(fileStream(file), { size: CHUNK_BYTES }));
}

/** What `next` gives until it gives nothing; the reader is cancelled at the end in any case. */
async function* untilAborted(
  reader: { cancel(reason?: unknown): Promise<void> },
  next: () => Promise<Uint8Array | undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const cancel = () => reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await next();
      signal?.throwIfAborted();
      if (chunk === undefined) return;
      yield chunk;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancel();
  }
}

/** Reads a stream whole, which `what` names; past the limit the rest is not read. */
export async function readAll(stream: AsyncIterable<Uint8Array>, limit: number, what: string) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > limit) {
      throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, length));
}
