/**
 * TLS by node's means, for what the runtime's own cannot do: leave a certificate unchecked, for
 * registries that were named insecure, and show one of ours through a tunnel.
 * @module
 */
import { isIP, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, rootCertificates } from "node:tls";
import type { ClientCert } from "./client_cert.ts";
import type { ByteConn } from "./wire.ts";

/** A connection over one of node's sockets. */
export class SocketConn implements ByteConn {
  #rest: Uint8Array | undefined;
  #failure: unknown;
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #listeners: readonly (readonly [string, (value?: unknown) => void])[];

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
    this.#listeners = [["readable", wake], ["end", end], ["close", end], ["error", fail]];
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
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

  /** Leaves the socket to somebody else. */
  release(): void {
    // One that nobody hears would end the process.
    this.socket.on("error", () => {});
    for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
  }
}

/** Opens a TCP connection. */
export async function connectSocket(hostname: string, port: number): Promise<SocketConn> {
  const socket = new Socket();
  const conn = new SocketConn(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, hostname, resolve);
  });
  socket.setNoDelay(true);
  return conn;
}

/** Whom to trust, and who is asking. */
export interface Trust {
  /** CAs beside the well-known ones; undefined leaves the certificate unchecked. */
  readonly trust: readonly string[] | undefined;
  readonly clientCert: ClientCert | undefined;
}

/** Starts TLS on a connection, such as a tunnel. */
export async function startSecure(
  conn: SocketConn,
  hostname: string,
  trust: Trust,
): Promise<SocketConn> {
  conn.release();
  return await secured({ socket: conn.socket }, hostname, trust);
}

/** Opens a TLS connection. */
export async function connectSecure(
  hostname: string,
  port: number,
  trust: Trust,
): Promise<SocketConn> {
  return await secured({ host: hostname, port }, hostname, trust);
}

async function secured(
  to: ConnectionOptions,
  hostname: string,
  { trust, clientCert }: Trust,
): Promise<SocketConn> {
  const tls = connectTls({
    ...to,
    // RFC 6066: an address is no server name.
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...(trust === undefined
      ? { rejectUnauthorized: false }
      : { ca: [...rootCertificates, ...trust] }),
    ...clientCert,
  });
  // It listens from the beginning: an alert may come right after the handshake.
  const conn = new SocketConn(tls);
  await new Promise<void>((resolve, reject) => {
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("closed in the TLS handshake")));
    tls.once("secureConnect", resolve);
  });
  return conn;
}
