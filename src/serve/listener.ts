/**
 * An address that requests come in at, plain or TLS, for as long as it is wanted: where the runtime
 * stops to accept connections since too many are open, it is made to start again.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import type { Handler } from "./handler.ts";

/** Where to listen, and as who. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
}

/** A server of the runtime. */
interface Accepting {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** Ends it and its connections at once. */
  readonly end: AbortController;
}

/** How often it is made sure that connections are accepted. */
const WATCH_MS = 1000;
/** How long nobody is told again that they were not. */
const TOLD_MS = 60_000;

/** Listens from when it is made until {@link Listener.stop}. */
export class Listener {
  #now: Accepting;
  /** Those that accept no more, and may have connections. */
  readonly #before: Accepting[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #toldAt = 0;

  /**
   * @param address where
   * @param handler gets the requests
   * @param onGap told that connections were refused for a moment
   * @throws {KodenoError} `BAD_OPTION` for an address, certificate or key that cannot be used,
   * `IO_FAILED` for an address that is taken
   */
  constructor(
    readonly wanted: Address,
    readonly handler: Handler,
    readonly onGap: () => void,
  ) {
    try {
      this.#now = this.#listen(wanted);
    } catch (error) {
      throw cannotListen(`${wanted.hostname}:${wanted.port}`, error);
    }
    this.#timer = setInterval(() => this.#watch(), WATCH_MS);
  }

  /** Where it listens: the port is one, and the host an address. */
  get address(): Deno.NetAddr {
    return this.#now.server.addr;
  }

  /** Accepts no more; requests that are being answered have some time to come to their end. */
  async stop(graceMs: number): Promise<void> {
    clearInterval(this.#timer);
    const late = setTimeout(() => this.#now.end.abort(), graceMs);
    await this.#now.server.shutdown();
    clearTimeout(late);
    for (const { end } of this.#before) end.abort();
  }

  #listen(address: Address): Accepting {
    const end = new AbortController();
    const options = { ...address, signal: end.signal, onListen: () => {} };
    const server = Deno.serve(
      options,
      (request, { completed }) => this.handler(request, completed),
    );
    // It is found out by looking: some versions of the runtime tell when the last connection ends.
    server.finished.catch(() => {});
    return { server, end };
  }

  /** A port that can be taken is one where nobody listens any more. */
  #watch(): void {
    const { hostname, port } = this.address;
    try {
      Deno.listen({ hostname, port }).close();
      const before = this.#now;
      this.#now = this.#listen({ ...this.wanted, hostname, port });
      this.#before.push(before);
      before.server.finished.then(() => {}, () => {}).then(() => {
        this.#before.splice(this.#before.indexOf(before), 1);
      });
    } catch {
      // Somebody does, or no file can be opened yet.
      return;
    }
    if (Date.now() - this.#toldAt > TOLD_MS) this.onGap();
    this.#toldAt = Date.now();
  }
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
