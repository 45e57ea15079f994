/**
 * TLS by node's means, for what the runtime's own cannot do: leave a certificate unchecked, for
 * registries that were named insecure, and show one of ours through a tunnel.
 * @module
 */
import { isIP, Socket } from "node:net";
import {
  connect as connectTls,
  type ConnectionOptions,
  rootCertificates,
  type TLSSocket,
} from "node:tls";
import type { ClientCert } from "./client_cert.ts";
import type { ByteConn } from "./wire.ts";

/** A connection over one of node's sockets. */
export class SocketConn implements ByteConn {
  #rest: Uint8Array | undefined;
  #failure: unknown;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param socket a socket that nobody else reads */
  constructor(readonly socket: Socket) {
    const wake = () => this.#wake?.();
    const end = () => {
      this.#ended = true;
      wake();
    };
    const fail = (error: unknown) => {
      this.#failure ??= error ?? new Error("closed");
      wake();
    };
    socket.on("readable", wake).on("end", end).on("close", end).on("error", fail);
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.socket.read();
      if (chunk !== null) {
        const part = chunk.subarray(0, into.length);
        this.#rest = part.length < chunk.length ? chunk.subarray(part.length) : undefined;
        into.set(part);
        return part.length;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      this.socket.write(bytes, (error?: Error | null) => error ? reject(error) : resolve());
    });
    return bytes.length;
  }

  close(): void {
    this.#failure ??= new Error("closed");
    this.socket.destroy();
    this.#wake?.();
  }
}

/** Whom to trust, and who is asking. */
export interface Trust {
  /** CAs beside the well-known ones; undefined leaves the certificate unchecked. */
  readonly trust: readonly string[] | undefined;
  readonly clientCert: ClientCert | undefined;
}

/** A proxy, and how it is asked for a tunnel. */
export interface Tunnel {
  readonly hostname: string;
  readonly port: number;
  /** What is said to it, whole. */
  readonly request: string;
  /** Looks at the first line of its answer; throws unless there is a tunnel. */
  readonly check: (status: string) => void;
}

/** Most bytes of a proxy's answer. */
const MAX_ANSWER_BYTES = 16 * 1024;

/** Opens a TLS connection through a proxy. */
export async function connectThrough(
  { hostname: proxy, port, request, check }: Tunnel,
  hostname: string,
  trust: Trust,
): Promise<SocketConn> {
  const socket = new Socket();
  try {
    const tls = await new Promise<TLSSocket>((resolve, reject) => {
      // One that nobody hears would end the process, so they stay.
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed by the proxy")));
      let answer = "";
      const onData = (bytes: Uint8Array): void => {
        answer += new TextDecoder("latin1").decode(bytes);
        const isWhole = answer.includes("\r\n\r\n");
        if (!isWhole && answer.length <= MAX_ANSWER_BYTES) return;
        socket.off("data", onData);
        const start = (): void => {
          try {
            check(answer.slice(0, answer.indexOf("\r\n")));
            resolve(startTls({ socket }, hostname, trust));
          } catch (error) {
            reject(error);
          }
        };
        // A read that goes on keeps older versions waiting for ever; newer ones need it to end.
        if (/^2\.[0-8]\./.test(Deno.version.deno)) start();
        else setTimeout(start, 0);
      };
      socket.on("data", onData);
      socket.connect(port, proxy, () => {
        socket.setNoDelay(true);
        socket.write(request);
      });
    });
    return await secured(tls);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Opens a TLS connection. */
export async function connectSecure(
  hostname: string,
  port: number,
  trust: Trust,
): Promise<SocketConn> {
  return await secured(startTls({ host: hostname, port }, hostname, trust));
}

function startTls(
  to: ConnectionOptions,
  hostname: string,
  { trust, clientCert }: Trust,
): TLSSocket {
  return connectTls({
    ...to,
    // RFC 6066: an address is no server name.
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...(trust === undefined
      ? { rejectUnauthorized: false }
      : { ca: [...rootCertificates, ...trust] }),
    ...clientCert,
  });
}

/** Waits for the end of the handshake. */
async function secured(tls: TLSSocket): Promise<SocketConn> {
  // It listens from the beginning: an alert may come right after the handshake.
  const conn = new SocketConn(tls);
  await new Promise<void>((resolve, reject) => {
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("closed in the TLS handshake")));
    tls.once("secureConnect", resolve);
  });
  return conn;
}
