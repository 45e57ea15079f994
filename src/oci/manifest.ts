/**
 * Image manifests, indexes and configs: their shapes and the one place that reads them from bytes
 * (OCI image spec 1.1: manifest.md, image-index.md, config.md). Unknown fields are kept.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { type Descriptor, type Digest, DIGEST_FORM, isDigest } from "./descriptor.ts";

/** Largest manifest, index or config that is read, in bytes; registries commonly allow 4 MiB. */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** Objects and lists of a document that may lie in each other; those of OCI have some 6. */
const MAX_JSON_DEPTH = 100;

/** Levels below a root: index, manifest, subject of that, and so on. */
export const MAX_GRAPH_DEPTH = 64;

/** Different blobs below a root. */
export const MAX_GRAPH_BLOBS = 100_000;

/** Bytes of all manifests and indexes below a root, held while their children are moved. */
export const MAX_GRAPH_DOCUMENT_BYTES = 64 * 1024 * 1024;

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface Index extends Omit<Manifest, "artifactType" | "config" | "layers"> {
  readonly manifests: readonly Descriptor[];
}

interface History {
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly created_by?: string | undefined;
  readonly comment?: string | undefined;
  readonly empty_layer?: boolean | undefined;
}

/** What a container of an image runs as; field names as Docker wrote them first. */
export interface RunConfig {
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Env?: readonly string[] | null | undefined;
  readonly User?: string | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly config?: RunConfig | undefined;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly History[] | undefined;
}

/**
 * Says what is wrong with a value, and where in it (`layers.0.size: ...`); undefined when nothing.
 * Every command reads documents, and the library that checks the configuration takes a third of the
 * time in which a small one is done.
 */
type Shape = (value: unknown, where: string) => string | undefined;

const misfit = (where: string, why: string): string => `${where || "the document"}: ${why}`;

function primitive(what: string, fits: (value: unknown) => boolean): Shape {
  return (value, where) => fits(value) ? undefined : misfit(where, `it is not ${what}`);
}

const anything: Shape = () => undefined;
const anyText = primitive("a string", (value) => typeof value === "string");
const byteCount = primitive(
  "a number of bytes",
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);

const optional = (shape: Shape): Shape => (value, where) =>
  value === undefined ? undefined : shape(value, where);
const orNull = (shape: Shape): Shape => (value, where) =>
  value === null ? undefined : shape(value, where);

type Parts = Iterable<readonly [key: string | number, part: unknown, shape: Shape]>;

/** The shape of what has parts, each with its own; `partsOf` gives them, where it is that. */
const compound =
  (what: string, partsOf: (value: unknown) => Parts | false): Shape => (value, where) => {
    const parts = partsOf(value);
    if (parts === false) return misfit(where, `it is not ${what}`);
    for (const [key, part, shape] of parts) {
      const found = shape(part, where === "" ? String(key) : `${where}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };

const list = (item: Shape) =>
  compound("a list", (value) => Array.isArray(value) && value.map((one, i) => [i, one, item]));

const record = (field: Shape) =>
  compound(
    "an object",
    (value) => isObject(value) && Object.entries(value).map(([name, one]) => [name, one, field]),
  );

function object(fields: Readonly<Record<string, Shape>>): Shape {
  const shapes = Object.entries(fields);
  return compound(
    "an object",
    (value) => isObject(value) && shapes.map(([name, shape]) => [name, value[name], shape]),
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const annotations = optional(record(anyText));
const version = primitive("2", (value) => value === 2);
const digest = primitive(
  `a digest (${DIGEST_FORM})`,
  (value) => typeof value === "string" && isDigest(value),
);
const descriptor = object({
  mediaType: anyText,
  digest,
  size: byteCount,
  annotations,
  artifactType: optional(anyText),
  platform: optional(object({
    os: anyText,
    architecture: anyText,
    variant: optional(anyText),
    "os.version": optional(anyText),
  })),
});
const common = {
  schemaVersion: version,
  mediaType: optional(anyText),
  subject: optional(descriptor),
  annotations,
};
const manifest = object({
  ...common,
  artifactType: optional(anyText),
  config: descriptor,
  layers: list(descriptor),
});
// Go's encoder writes an empty list as null.
const index = object({ ...common, manifests: orNull(list(descriptor)) });
const strings = optional(orNull(list(anyText)));
const config = object({
  architecture: anyText,
  os: anyText,
  variant: optional(anyText),
  config: optional(object({
    Entrypoint: strings,
    Cmd: strings,
    Env: strings,
    User: optional(anyText),
    Labels: optional(orNull(record(anyText))),
    ExposedPorts: optional(orNull(record(anything))),
  })),
  rootfs: object({ type: anyText, diff_ids: list(digest) }),
  history: optional(list(record(anything))),
});

function parse<T>(shape: Shape, bytes: Uint8Array, kind: string, what: string): T {
  const fail = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is not ${kind} (${why})`, {}, {
      cause,
    });
  if (bytes.length > MAX_JSON_BYTES) throw fail(`larger than ${MAX_JSON_BYTES} bytes`);
  if (depthOf(bytes) > MAX_JSON_DEPTH) throw fail(`nested over ${MAX_JSON_DEPTH} levels deep`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail("not JSON", error);
  }
  const problem = shape(value, "");
  if (problem !== undefined) throw fail(problem);
  return value as T;
}

/**
 * How many objects and lists lie in each other. Reading takes any number of them, but writing what
 * is kept of them again would end the program.
 */
function depthOf(json: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = new TextEncoder()
  .encode('"\\[]{}');

/** Reads an image manifest, which `what` names in an error (`manifest sha256:1f...`). */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  return parse(manifest, bytes, "an image manifest", what);
}

/** Reads an image index, or the `index.json` of a layout. */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  const value = parse<Index>(index, bytes, "an image index", what);
  return { ...value, manifests: value.manifests ?? [] };
}

export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  return parse(config, bytes, "an image config", what);
}

/** The bytes kodeno writes for a document: compact JSON, keys in the order of the value. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
