/**
 * Base and layers to an image: config, manifest and, for several platforms, an index; field for
 * field what ko makes, but for the texts that name the builder. A finished image is a place to read
 * from: its bytes are in memory, in the cache, and wherever its base is.
 * @module
 */
import type { CallOptions, Source } from "../content/places.ts";
import { readGraphDocument } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import type { Layer } from "../layers/layer.ts";
import { type Descriptor, MediaType, ociMediaType } from "../oci/descriptor.ts";
import {
  asWritten,
  encodeJson,
  type ImageConfig,
  type Index,
  type Manifest,
} from "../oci/manifest.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { baseAnnotations, type BaseImage, type BaseName } from "./base.ts";

/** What the image is to say beside its files. */
export interface ImageOptions {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** They beat those of the base. */
  readonly imageEnv: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypointArgs: readonly string[];
  /** `8080/tcp` each. */
  readonly expose: readonly string[];
  /** Seconds since 1970; without it the base's creation time stays. */
  readonly sourceDateEpoch: number | undefined;
  readonly kodataTime: number | undefined;
}

/** One program: the names of its package and of its binary, and its layers. */
interface AppLayers extends Readonly<Record<"importPath" | "appName", string>> {
  readonly kodata: Layer;
  readonly binary: Layer;
  /** What runs the program, where something else does. */
  readonly debugger?: Debugger | undefined;
  /** What the history tells of the layers, where it was not a build of Go that made the binary. */
  readonly made?: { readonly command: string; readonly comment: string };
}

/** A debugger, as ko puts it into images. */
export interface Debugger {
  /** Its program, `/ko-app/dlv`, and nothing else. */
  readonly layer: Layer;
  /** As provenance tells of it: `delve@v1.26.3`, or `file:` and a digest. */
  readonly name: string;
}

/** A document of an image: what it is, and its bytes. */
interface ImageDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface PlatformImage {
  readonly platform: Platform;
  readonly config: ImageDocument;
  readonly manifest: ImageDocument;
  readonly layers: readonly Layer[];
  readonly base: BaseImage;
}

/** Go's zero time: what ko writes where nobody said when. */
export const UNKNOWN_TIME = "0001-01-01T00:00:00Z";

/** What begins an entrypoint that is debugged; the program and its arguments follow, as in ko. */
const DEBUGGING = [
  "/ko-app/dlv",
  "exec",
  "--listen=:40000",
  "--headless",
  "--log",
  "--accept-multiclient",
  "--api-version=2",
  "--",
] as const;

/** RFC 3339 without fractions, in UTC. */
function timestamp(seconds: number | undefined): string {
  if (seconds === undefined) return UNKNOWN_TIME;
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

export function imageDocument(mediaType: string, value: unknown): ImageDocument {
  const bytes = encodeJson(value);
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** Annotations of a manifest or index: the base's own, what was asked for, and where it stands. */
function annotate(
  inherited: Readonly<Record<string, string>> | undefined,
  options: Pick<ImageOptions, "annotations">,
  base: BaseName,
): { annotations?: Record<string, string> } {
  const annotations = { ...inherited, ...options.annotations, ...baseAnnotations(base) };
  const entries = Object.entries(annotations).sort(([a], [b]) => a < b ? -1 : 1);
  return entries.length === 0 ? {} : { annotations: Object.fromEntries(entries) };
}

/** Puts layers on a base. Media types are OCI's in any case: a layout is one of OCI images. */
export function assembleImage(
  base: BaseImage,
  baseName: string | undefined,
  app: AppLayers,
  options: ImageOptions,
): PlatformImage {
  const windows = base.platform.os === "windows";
  const binary = `${windows ? "C:\\ko-app\\" : "/ko-app/"}${app.appName}`;
  const time = timestamp(options.sourceDateEpoch);
  const kodataTime = timestamp(options.kodataTime);
  const { command, comment: what } = app.made ??
    { command: `kodeno build ko://${app.importPath}`, comment: "go build output" };
  const step = (created: string, comment: string) => ({
    author: "kodeno",
    created,
    created_by: command,
    comment,
  });
  return onBase(base, baseName, {
    author: "kodeno",
    created: options.sourceDateEpoch === undefined ? undefined : time,
    entrypoint: [...app.debugger ? DEBUGGING : [], binary, ...options.entrypointArgs],
    env: Object.entries(options.imageEnv).map((pair) => pair.join("=")),
    user: options.user || undefined,
    labels: options.labels,
    ports: Object.fromEntries(options.expose.map((port) => [port, {}])),
    annotations: options.annotations,
    layers: [app.kodata, app.binary, ...app.debugger ? [app.debugger.layer] : []],
    history: [
      step(kodataTime, "kodata contents, at $KO_DATA_PATH"),
      step(time, `${what}, at /ko-app/${app.appName}`),
      ...app.debugger ? [step(time, `Delve debugger, at ${DEBUGGING[0]}`)] : [],
    ],
  });
}

/** What an image has that its base has not. */
export interface OwnImage {
  readonly author: string | undefined;
  /** The time that was asked for; without one the base's stays. */
  readonly created: string | undefined;
  readonly entrypoint: readonly string[] | null | undefined;
  /** `NAME=VALUE` each; they beat those of the base, and those that each image has. */
  readonly env: readonly string[];
  readonly user: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly layers: readonly Layer[];
  readonly history: NonNullable<ImageConfig["history"]>;
}

/** An image for the platform of a base: what the base has, and what is its own. */
export function onBase(
  base: BaseImage,
  baseName: string | undefined,
  own: OwnImage,
): PlatformImage {
  const config = imageDocument(MediaType.config, configOnBase(base, own));
  const value: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: config.descriptor,
    layers: [
      ...base.manifest.layers.map((d) => ({ ...d, mediaType: ociMediaType(d.mediaType) })),
      ...own.layers.map((layer) => layer.descriptor),
    ],
    ...annotate(base.manifest.annotations, own, { name: baseName, digest: base.digest }),
  };
  const manifest = imageDocument(MediaType.manifest, value);
  return { platform: base.platform, config, manifest, layers: own.layers, base };
}

/** The config of {@link onBase}. */
export function configOnBase(
  base: BaseImage,
  { author, created, entrypoint, env, user, layers, ...own }: Omit<OwnImage, "annotations">,
): ImageConfig {
  const { config, rootfs, history = [] } = base.config;
  const { Cmd: _, Labels, ExposedPorts, ...run } = config ?? {};
  const said = new Set(env.map(variableName));
  const variables = ownVariables(run.Env ?? [], base.platform)
    .filter((one) => !said.has(variableName(one)));
  const labels = { ...Labels, ...own.labels };
  const ports = { ...ExposedPorts, ...own.ports };
  return {
    ...base.config,
    author,
    created: created ?? base.config.created ?? UNKNOWN_TIME,
    config: {
      ...run,
      Entrypoint: entrypoint,
      Env: [...variables, ...env],
      ...(user === undefined ? {} : { User: user }),
      ...(Object.keys(labels).length > 0 ? { Labels: labels } : {}),
      ...(Object.keys(ports).length > 0 ? { ExposedPorts: ports } : {}),
    },
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)] },
    history: [...history, ...own.history],
  };
}

/** The name in `NAME=VALUE`. */
export const variableName = (variable: string): string => variable.replace(/=.*$/s, "");

/** Variables of a base, and those that each image has. */
export function ownVariables(env: readonly string[], { os }: Platform): readonly string[] {
  const windows = os === "windows";
  const data = windows ? "C:\\var\\run\\ko" : "/var/run/ko";
  return [...appendPath(env, windows ? "C:\\ko-app" : "/ko-app"), `KO_DATA_PATH=${data}`];
}

/** ko's rule: the folder goes behind the first PATH, or makes one; with a colon everywhere. */
function appendPath(env: readonly string[], directory: string): readonly string[] {
  const at = env.findIndex((entry) => entry.startsWith("PATH="));
  if (at < 0) return [...env, `PATH=${directory}`];
  return env.map((entry, i) => i === at ? `${entry}:${directory}` : entry);
}

function assembleIndex(
  images: readonly PlatformImage[],
  base: BaseName,
  options: Pick<ImageOptions, "annotations">,
) {
  const index: Index = {
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: images.map(({ manifest, platform }) => ({ ...manifest.descriptor, platform })),
    ...annotate(undefined, options, base),
  };
  return imageDocument(MediaType.index, index);
}

/** A finished image of one main package, for one platform or several; a {@link Source}. */
export interface BuiltImage extends Source {
  /** Import path of the main package. */
  readonly importPath: string;
  /** Its manifest, or its index where it has several platforms. */
  readonly root: Descriptor;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  /** Digests of the layers that are not the base's. */
  readonly ownLayers: readonly string[];
  /** What the others are of, for messages: `base image oci:bases`. */
  readonly base?: string | undefined;
}

/**
 * An image with more manifests in its index, behind those of its platforms; an image of one platform gets
 * an index.
 */
export async function withManifests(
  image: BuiltImage,
  entries: readonly Descriptor[],
  documents: readonly ImageDocument[],
  options: CallOptions = {},
): Promise<BuiltImage> {
  const { index } = await readGraphDocument(image, image.root, options);
  const before: Index = index ??
    { schemaVersion: 2, mediaType: MediaType.index, manifests: [image.root] };
  const made = imageDocument(MediaType.index, {
    ...before,
    manifests: [...before.manifests.map(asWritten), ...entries],
  });
  const root = made.descriptor;
  const own = new Map([...documents, made].map((one) => [one.descriptor.digest, one.bytes]));
  return Object.freeze({
    ...image,
    root,
    resolve: (ref: string, o?: CallOptions) =>
      ref === "" || ref === root.digest ? Promise.resolve(root) : image.resolve(ref, o),
    fetch: (descriptor: Descriptor, o?: CallOptions) => {
      const bytes = own.get(descriptor.digest);
      return bytes ? Promise.resolve(bytesStream(bytes)) : image.fetch(descriptor, o);
    },
  });
}

/** Makes an image of what was assembled, one for each platform, and of what they stand on. */
export function builtImage(
  importPath: string,
  images: readonly [PlatformImage, ...PlatformImage[]],
  base: BaseName,
  options: Pick<ImageOptions, "annotations">,
): BuiltImage {
  const [only, ...others] = images;
  const index = others.length === 0 ? undefined : assembleIndex(images, base, options);
  const root = index?.descriptor ?? { ...only.manifest.descriptor, platform: only.platform };

  const open = new Map<string, Layer["open"]>();
  for (const { base, layers } of images) {
    for (const d of base.manifest.layers) open.set(d.digest, (o) => base.source.fetch(d, o));
    for (const layer of layers) open.set(layer.descriptor.digest, layer.open);
  }
  const documents = images.flatMap(({ config, manifest }) => [config, manifest]);
  for (const { descriptor, bytes } of [...documents, ...(index ? [index] : [])]) {
    open.set(descriptor.digest, () => Promise.resolve(bytesStream(bytes)));
  }
  const missing = (what: string): Promise<never> =>
    Promise.reject(
      new KodenoError("NOT_FOUND", `Cannot find ${what} in the image of ${importPath}`),
    );
  return Object.freeze({
    importPath,
    root,
    platforms: images.map(({ platform }) => formatPlatform(platform)),
    ownLayers: images.flatMap(({ layers }) => layers.map(({ descriptor }) => descriptor.digest)),
    base: only.base.source.what,
    // An image has no name but its digest until it is in a place.
    resolve: (ref: string) =>
      ref === "" || ref === root.digest ? Promise.resolve(root) : missing(JSON.stringify(ref)),
    fetch: (descriptor: Descriptor, o?: CallOptions) =>
      open.get(descriptor.digest)?.(o) ?? missing(`blob ${descriptor.digest}`),
  });
}
