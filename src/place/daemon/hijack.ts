/**
 * A connection to a daemon that stops being HTTP after the head of the answer (Docker Engine API
 * 1.41, "Hijacking" of POST /containers/ID/attach). `fetch` has no such thing.
 * @module
 */
import type { DaemonEndpoint } from "./endpoint.ts";

const MAX_HEAD_BYTES = 64 * 1024;

/** A connection after the head of the answer. */
export interface Hijacked extends Disposable {
  /** 101 or 200 when the connection is now a stream. */
  readonly status: number;
  /** What was said in the place of a stream. */
  readonly text: string;
  /** The chunks that come, till the daemon ends the stream. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Sends all of a chunk. */
  write(chunk: Uint8Array): Promise<void>;
  /** Says that nothing more is sent; what comes can still be read. */
  closeWrite(): Promise<void>;
}

/**
 * Dials a daemon, past any proxy, and sends a request of JSON.
 *
 * @param path with its query, each part escaped
 * @param signal ends the waiting for an answer; the caller closes the stream that became of it
 * @throws what the runtime throws when the connection fails
 */
export async function hijack(
  endpoint: DaemonEndpoint,
  path: string,
  json: string,
  signal?: AbortSignal,
): Promise<Hijacked> {
  const connection = await connect(endpoint);
  const giveUp = (): void => close(connection);
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const body = new TextEncoder().encode(json);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${endpoint.kind === "unix" ? "docker" : `${endpoint.host}:${endpoint.port}`}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "Connection: Upgrade",
      "Upgrade: tcp",
    ];
    const write = async (chunk: Uint8Array): Promise<void> => {
      let offset = 0;
      while (offset < chunk.length) offset += await connection.write(chunk.subarray(offset));
    };
    await write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
    await write(body);
    const { status, length, rest } = await readHead(connection);
    const isStream = status === 101 || status === 200;
    return {
      status,
      text: isStream ? "" : await readText(connection, rest, length),
      chunks: () => chunksOf(connection, rest),
      write,
      closeWrite: () => connection.closeWrite(),
      [Symbol.dispose]: () => close(connection),
    };
  } catch (error) {
    close(connection);
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

async function connect(endpoint: DaemonEndpoint): Promise<Deno.Conn> {
  if (endpoint.kind === "unix") {
    return await Deno.connect({ transport: "unix", path: endpoint.path });
  }
  const { port, tls } = endpoint;
  const hostname = endpoint.host.replace(/^\[(.*)\]$/, "$1");
  if (!tls) return await Deno.connect({ hostname, port });
  return await Deno.connectTls({
    hostname,
    port,
    ...(tls.ca === undefined ? {} : { caCerts: [tls.ca] }),
    ...(tls.cert === undefined || tls.key === undefined ? {} : { cert: tls.cert, key: tls.key }),
  });
}

interface Head {
  readonly status: number;
  /** Bytes of the body, where it is said. */
  readonly length: number;
  /** What came together with the head. */
  readonly rest: Uint8Array;
}

async function readHead(connection: Deno.Conn): Promise<Head> {
  let bytes = new Uint8Array();
  for await (const chunk of chunksOf(connection, bytes)) {
    const longer = new Uint8Array(bytes.length + chunk.length);
    longer.set(bytes);
    longer.set(chunk, bytes.length);
    bytes = longer;
    // Latin-1 has a character for each byte, so that the place in the text is that in the bytes.
    const text = new TextDecoder("latin1").decode(bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      const head = text.slice(0, end);
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      return { status, length, rest: bytes.subarray(end + 4) };
    }
    if (bytes.length > MAX_HEAD_BYTES) break;
  }
  throw new Error("its answer is no HTTP");
}

async function readText(connection: Deno.Conn, rest: Uint8Array, length: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, count] = ["", 0];
  if (length === 0) return text;
  for await (const chunk of chunksOf(connection, rest)) {
    text += decoder.decode(chunk, { stream: true });
    count += chunk.length;
    if (count >= Math.min(length, MAX_HEAD_BYTES)) break;
  }
  return text;
}

async function* chunksOf(connection: Deno.Conn, first: Uint8Array): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const buffer = new Uint8Array(16 * 1024);
    const count = await connection.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed in the middle of a read.
  }
}
