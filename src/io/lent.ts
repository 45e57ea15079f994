/**
 * Byte streams that are read into memory which the reader lends, again and again: moving hundreds of
 * megabytes then makes no garbage. Such a stream can be read like any other one, too.
 * @module
 */

/** Bytes moved at a time: so many that system calls do not show. */
export const CHUNK_BYTES = 1024 * 1024;
/** Bytes tried first where nothing is lent: most files of a layout are small documents. */
const FIRST_BYTES = 16 * 1024;

/** Memory that is lent. */
export type Memory = Uint8Array<ArrayBuffer>;

/**
 * Fills memory from its beginning and gives the filled part, which is empty at the end only. It may
 * be another view than what was lent: memory that goes through several streams changes hands.
 */
export type ReadInto = (memory: Memory) => Promise<Memory>;

/** A stream that `read` fills, and never ahead of need. */
export function byteStream(
  read: ReadInto,
  cancel: (reason: unknown) => Promise<void> | void,
): ReadableStream<Uint8Array> {
  let size = FIRST_BYTES;
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
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

/** A stream being read into lent memory. */
export interface LentReader {
  /** False for a stream that brings its own memory: what is lent is then left alone. */
  readonly borrows: boolean;
  readonly read: ReadInto;
  cancel(reason?: unknown): Promise<void>;
}

/** Opens a stream, of either kind, for reading. */
export function lentReader(stream: ReadableStream<Uint8Array>): LentReader {
  const reader = byobReader(stream);
  if (reader !== undefined) {
    // Nothing comes back of a stream that was cancelled.
    const read = async (memory: Memory) => (await reader.read(memory)).value ?? new Uint8Array(0);
    return { borrows: true, read, cancel: (reason) => reader.cancel(reason) };
  }
  const other = stream.getReader();
  const read = async (): Promise<Memory> => {
    for (;;) {
      const { done, value } = await other.read();
      if (done) return new Uint8Array(0);
      if (value.length > 0) return value as Memory;
    }
  };
  return { borrows: false, read, cancel: (reason) => other.cancel(reason) };
}

function byobReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch (error) {
    // No byte stream, or it has a reader: who asks for an ordinary one is told.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** A stream whose chunks are seen on their way; nothing is read ahead. */
export function observed(
  stream: ReadableStream<Uint8Array>,
  see: (chunk: Uint8Array) => void,
): ReadableStream<Uint8Array> {
  const reader = lentReader(stream);
  const cancel = (reason: unknown): Promise<void> => reader.cancel(reason);
  const next = async (memory: Memory): Promise<Memory> => {
    const chunk = await reader.read(memory);
    if (chunk.length > 0) see(chunk);
    return chunk;
  };
  if (reader.borrows) return byteStream(next, cancel);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await next(new Uint8Array(0));
      if (chunk.length === 0) controller.close();
      else controller.enqueue(chunk);
    },
    cancel,
  }, { highWaterMark: 0 });
}

/** How {@link lentChunks} reads. */
export interface LentOptions {
  /** Bytes that are expected: no more memory is lent than they need. */
  readonly size: number;
  /** How many chunks before the present one have to hold; default none. */
  readonly keep?: number | undefined;
  /** Ends the reading as it ends `chunksOf`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The chunks of a stream, up to {@link CHUNK_BYTES} each. A chunk holds only until the next one is
 * asked for: then its memory is filled again.
 */
export async function* lentChunks(
  stream: ReadableStream<Uint8Array>,
  { size, keep = 0, signal }: LentOptions,
): AsyncGenerator<Uint8Array> {
  const reader = lentReader(stream);
  const cancel = () => reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  const bytes = reader.borrows ? Math.max(1, Math.min(size, CHUNK_BYTES)) : 0;
  const used: Memory[] = [];
  try {
    for (;;) {
      signal?.throwIfAborted();
      const free = used.length > keep ? used.shift() : undefined;
      const chunk = await reader.read(free ?? new Uint8Array(bytes));
      signal?.throwIfAborted();
      if (chunk.length === 0) return;
      yield chunk;
      if (reader.borrows) used.push(new Uint8Array(chunk.buffer));
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancel();
  }
}
