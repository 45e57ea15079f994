/**
 * What the name of a place can mean, and opening it: the one list of kinds of places.
 * @module
 */
import { join, resolve } from "node:path";
import type { CopyOptions } from "../content/copy.ts";
import { type CallOptions, holdPlace, type Place, type Source } from "../content/places.ts";
import type { NoteEvent, WorkOptions } from "../events.ts";
import { KodenoError } from "../errors.ts";
import { exists, isFile, isFolder } from "../io/files.ts";
import { type Descriptor, DIGEST_PATTERN } from "../oci/descriptor.ts";
import { ARCHIVE_ENDING } from "../oci/entries.ts";
import {
  isReference,
  normalizeName,
  parseReference,
  type Reference,
  splitHost,
} from "../oci/reference.ts";
import type { ArchiveTargetOptions } from "./archive/archive_target.ts";
import type { Daemon } from "./daemon/daemon.ts";
import type { DaemonEndpoint } from "./daemon/endpoint.ts";
import type { KindCluster } from "./daemon/kind.ts";
import { type WholeImages, wholeImages } from "./flat_index.ts";
import { openLayout } from "./layout/layout.ts";
import { isLoopback, parseEndpoint } from "./registry/endpoint.ts";
import type { ForeignLayers } from "./registry/foreign.ts";
import type { Registries } from "./registry/registry.ts";
import type { RegistryOptions, TransferConfig } from "./registry/transport.ts";
import { isUnder, KIND_DOMAIN, kindCluster } from "./domains.ts";

/** The name of a place, read. */
export type PlaceName =
  | { readonly kind: "layout"; readonly path: string; readonly ref: string }
  | { readonly kind: "archive"; readonly path: string; readonly ref: string }
  /** Without a name a target takes the image's own. */
  | { readonly kind: "daemon"; readonly name: string }
  /** A name below `kind.local`, for the nodes of a kind cluster; only to write to. */
  | { readonly kind: "kind"; readonly name: string }
  | { readonly kind: "registry"; readonly reference: Reference };

const STORE = new RegExp(`^(oci|archive):([^:@]+)(?:@(${DIGEST_PATTERN})|:(.+))?$`);

/** Kinds of places by the names that skopeo and podman have for them. */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  "docker-archive": "archive",
  "docker-daemon": "daemon",
  "oci-archive": "archive",
  "oci-layout": "oci",
};

/**
 * Reads `oci:DIR[:NAME]`, `oci:DIR@DIGEST`, `archive:FILE[:NAME]`, `daemon:NAME`, or the reference of
 * an image in a registry or, below `kind.local`, in the nodes of a kind cluster.
 */
export function parsePlace(text: string): PlaceName {
  const bad = (next: string) =>
    new KodenoError("BAD_REFERENCE", `Cannot use place ${JSON.stringify(text)}: ${next}`);
  const [, other = "", rest] = /^([a-z-]+):(.*)$/s.exec(text) ?? [];
  const own = OTHER_KINDS[other];
  if (own !== undefined) throw bad(`say ${own}:${rest}`);
  if (/^oci:\/\/[^/]/.test(text)) {
    throw bad('leave "oci://" out of what is in a registry; oci:DIR is a layout');
  }
  const found = STORE.exec(text);
  if (found !== null) {
    const [, kind, path = "", digest, name] = found;
    return { kind: kind === "oci" ? "layout" : "archive", path, ref: digest ?? name ?? "" };
  }
  const daemon = /^daemon:(.*)$/.exec(text)?.[1];
  if (daemon !== undefined) return { kind: "daemon", name: daemon };
  if (!/^(oci|archive|daemon):/.test(text)) {
    const reference = parseReference(text);
    const isOfKind = isUnder(reference.name, KIND_DOMAIN);
    return isOfKind ? { kind: "kind", name: text } : { kind: "registry", reference };
  }
  const forms = "oci:DIR[:NAME], archive:FILE[:NAME], daemon:NAME";
  throw bad(`say ${forms}, or the reference of an image in a registry`);
}

const BEFORE_NAME = new RegExp(`:|@(?=${DIGEST_PATTERN}$)`, "g");
const PLACE_AND_NAME = new RegExp(`^(.+?)(?:@(${DIGEST_PATTERN})|:([^:/\\\\@]+))?$`);

/** The path of a layout or archive, and the name of an image that may stand behind it. */
async function splitPlace(
  text: string,
): Promise<{ readonly path: string; readonly ref?: string | undefined }> {
  // A path may have colons, too: the shortest that leads somewhere is that of the place.
  const place = await pathOf(text);
  if (exists(place)) return { path: place };
  for (const { index } of place.matchAll(BEFORE_NAME)) {
    const path = place.slice(0, index);
    if (path === "-" || exists(path)) return { path, ref: place.slice(index + 1) };
  }
  // None does: what is missing is the folder, without what looks like a name behind it.
  const [, path = place, digest, tag] = PLACE_AND_NAME.exec(place) ?? [];
  return { path, ref: digest ?? tag };
}

/**
 * The place of an image that somebody wants to read: as {@link parsePlace} has it, or the path of a
 * layout or archive, with the name of the image behind it. A name alone is no image of Docker Hub here,
 * since it may be a folder that is not there.
 */
export async function placeToRead(text: string): Promise<PlaceName> {
  const isPath = /^\.{0,2}\//.test(text);
  const isOther = isReference(text) && splitHost(text).host !== undefined;
  const [, kind = ""] = /^([a-z-]+):/.exec(text) ?? [];
  const isKind = /^(?:oci|archive|daemon)$/.test(kind) || Object.hasOwn(OTHER_KINDS, kind);
  if (isKind || (isOther && !isPath)) {
    const place = parsePlace(text);
    if (place.kind !== "daemon" || place.name !== "") return place;
    throw new KodenoError("BAD_REFERENCE", "Cannot read an image from daemon: say daemon:NAME");
  }
  const { path, ref = "" } = await splitPlace(text);
  if (path === "-" || isFile(path)) return { kind: "archive", path, ref };
  if (isPath || isFolder(path)) return { kind: "layout", path, ref };
  if (exists(path)) return { kind: "archive", path, ref };
  const next = "say the path of a layout or archive, HOST/PATH:TAG, or daemon:NAME";
  throw new KodenoError("BAD_PLACE", `Cannot use ${text}: there is no such file; ${next}`);
}

/** Whether a place is a layout or an archive, for which nobody dials. */
export function isOnDisk({ kind }: PlaceName): boolean {
  return kind === "layout" || kind === "archive";
}

/** Whether a place is the standard input, which can be read once. */
export function isStdin(place: PlaceName): boolean {
  return place.kind === "archive" && place.path === "-";
}

/**
 * Reads the name of a place that is written, too; a path is none, even where it could be the name of an image.
 */
export function placeToWrite(text: string): PlaceName {
  const isPath = /^\.{0,2}\//.test(text);
  const isOther = isReference(text) && splitHost(text).host !== undefined;
  if (/^(?:oci|archive|daemon):/.test(text) || (isOther && !isPath)) return parsePlace(text);
  const [, path = text, ref = ""] = /^(.+?)((?::[^:/]*|@[^@]*)?)$/.exec(text) ?? [];
  const isLayout = exists(join(path, "oci-layout"));
  const isArchive = ARCHIVE_ENDING.test(path) && isFile(path);
  if (!isPath && !isLayout && !isArchive) return parsePlace(text);
  const next = isLayout || isArchive
    ? `say ${isLayout ? "oci" : "archive"}:${path}${ref}`
    : `say oci:${path}${ref} for a layout, archive:${path}${ref} for an archive`;
  const other = isReference(text) ? `, or ${normalizeName(text)} for an image of Docker Hub` : "";
  const message = `Cannot use place ${JSON.stringify(text)}: it is a path; ${next}${other}`;
  throw new KodenoError("BAD_REFERENCE", message);
}

/**
 * Opens a layout (a folder) or an archive (a file, a pipe) by its path, or as `copy` names it
 * (`oci:PATH`, `archive:PATH`); `-` is an archive from stdin.
 */
export async function openImages(
  place: string,
  options: WorkOptions = {},
): Promise<WholeImages> {
  return wholeImages(await openStore(await pathOf(place), options));
}

/** The path of a layout or archive; what has the prefix of a place in its own name keeps it. */
export async function pathOf(place: string): Promise<string> {
  const [, path] = /^(?:oci|archive):(.+)$/s.exec(place) ?? [];
  if (path === undefined) return place;
  return await Deno.stat(place).then(() => place, () => path);
}

/** Opens a layout or an archive, which may be a pipe; where no kind is said, it is what is there. */
export async function openStore(path: string, options: WorkOptions, kind?: "layout" | "archive") {
  const { signal, emit } = options;
  if (kind === "layout") return await openLayout(path, { emit });
  const info = path === "-" ? undefined : await Deno.stat(path).catch(() => undefined);
  const isPipe = path === "-" || info?.isFifo;
  if (kind === undefined && !isPipe && !info?.isFile) return await openLayout(path, { emit });
  // Kinds of places that a command does not touch are not loaded: half of its time would go there.
  const { openArchive, openPipedArchive } = await import("./archive/archive_source.ts");
  return isPipe
    ? await openPipedArchive(path, { signal })
    : await openArchive(resolve(path), { signal });
}

/**
 * Opens a place to read an image from, which stays there till what was opened is disposed of; `ref` is
 * what the source resolves to the image. Paths are relative to a directory, or the current one.
 */
export async function openSource(
  place: PlaceName,
  config: TransferConfig,
  opened: AsyncDisposableStack,
  { directory = "", signal, emit }: WorkOptions & { readonly directory?: string } = {},
): Promise<{ readonly source: Source; readonly ref: string }> {
  switch (place.kind) {
    case "layout":
    case "archive": {
      const path = directory ? resolve(directory, place.path) : place.path;
      const source = wholeImages(opened.use(await openStore(path, { signal, emit }, place.kind)));
      opened.use(await holdPlace(source, { signal }));
      return { source, ref: place.ref };
    }
    case "daemon": {
      const { Daemon } = await import("./daemon/daemon.ts");
      return {
        source: opened.use(new Daemon(await findDaemonOf(config), config.environment)),
        ref: place.name,
      };
    }
    case "kind":
      throw new KodenoError(
        "BAD_PLACE",
        `Cannot read ${place.name} from a kind cluster: its nodes only take images`,
      );
    case "registry": {
      const { name, tag, digest } = place.reference;
      const registries = opened.use(await openRegistries(config, { named: [name], emit }));
      return { source: registries.open(name), ref: digest ?? tag ?? "latest" };
    }
  }
}

/** What only the work itself knows of its registries. */
interface RegistryUse {
  /** Repositories the user has named, which may be dialled offline, too. */
  readonly named?: readonly string[] | undefined;
  readonly mountFrom?: readonly string[] | undefined;
  /** Told of warnings. */
  readonly emit?: ((event: NoteEvent) => void) | undefined;
}

export async function openRegistries(
  config: TransferConfig,
  use: RegistryUse = {},
): Promise<Registries> {
  const { Registries } = await import("./registry/registry.ts");
  return new Registries(registryOptions(config, use));
}

/** Where foreign layers are brought from; nothing where a configuration does not ask for them. */
export async function openForeign(
  config: TransferConfig,
  { emit }: Pick<RegistryUse, "emit"> = {},
): Promise<ForeignLayers | undefined> {
  if (!config.foreign) return undefined;
  const { ForeignLayers } = await import("./registry/foreign.ts");
  return new ForeignLayers(registryOptions(config, { emit }));
}

/** How registries are reached, as a configuration says. */
export function registryOptions(config: TransferConfig, use: RegistryUse = {}): RegistryOptions {
  const { offline, environment } = config;
  const mirrors = Object.values(config.namedMirrors).map((mirror) => mirror.split("/")[0] ?? "");
  const isProxy = (name: string): boolean => /^(?:https?|all)_proxy$/i.test(name);
  const others = Object.entries(environment).filter(([name]) => !isProxy(name));
  return {
    ...config,
    // A proxy is a host that nobody has named.
    environment: offline ? Object.fromEntries(others) : environment,
    mountFrom: use.mountFrom,
    onlyHosts: offline
      ? [...(use.named ?? []).map((name) => parseEndpoint(name).host), ...mirrors]
      : undefined,
    onWarning: (message) => use.emit?.({ type: "note", level: "warning", message }),
    onDelay: (message, waitMs) =>
      use.emit?.(
        waitMs === undefined
          ? { type: "note", level: "verbose", message }
          : { type: "note", level: "info", message, waitMs },
      ),
  };
}

/** Whether a repository is of a registry on this machine, which needs no network. */
export function isLocalRepository(name: string): boolean {
  return isLoopback(new URL(`http://${parseEndpoint(name).host}`).hostname);
}

/** The daemon that is meant; offline none on another machine, since only the environment names it. */
export async function findDaemonOf(
  { environment, offline }: TransferConfig,
): Promise<DaemonEndpoint> {
  const { findDaemon, formatEndpoint } = await import("./daemon/endpoint.ts");
  const endpoint = findDaemon(environment);
  if (offline && endpoint.kind === "tcp" && !isLoopback(endpoint.host)) {
    const where = `the Docker daemon at ${formatEndpoint(endpoint)}`;
    const next = 'write an archive ("kodeno copy oci:DIR archive:FILE") and load it there';
    const why = `it is on another machine; ${next}, or leave --offline out`;
    throw new KodenoError("BAD_OPTION", `Cannot use ${where} offline: ${why}`);
  }
  return endpoint;
}

export type LocalPlace = Daemon | KindCluster;

/** Opens the daemon that a configuration means, or the cluster that it means for a domain of names. */
export async function openLocalPlace(config: TransferConfig, domain?: string): Promise<LocalPlace> {
  const { environment } = config;
  const endpoint = await findDaemonOf(config);
  const cluster = domain === undefined ? undefined : kindCluster(domain, environment);
  if (cluster === undefined) {
    // Most builds go to no daemon, and do not wait for its code.
    const { Daemon } = await import("./daemon/daemon.ts");
    return new Daemon(endpoint, environment);
  }
  const { KindCluster } = await import("./daemon/kind.ts");
  return new KindCluster({ endpoint, cluster, environment });
}

/** A place that images are copied into, with what some kinds of places have beside the others. */
export interface WritablePlace extends Place {
  close(options?: Omit<CopyOptions, "tags">): Promise<unknown>;
  /** The bytes of a blob that was brought, where it can be read. */
  fetch?: Source["fetch"];
  /** What a daemon calls an image that was brought. */
  idOf?(descriptor: Descriptor): string;
  /** Brings one image at once, to a daemon or cluster. */
  load?: Daemon["load"];
  /** Keeps images without names. */
  keep?(all: readonly Descriptor[], options?: CallOptions): Promise<void>;
  /** What of an image it takes. */
  prepare?(
    source: Source,
    root: Descriptor,
    options?: Pick<CopyOptions, "foreign" | "signal">,
  ): Promise<Descriptor>;
}

interface OpenTargetOptions extends RegistryUse, ArchiveTargetOptions {
  /** Those that are open already, where the place is a registry. */
  readonly registries?: Registries | undefined;
  /** Of names in a daemon; below `kind.local` they lead into the nodes of a kind cluster. */
  readonly domain?: string | undefined;
}

/** Opens a place to write an image to; a layout is made where there is none. */
export async function openTarget(
  place: PlaceName,
  config: TransferConfig,
  { domain, near, registries, ...use }: OpenTargetOptions = {},
): Promise<WritablePlace> {
  switch (place.kind) {
    case "layout":
      return await openLayout(place.path, { create: true, emit: use.emit });
    case "archive": {
      const { ArchiveTarget } = await import("./archive/archive_target.ts");
      return new ArchiveTarget(place.path, { near });
    }
    case "daemon":
      return await openLocalPlace(config, domain);
    case "kind":
      return await openLocalPlace(config, KIND_DOMAIN);
    case "registry": {
      const { name } = place.reference;
      return (registries ?? await openRegistries(config, { named: [name], ...use })).open(name);
    }
  }
}

/**
 * Gives up the right to use the network, for good and for everything in the process.
 * Unix sockets go with it: work that needs a daemon cannot do this.
 */
export async function giveUpNetwork(): Promise<void> {
  await Deno.permissions.revoke({ name: "net" });
}
