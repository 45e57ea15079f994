/**
 * A layout served at an address, from the line that says where to an orderly end.
 * @module
 */
import type { Emit } from "../events.ts";
import type { Layout } from "../place/layout/layout.ts";
import { type Answer, Refusal } from "./answers.ts";
import { type Handler, makeHandler } from "./handler.ts";
import { Listener } from "./listener.ts";
import type { Request } from "./request.ts";

/** Where and how a layout is served. */
export interface ServeOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM of the certificate chain and its key; without it the registry speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Told of the address, of each request (`verbose`), and of what is odd. */
  readonly emit?: Emit | undefined;
}

/** How long requests that are being answered may go on after the server was told to stop. */
const GRACE_MS = 3000;

/**
 * Serves a layout until the signal.
 *
 * @throws {KodenoError} `BAD_OPTION` for an address, certificate or key that cannot be used,
 * `IO_FAILED` for an address that is taken
 */
export async function serveLayout(layout: Layout, options: ServeOptions): Promise<void> {
  const { hostname, port, tls, signal, emit } = options;
  signal.throwIfAborted();
  const tell = (level: "verbose" | "info" | "warning", message: string): void =>
    emit?.({ type: "note", level, message });
  const handle = makeHandler(layout, (message) => tell("warning", message));
  const answer: Handler = async (asked) => {
    const began = performance.now();
    const given = await handle(asked);
    tell("verbose", accessLine(asked, given, performance.now() - began));
    return given;
  };
  const listener = new Listener({ hostname, port, ...tls }, answer, () => {
    tell("warning", "Too many connections were open; those that asked for nothing were ended");
  });
  const { hostname: at, port: taken } = listener.address;
  const scheme = tls === undefined ? "http" : "https";
  const host = at.includes(":") ? `[${at}]` : at;
  tell("info", `Serving ${layout.directory} at ${scheme}://${host}:${taken}`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await listener.stop(GRACE_MS);
}

function accessLine(asked: Request | Refusal, { status, headers }: Answer, ms: number): string {
  const length = headers["content-length"] ?? "0";
  const what = asked instanceof Refusal ? "-" : `${asked.method} ${asked.target.slice(0, 300)}`;
  return `${what} ${status} ${length} ${ms.toFixed(1)}ms`;
}
