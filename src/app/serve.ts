/**
 * The use case of `kodeno serve`: where to listen, with which certificate, and the layout.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import type { Emit } from "../events.ts";
import { serveLayout } from "../serve/server.ts";
import { openLayout } from "../place/layout/layout.ts";

/** What a caller may say. */
export interface ServeLayoutOptions {
  /** Folder of the layout. */
  readonly layout: string;
  /** `HOST:PORT`, `[HOST]:PORT` or `:PORT`; the loopback address where no host is named. */
  readonly listen?: string | undefined;
  /** File of the certificate chain, as PEM. */
  readonly tlsCert?: string | undefined;
  /** File of its key, as PEM. */
  readonly tlsKey?: string | undefined;
  /** Ends the server. */
  readonly signal: AbortSignal;
  readonly emit?: Emit | undefined;
}

const LOOPBACK = "127.0.0.1";
const DEFAULT_LISTEN = `${LOOPBACK}:5000`;

/**
 * Serves a layout as a read-only registry until the signal.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_PLACE`, `IO_FAILED`
 */
export async function serve(options: ServeLayoutOptions): Promise<void> {
  const { hostname, port } = parseListen(options.listen ?? DEFAULT_LISTEN);
  const tls = await readTls(options.tlsCert, options.tlsKey);
  const layout = await openLayout(options.layout, { emit: options.emit });
  // A layout that cannot be read is told before anybody asks for an image.
  await layout.entries();
  if (!isLoopback(hostname)) {
    const message = `${hostname} is not a loopback address: others can pull from this machine`;
    options.emit?.({ type: "note", level: "warning", message });
  }
  const { signal, emit } = options;
  await serveLayout(layout, { hostname, port, tls, signal, emit });
}

/**
 * Reads an address to listen on.
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export function parseListen(text: string): { readonly hostname: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found !== null && port <= 65535) return { hostname: found[1] || found[2] || LOOPBACK, port };
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot listen on ${JSON.stringify(text)}: say HOST:PORT, such as "${DEFAULT_LISTEN}"`,
  );
}

function isLoopback(hostname: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === "::1" || hostname === "localhost";
}

async function readTls(
  certFile: string | undefined,
  keyFile: string | undefined,
): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new KodenoError("BAD_OPTION", "Cannot serve: --tls-cert and --tls-key go together");
  }
  const [cert, key] = await Promise.all([readPem(certFile), readPem(keyFile)]);
  return { cert, key };
}

async function readPem(file: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new KodenoError("BAD_OPTION", `Cannot read ${file}: ${why}`, {}, { cause: error });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new KodenoError("BAD_OPTION", `Cannot use ${file}: it is not PEM ("-----BEGIN ...")`);
}
