/**
 * TLS whose certificate nobody checks, for registries that were named insecure. The runtime's own
 * TLS cannot do that; node's can.
 * @module
 */
import { isIP, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
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
    for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
  }
}

/** Opens a TCP connection. */
export async function connectSocket(hostname: string, port: number): Promise<SocketConn> {
  const socket = new Socket();
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, hostname, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  socket.setNoDelay(true);
  return new SocketConn(socket);
}

/** Starts TLS on a connection, such as a tunnel, without looking at the certificate. */
export async function startUnchecked(conn: SocketConn, hostname: string): Promise<SocketConn> {
  conn.release();
  return await secured({ socket: conn.socket }, hostname);
}

/** Opens a TLS connection without looking at the certificate. */
export async function connectUnchecked(hostname: string, port: number): Promise<SocketConn> {
  return await secured({ host: hostname, port }, hostname);
}

async function secured(to: ConnectionOptions, hostname: string): Promise<SocketConn> {
  // RFC 6066: an address is no server name.
  const name = isIP(hostname) === 0 ? { servername: hostname } : {};
  const tls = connectTls({ ...to, rejectUnauthorized: false, ...name });
  await new Promise<void>((resolve, reject) => {
    tls.once("error", reject);
    tls.once("close", () => reject(new Error("closed in the TLS handshake")));
    tls.once("secureConnect", () => {
      tls.off("error", reject);
      resolve();
    });
  });
  return new SocketConn(tls);
}
