/**
 * A layout served at an address, plain or TLS, from the line that says where to an orderly end.
 * Where no more files may be opened, connections that nobody uses make room for those that come.
 *
 * Connections are of our own while the binary is made with Deno 2.6, whose servers (`Deno.serve`,
 * `node:http`) cannot end a client that has stopped reading, and are ended by some 190 of these; from
 * 2.9 on the timeouts of `node:http` work (`headersTimeout`, `setTimeout`), and this file and
 * connection.ts give way to it.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import type { Emit } from "../events.ts";
import { sleep } from "../io/concurrency.ts";
import { isOutOfFiles } from "../io/files.ts";
import { isLoopback, urlHost } from "../place/registry/endpoint.ts";
import { Connection, type ConnectionTimes, USUAL_TIMES } from "./connection.ts";
import { makeHandler } from "./handler.ts";
import { type Handler, HttpError } from "./messages.ts";
import { pullNames, type ServedPlace, type Show } from "./view.ts";

interface ServeOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM of the certificate chain and its key; without it the registry speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** What the example of a pull is to be for, where it could: `docker`, `kodeno`. */
  readonly client: string;
  /** Whether what refers to images is served, too; default true. */
  readonly referrers?: boolean | undefined;
  readonly show?: Show | undefined;
  readonly signal: AbortSignal;
  /** Told of the address, of each request (`verbose`), and of what is odd. */
  readonly emit?: Emit | undefined;
}

/** Whether an address stands for all of this machine. */
export function isEveryInterface(hostname: string): boolean {
  return /^(?:0\.0\.0\.0|[0:]*:[0:]*)$/.test(hostname);
}

/** The address that stands for all of this machine, those of IPv6 too where it has some. */
export function everyInterface(): string {
  return Deno.networkInterfaces().some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}

/** How long requests that are being answered may go on after the server was told to stop. */
const GRACE_MS = 3000;

/** Serves a layout or archive until the signal. An address that cannot be used is `BAD_OPTION`. */
export async function serveLayout(layout: ServedPlace, options: ServeOptions): Promise<void> {
  const { tls, client, referrers, show, signal, emit } = options;
  signal.throwIfAborted();
  const tell = (level: "verbose" | "info" | "warning", message: string): void =>
    emit?.({ type: "note", level, message });
  const handle = makeHandler(layout, (message) => tell("warning", message), { referrers, show });
  const answer: Handler = async (request) => {
    const began = performance.now();
    const given = await handle(request);
    const isRead = !(request instanceof HttpError);
    const what = isRead ? `${request.method} ${request.target.slice(0, 300)}` : "-";
    const ms = (performance.now() - began).toFixed(1);
    tell("verbose", `${what} ${given.status} ${given.headers["content-length"] ?? "0"} ${ms}ms`);
    return given;
  };
  const listener = new Listener(options, answer, () => {
    tell("warning", "Too many connections were open; those that asked for nothing were ended");
  });
  const { hostname: at, port: taken } = listener.address;
  const scheme = tls === undefined ? "http" : "https";
  const isOpen = isEveryInterface(at);
  const host = `${isOpen ? "127.0.0.1" : urlHost(at)}:${taken}`;
  const where = isOpen ? ", on all interfaces" : "";
  tell(
    "info",
    `Serving ${
      "directory" in layout ? layout.directory : layout.path
    } at ${scheme}://${host}${where}`,
  );
  const names = await pullNames(layout, show);
  const [first] = names;
  const count = `${names.length} image${names.length === 1 ? "" : "s"}`;
  // Docker wants to be told first of plain HTTP elsewhere, and of a certificate; kodeno here.
  const isEasy = scheme === "http" && (isOpen || isLoopback(at));
  const puller = isEasy && !host.startsWith("[") ? client : "kodeno";
  const flag = isEasy ? "" : " --insecure-registry";
  const next = first === undefined ? "" : `; to pull one: ${puller} pull ${host}/${first}${flag}`;
  tell("info", `${count}${next}`);
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  await listener.stop(GRACE_MS);
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

  /** `onFull` is told that connections were ended to make room for others. */
  constructor(
    { hostname, port, tls }: Pick<ServeOptions, "hostname" | "port" | "tls">,
    readonly handler: Handler,
    readonly onFull: () => void,
    readonly times: ConnectionTimes = USUAL_TIMES,
  ) {
    try {
      this.#listener = tls === undefined
        ? Deno.listen({ hostname, port })
        : Deno.listenTls({ hostname, port, ...tls, alpnProtocols: ["http/1.1"] });
    } catch (cause) {
      const [, code = "BAD_OPTION", why = messageOf(cause)] = REASONS.find(([type]) =>
        cause instanceof type
      ) ?? [];
      throw new KodenoError(code, `Cannot listen on ${hostname}:${port}: ${why}`, {}, { cause });
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
        if (!this.#stopped) await sleep(WAIT_MS);
      }
    }
  }

  #take(conn: Deno.Conn): void {
    const handler: Handler = async (request) => {
      const answer = await this.handler(request);
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

const { AddrInUse, AddrNotAvailable, PermissionDenied } = Deno.errors;

/** What is wrong with an address, as far as the system says so in words of its own. */
const REASONS = [
  [AddrInUse, "IO_FAILED", "the address is taken; name another with --listen"],
  [PermissionDenied, "IO_FAILED", "permission denied; name a port above 1023 with --listen"],
  [AddrNotAvailable, "BAD_OPTION", "this machine has no such address; name another with --listen"],
] as const;
