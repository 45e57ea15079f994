/**
 * The recipe of `kodeno serve`: where to listen, with which certificate, and the layout or archive.
 * @module
 */
import { processEnvironment, programOnPath } from "../config/environment.ts";
import type { TrustOptions } from "../config/options.ts";
import { ContentCheck } from "../content/check.ts";
import type { Blobs, ImageStore } from "../content/places.ts";
import { KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { identityOf, isNotFound } from "../io/files.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { wholeImages } from "../place/flat_index.ts";
import { blobPathIn } from "../place/layout/files.ts";
import { openStore } from "../place/open.ts";
import { isLoopback } from "../place/registry/endpoint.ts";
import { everyInterface, isEveryInterface, serveLayout } from "../serve/server.ts";
import type { ServedPlace, Show } from "../serve/view.ts";
import { openPolicy, type Policy } from "../trust/policy.ts";
import { presentable } from "../trust/verified.ts";

interface ServeOptions extends TrustOptions, Pick<WorkOptions, "emit"> {
  /** Path of a layout, an archive or a bundle. */
  readonly layout: string;
  /** `HOST:PORT`, `[HOST]:PORT`, or `:PORT` for all interfaces, as in Go. */
  readonly listen?: string | undefined;
  /** Files of the certificate chain and its key, as PEM. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Whether what refers to images (signatures, SBOMs) is served, too; default true. */
  readonly referrers?: boolean | undefined;
  /** Ends the server. */
  readonly signal: AbortSignal;
}

const DEFAULT_LISTEN = "127.0.0.1:5000";

/** Serves a layout as a read-only registry until the signal. */
export async function serve(options: ServeOptions): Promise<void> {
  const { signal, emit, tlsCert, tlsKey } = options;
  const { hostname, port } = parseListen(options.listen ?? DEFAULT_LISTEN);
  const tls = await readTls(tlsCert, tlsKey);
  const policy = await openPolicy(options);
  using layout = await openStore(options.layout, { signal, emit });
  // A layout that cannot be read is told before anybody asks for an image.
  const entries = await layout.entries();
  const show = policy && showing(policy, options, layout);
  if (show !== undefined) {
    const images = wholeImages(layout);
    const { shown } = await show(images, await images.entries());
    if (shown.length === 0 && entries.length > 0) {
      const why = "no image is signed as it has to be";
      throw new KodenoError("NOT_TRUSTED", `Cannot serve ${options.layout}: ${why}`);
    }
  }
  if (!isLoopback(hostname)) {
    const which = isEveryInterface(hostname) ? "all interfaces" : "no loopback address";
    const message = `${options.listen} is ${which}: others can pull from this machine`;
    emit?.({ type: "note", level: "warning", message });
  }
  const client = programOnPath(processEnvironment(), "docker") ? "docker" : "kodeno";
  const { referrers } = options;
  await serveLayout(layout, { hostname, port, tls, client, referrers, show, signal, emit });
}

/**
 * Gives what may be shown of a layout, and tells once of each image that may not. A blob is read when it is
 * seen first, and again where its file is another one.
 */
function showing(policy: Policy, { layout, signal, emit }: ServeOptions, place: ServedPlace): Show {
  const told = new Set<string>();
  let last: { readonly key: string; readonly is: Awaited<ReturnType<Show>> } | undefined;
  const stampOf = async (d: Descriptor) =>
    "directory" in place ? await stampOfFile(blobPathIn(place.directory, d)) : undefined;
  // An index that is made of entries is known to whoever has made it.
  let store: ImageStore = place;
  const blobs = {
    what: place.what,
    fetch: (...of: Parameters<Blobs["fetch"]>) => store.fetch(...of),
  };
  const content = new ContentCheck(blobs, { stampOf, signal });
  return async (images, entries) => {
    const key = JSON.stringify(entries);
    // The same entries lead to the same, as their digests say, until a statement is too old.
    if (last?.key === key && Date.now() < last.is.until) return last.is;
    store = images;
    const { shown, hidden, until } = await presentable(images, entries, policy, {
      content,
      signal,
    });
    for (const { image: { root, name = root.digest }, faults } of hidden) {
      const message = `Hid ${name} of ${layout}: ${faults[0]}`;
      if (!told.has(message)) emit?.({ type: "note", level: "warning", message });
      told.add(message);
    }
    last = { key, is: { shown, until } };
    return last.is;
  };
}

/** Tells one state of a file from the next; nothing of one that is not there. */
async function stampOfFile(path: string): Promise<string | undefined> {
  return await identityOf(path).then(JSON.stringify, () => undefined);
}

function parseListen(text: string): { readonly hostname: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found !== null && port <= 65535) {
    return { hostname: found[1] || found[2] || everyInterface(), port };
  }
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot listen on ${JSON.stringify(text)}: say HOST:PORT, such as "${DEFAULT_LISTEN}", or ` +
      "only :PORT for all interfaces",
  );
}

async function readTls(certFile: string | undefined, keyFile: string | undefined) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new KodenoError("BAD_OPTION", "Cannot serve: --tls-cert and --tls-key go together");
  }
  const [cert, key] = await Promise.all([readPem(certFile), readPem(keyFile)]);
  return { cert, key };
}

async function readPem(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch((error) => {
    const why = isNotFound(error) ? "there is no such file" : messageOf(error);
    throw new KodenoError("BAD_OPTION", `Cannot read ${file}: ${why}`, {}, { cause: error });
  });
  if (text.includes("-----BEGIN ")) return text;
  throw new KodenoError("BAD_OPTION", `Cannot use ${file}: it is not PEM ("-----BEGIN ...")`);
}
