/**
 * What the name of a place can mean, and opening it: the one list of kinds of places.
 * @module
 */
import { resolve } from "node:path";
import type { TransferConfig } from "../config/transfer_config.ts";
import type { Source } from "../content/places.ts";
import type { NoteEvent } from "../events.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import { type ArchiveSource, openArchive } from "../store/archive/archive_source.ts";
import { type Layout, openLayout } from "../store/layout/layout.ts";
import { parseEndpoint } from "../store/registry/endpoint.ts";
import { Registries } from "../store/registry/registry.ts";

/** The name of a place, read. */
export type PlaceName =
  | { readonly kind: "layout"; readonly path: string; readonly ref: string }
  | { readonly kind: "archive"; readonly path: string; readonly ref: string }
  | { readonly kind: "daemon"; readonly name: string }
  | { readonly kind: "registry"; readonly reference: Reference };

/**
 * Reads `oci:DIR[:NAME]`, `oci:DIR@DIGEST`, `archive:FILE[:NAME]`, `daemon:NAME`, or the reference of
 * an image in a registry.
 *
 * @throws {KodenoError} `BAD_REFERENCE`
 *
 * @example
 * ```ts
 * import { parsePlace } from "./places.ts";
 * const place = parsePlace("oci:out:hello:latest");
 * if (place.kind !== "layout" || place.ref !== "hello:latest") throw new Error();
 * ```
 */
export function parsePlace(text: string): PlaceName {
  const found = /^(oci|archive):([^:@]+)(?:@(sha256:[0-9a-f]{64})|:(.+))?$/.exec(text);
  if (found !== null) {
    const [, kind, path = "", digest, name] = found;
    return { kind: kind === "oci" ? "layout" : "archive", path, ref: digest ?? name ?? "" };
  }
  const daemon = /^daemon:(.+)$/.exec(text)?.[1];
  if (daemon !== undefined) return { kind: "daemon", name: daemon };
  if (!/^(oci|archive|daemon):/.test(text)) {
    return { kind: "registry", reference: parseReference(text) };
  }
  throw new KodenoError(
    "BAD_REFERENCE",
    `Cannot use place ${JSON.stringify(text)}: say oci:DIR[:NAME], archive:FILE[:NAME], ` +
      "daemon:NAME, or the reference of an image in a registry",
  );
}

/** A place with a list of images. */
export interface ImageStore extends Source {
  entries(): Promise<readonly Descriptor[]>;
}

/**
 * Opens a layout (a folder) or an archive (a file) by its path.
 *
 * @throws {KodenoError} `BAD_PLACE` when it is neither
 */
export async function openImages(path: string): Promise<Layout | ArchiveSource> {
  const info = await Deno.stat(path).catch(() => undefined);
  return info?.isFile ? await openArchive(resolve(path)) : await openLayout(path);
}

/**
 * Opens registries as a configuration says; warnings go to `emit`.
 *
 * @param options `named`: repositories the user has named, which may be dialled offline, too
 */
export function openRegistries(
  config: TransferConfig,
  options: {
    readonly named?: readonly string[] | undefined;
    readonly mountFrom?: readonly string[] | undefined;
    readonly emit?: ((event: NoteEvent) => void) | undefined;
  } = {},
): Registries {
  const { insecure, caCerts, mirrors, userAgent, environment } = config;
  return new Registries({
    env: environment,
    insecure,
    caCerts,
    mirrors,
    userAgent,
    mountFrom: options.mountFrom,
    onlyHosts: config.offline
      ? (options.named ?? []).map((name) => parseEndpoint(name).host)
      : undefined,
    onWarning: (message) => options.emit?.({ type: "note", level: "warning", message }),
  });
}

/**
 * Gives up the right to use the network, for good and for everything in the process.
 * Unix sockets go with it: work that needs a daemon cannot do this.
 */
export async function giveUpNetwork(): Promise<void> {
  await Deno.permissions.revoke({ name: "net" });
}
