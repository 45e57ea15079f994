/**
 * An address that requests come in at, plain or TLS, for as long as it is wanted. Where no more files
 * may be opened, connections that nobody uses make room for those that come.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { isOutOfFiles } from "./answers.ts";
import { Connection, type ConnectionTimes, USUAL_TIMES } from "./connection.ts";
import type { Handler } from "./handler.ts";

/** Where to listen, and as who. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
}

/** How long it is waited for a file to be closed. */
const WAIT_MS = 50;
/** How long nobody is told again that connections were ended. */
const TOLD_MS = 60_000;
/** Connections that are ended at once to make room. */
const MAKE_ROOM = 16;

/** Listens from when it is made until {@link Listener.stop}. */
export class Listener {
  readonly #listener: Deno.Listener<Deno.Conn, Deno.NetAddr>;
  /** In the order they came in. */
  readonly #connections = new Set<Connection>();
  #stopped = false;
  #toldAt = -Infinity;

  /**
   * @param address where
   * @param handler gets the requests
   * @param onFull told that connections were ended to make room for others
   * @param times bounds for each connection
   * @throws {KodenoError} `BAD_OPTION` for an address, certificate or key that cannot be used,
   * `IO_FAILED` for an address that is taken
   */
  constructor(
    address: Address,
    readonly handler: Handler,
    readonly onFull: () => void,
    readonly times: ConnectionTimes = USUAL_TIMES,
  ) {
    try {
      this.#listener = listen(address);
    } catch (error) {
      throw cannotListen(`${address.hostname}:${address.port}`, error);
    }
    this.#accept();
  }

  /** Where it listens: the port is one, and the host an address. */
  get address(): Deno.NetAddr {
    return this.#listener.addr;
  }

  /** Accepts no more; requests that are being answered have some time to come to their end. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#listener.close();
    for (const connection of this.#connections) connection.finish();
    const late = setTimeout(() => {
      for (const connection of this.#connections) connection.close();
    }, graceMs);
    await Promise.all([...this.#connections].map(({ closed }) => closed));
    clearTimeout(late);
  }

  async #accept(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        // Others are of a client that was gone before it was there.
        if (isOutOfFiles(error)) this.#makeRoom();
        if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      }
    }
  }

  #take(conn: Deno.Conn): void {
    const handler: Handler = async (asked) => {
      const answer = await this.handler(asked);
      // Blobs need files, too.
      if (answer.status === 503) this.#makeRoom();
      return answer;
    };
    const connection = new Connection(conn, handler, this.times);
    this.#connections.add(connection);
    connection.closed.then(() => this.#connections.delete(connection));
  }

  /** Ends the connections that have waited longest without a request. */
  #makeRoom(): void {
    const idle = [...this.#connections].filter(({ isIdle }) => isIdle).slice(0, MAKE_ROOM);
    for (const connection of idle) connection.close();
    if (idle.length === 0 || performance.now() - this.#toldAt < TOLD_MS) return;
    this.#toldAt = performance.now();
    this.onFull();
  }
}

function listen({ hostname, port, cert, key }: Address): Deno.Listener<Deno.Conn, Deno.NetAddr> {
  if (cert === undefined || key === undefined) return Deno.listen({ hostname, port });
  return Deno.listenTls({ hostname, port, cert, key, alpnProtocols: ["http/1.1"] });
}

function cannotListen(address: string, error: unknown): KodenoError {
  const fail = (code: "IO_FAILED" | "BAD_OPTION", why: string): KodenoError =>
    new KodenoError(code, `Cannot listen on ${address}: ${why}`, {}, { cause: error });
  if (error instanceof Deno.errors.AddrInUse) {
    return fail("IO_FAILED", "the address is taken; name another with --listen");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return fail("IO_FAILED", "permission denied; name a port above 1023 with --listen");
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return fail("BAD_OPTION", "this machine has no such address; name another with --listen");
  }
  return fail("BAD_OPTION", messageOf(error));
}
