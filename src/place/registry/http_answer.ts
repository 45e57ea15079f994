/**
 * Reads answers of HTTP/1.1 (RFC 9112), within bounds: the head, and the body as a stream.
 * @module
 */
import { byteStream, type ReadInto } from "../../io/streams.ts";
import { ConnectionError, type Wire } from "./wire.ts";

const MAX_LINE_BYTES = 16 * 1024;
const MAX_HEADERS = 200;
/** Of all headers together; with the time that a part of them may take, it bounds that of all. */
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_INTERIM = 10;

/** Status and headers of an answer. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
  readonly keepAlive: boolean;
}

/** Reads the head of the answer; interim ones (1xx) are skipped. The first byte is waited for. */
export async function readHead(wire: Wire): Promise<Head> {
  for (let interim = 0; interim < MAX_INTERIM; interim++) {
    // The time up to the first byte is bounded by who sent the request.
    const line = await wire.readLine(MAX_LINE_BYTES, true);
    if (line === undefined) throw new ConnectionError("closed", "the connection was closed");
    const found = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(line);
    if (found === null) throw new ConnectionError("protocol", "the answer is not HTTP");
    const status = Number(found[2]);
    const headers = await readHeaders(wire);
    if (status >= 200) {
      const connection = (headers.get("connection") ?? "").toLowerCase();
      const keepAlive = found[1] === "1" && !connection.split(/\s*,\s*/).includes("close");
      return { status, headers, keepAlive };
    }
  }
  throw new ConnectionError("protocol", "the answer does not come to its point");
}

/** Reads headers, or trailers, up to the empty line after them. */
export async function readHeaders(wire: Wire): Promise<Headers> {
  const headers = new Headers();
  let length = 0;
  for (let count = 0; count <= MAX_HEADERS; count++) {
    const line = await wire.readLine(MAX_LINE_BYTES);
    if (line === undefined) throw new ConnectionError("closed", "the connection was closed");
    if (line === "") return headers;
    length += line.length;
    if (length > MAX_HEAD_BYTES) break;
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim());
    } catch (error) {
      throw new ConnectionError("protocol", "the answer has a malformed header", error);
    }
  }
  throw new ConnectionError("protocol", "the answer has too many headers, or too long ones");
}

/** How the body of an answer is read; `delimited` when its end is not that of the connection. */
export function bodyReader(
  wire: Wire,
  method: string,
  status: number,
  headers: Headers,
): { readonly read: ReadInto; readonly delimited: boolean; readonly empty?: boolean } {
  const length = headers.get("content-length");
  if (method === "HEAD" || status === 204 || status === 304 || length === "0") {
    const read: ReadInto = (memory) => Promise.resolve(memory.subarray(0, 0));
    return { read, delimited: true, empty: true };
  }
  const coding = headers.get("transfer-encoding")?.toLowerCase();
  if (coding === "chunked") return { read: chunkedBytes(wire), delimited: true };
  if (coding !== undefined) throw new ConnectionError("protocol", "the answer has an odd coding");
  if (length === null) return { read: (memory) => wire.read(memory), delimited: false };
  if (!/^\d{1,15}$/.test(length)) {
    throw new ConnectionError("protocol", "the answer has a malformed Content-Length");
  }
  let left = Number(length);
  return {
    delimited: true,
    async read(memory) {
      if (left === 0) return memory.subarray(0, 0);
      const bytes = await wire.read(memory.subarray(0, left));
      if (bytes.length === 0) {
        throw new ConnectionError("closed", `the connection was closed ${left} bytes too early`);
      }
      left -= bytes.length;
      return bytes;
    },
  };
}

function chunkedBytes(wire: Wire): ReadInto {
  let left = 0;
  let begun = false;
  const ended = () => new ConnectionError("closed", "the connection was closed within a chunk");
  return async (memory) => {
    if (left === 0) {
      if (begun && await wire.readLine(2) === undefined) throw ended();
      begun = true;
      const line = await wire.readLine(1024);
      if (line === undefined) throw ended();
      const size = /^([0-9a-fA-F]{1,12})\s*(?:;|$)/.exec(line)?.[1];
      if (size === undefined) throw new ConnectionError("protocol", "a chunk has no size");
      left = parseInt(size, 16);
      if (left === 0) {
        await readHeaders(wire);
        return memory.subarray(0, 0);
      }
    }
    const bytes = await wire.read(memory.subarray(0, left));
    if (bytes.length === 0) throw ended();
    left -= bytes.length;
    return bytes;
  };
}

/** A body as a stream; `done` is told of its end, and whether all of it was read. */
export function bodyStream(
  wire: Wire,
  read: ReadInto,
  done: (whole: boolean) => void,
): ReadableStream<Uint8Array> {
  return byteStream(async (memory) => {
    try {
      const bytes = await read(memory);
      if (bytes.length === 0) done(true);
      return bytes;
    } catch (error) {
      wire.kill(error);
      done(false);
      throw error;
    }
  }, () => {
    wire.kill(new ConnectionError("closed", "nobody wants the rest"));
    done(false);
  });
}

/** The body of an answer that has none. */
export function emptyStream(): ReadableStream<Uint8Array> {
  return byteStream((memory) => Promise.resolve(memory.subarray(0, 0)), () => {});
}
