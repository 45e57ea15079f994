/**
 * A server between a client and a real registry that does what networks and registries do on a bad
 * day: breaks connections, answers with errors, changes headers and bytes.
 * @module
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Transform } from "node:stream";

/** A request that came in. */
export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of its body that came in. */
  bytes: number;
  /** Bytes of the registry's answer that were passed on. */
  answered: number;
}

/** How a request is passed on. */
export interface Passing {
  /** Another path and query. */
  readonly url?: string;
  /** Breaks the connection when so many bytes of the request came in; the registry gets none. */
  readonly cutUpload?: number;
  /** Breaks the connection after so many bytes of the answer's body. */
  readonly cutAnswer?: number;
  /** Waits so many milliseconds for each piece of at most 64 KiB, both ways. */
  readonly slowMs?: number;
  /** Changes the answer's headers. */
  readonly headers?: (headers: Record<string, string>) => void;
  /** Changes the answer's bytes. */
  readonly change?: (bytes: Uint8Array) => Uint8Array;
}

/** One request in the hands of a test. */
export interface Exchange {
  readonly seen: Seen;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Passes it on to the registry; gives the status of the answer. */
  pass(passing?: Passing): Promise<number>;
  /** Answers without the registry. */
  answer(status: number, headers?: Record<string, string>, body?: string | Uint8Array): void;
  /** Breaks the connection. */
  cut(): void;
}

/** A proxy that runs until it is stopped. */
export interface FaultProxy extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** Everything that came in, in order. */
  readonly seen: readonly Seen[];
  stop(): Promise<void>;
}

/**
 * Starts a proxy; `handle` decides about each request, and passes it on where it has nothing to say.
 *
 * @param tls PEM of its certificate and key; without them it speaks plain HTTP
 */
export async function startFaultProxy(
  upstream: string,
  handle: (exchange: Exchange) => Promise<unknown> | unknown,
  tls?: { readonly cert: string; readonly key: string },
): Promise<FaultProxy> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const exchange = newExchange(upstream, request, response);
    seen.push(exchange.seen);
    request.on("data", (chunk: Uint8Array) => exchange.seen.bytes += chunk.length);
    request.on("error", () => {});
    request.pause();
    Promise.resolve(handle(exchange)).catch(() => exchange.cut());
  };
  const server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
  server.keepAliveTimeout = 30_000;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let ending: Promise<void> | undefined;
  const stop = () =>
    ending ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { host: `127.0.0.1:${port}`, seen, stop, [Symbol.asyncDispose]: stop };
}

function newExchange(
  upstream: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): Exchange {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers[name] = Array.isArray(value) ? value.join(", ") : value ?? "";
  }
  const { method = "" } = incoming;
  // A client that uses a socket of its own names the whole URL.
  const url = (incoming.url ?? "").replace(/^http:\/\/[^/]+/, "");
  const seen: Seen = { method, url, headers, bytes: 0, answered: 0 };
  // The request forgets it when it is read to the end or left.
  const { socket } = incoming;
  const cut = () => void socket.destroy();
  return {
    seen,
    request: incoming,
    response,
    cut,
    answer(status, more = {}, body = "") {
      response.writeHead(status, { "content-length": String(body.length), ...more });
      response.end(seen.method === "HEAD" ? undefined : body);
      incoming.resume();
    },
    async pass(passing = {}) {
      if (passing.cutUpload !== undefined) {
        await untilBytes(incoming, passing.cutUpload);
        cut();
        return 0;
      }
      return await passOn(upstream, incoming, response, seen, passing, cut);
    },
  };
}

function slowly(ms: number): Transform {
  return new Transform({
    highWaterMark: 64 * 1024,
    transform(chunk, _, done) {
      setTimeout(() => done(null, chunk), ms);
    },
  });
}

async function untilBytes(incoming: IncomingMessage, count: number): Promise<void> {
  let got = 0;
  await new Promise<void>((resolve) => {
    incoming.on("data", (chunk: Uint8Array) => {
      got += chunk.length;
      if (got >= count) resolve();
    });
    incoming.on("end", () => resolve());
    incoming.resume();
  });
}

async function passOn(
  upstream: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  seen: Seen,
  passing: Passing,
  cut: () => void,
): Promise<number> {
  const outgoing = request(`http://${upstream}${passing.url ?? seen.url}`, {
    method: seen.method,
    headers: { ...seen.headers, connection: "close" },
    agent: false,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve);
    outgoing.on("error", reject);
  });
  incoming.on("close", () => incoming.complete || outgoing.destroy());
  const { slowMs = 0 } = passing;
  if (slowMs > 0) incoming.pipe(slowly(slowMs)).pipe(outgoing);
  else incoming.pipe(outgoing);
  const answer = await answered;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    headers[name] = Array.isArray(value) ? value.join(", ") : value ?? "";
  }
  delete headers.connection;
  passing.headers?.(headers);
  const status = answer.statusCode ?? 0;
  response.writeHead(status, headers);
  let sent = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    const bytes = passing.change?.(chunk) ?? chunk;
    const left = (passing.cutAnswer ?? Infinity) - sent;
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    if (response.destroyed) break;
    response.write(bytes.subarray(0, left));
    sent += Math.min(left, bytes.length);
    seen.answered = sent;
    if (left <= bytes.length) {
      // What was written has to get out before the break.
      await new Promise((resolve) => setTimeout(resolve, 50));
      answer.destroy();
      cut();
      return status;
    }
  }
  response.end();
  return status;
}
