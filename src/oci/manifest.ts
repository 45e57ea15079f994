/**
 * Image manifests, indexes and configs: their shapes and the one place that reads them from bytes
 * (OCI image spec 1.1: manifest.md, image-index.md, config.md). What may be left out may be `null`, too;
 * unknown fields are kept.
 * @module
 */
import { KodenoError } from "../errors.ts";
import {
  type Descriptor,
  type Digest,
  DIGEST_FORM,
  digestParts,
  isDigest,
  MediaType,
} from "./descriptor.ts";
import type { Platform } from "./platform.ts";

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
 * Reads a value: what it gives is the value itself, or what is left of it without members that are
 * `null`, which is what Go writes of a list or map that was never made. Every command reads documents,
 * and the library that checks the configuration takes a third of the time in which a small one is done.
 *
 * @throws {Misfit}
 */
type Shape = (value: unknown) => unknown;

/** What is wrong with a value, and where in it (`layers.0.size`). */
class Misfit extends Error {
  readonly path: (string | number)[] = [];

  get why(): string {
    return `${this.path.join(".") || "the document"}: ${this.message}`;
  }
}

/** Reads a part of a value; what is wrong is told with the way to it. */
function readPart(shape: Shape, key: string | number, value: unknown): unknown {
  try {
    return shape(value);
  } catch (error) {
    if (error instanceof Misfit) error.path.unshift(key);
    throw error;
  }
}

const primitive = (what: string, fits: (value: unknown) => boolean): Shape => (value) => {
  if (fits(value)) return value;
  throw new Misfit(`it is not ${what}`);
};

const anything: Shape = (value) => value;
const anyText = primitive("a string", (value) => typeof value === "string");
const byteCount = primitive(
  "a number of bytes",
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);
const anyObject = primitive("an object", isObject);

/** What may be left out, which `null` means, too. */
const optional = (shape: Shape): Shape => (value) =>
  value === null || value === undefined ? undefined : shape(value);

/** What stands for a value where that is left out, or `null`. */
const either = (shape: Shape, other: unknown): Shape => (value) => shape(value ?? other);

const list = (item: Shape): Shape => (value) => {
  if (!Array.isArray(value)) throw new Misfit("it is not a list");
  const read = value.map((one, i) => readPart(item, i, one));
  return read.every((one, i) => one === value[i]) ? value : read;
};

/** Texts by name, as annotations and labels are. */
const texts: Shape = (value) => {
  if (!isObject(value)) throw new Misfit("it is not an object");
  const all = Object.entries(value);
  const there = all.filter(([, one]) => one !== null);
  for (const [name, one] of there) readPart(anyText, name, one);
  return there.length === all.length ? value : Object.fromEntries(there);
};

type Fields = Readonly<Record<string, Shape>>;

/** An object of which some members are known; the others stay as they are. */
function object(fields: Fields): Shape {
  const shapes = Object.entries(fields);
  return (value) => {
    if (!isObject(value)) throw new Misfit("it is not an object");
    let other: Record<string, unknown> | undefined;
    for (const [name, shape] of shapes) {
      const read = readPart(shape, name, value[name]);
      if (read === value[name]) continue;
      other ??= { ...value };
      if (read === undefined) delete other[name];
      else other[name] = read;
    }
    if (other !== undefined) written.set(other, value);
    return other ?? value;
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What values were before something was left out of them. */
const written = new WeakMap<object, unknown>();

/** What is wrong with descriptors that cannot be used. */
const oddities = new WeakMap<object, string>();

/** A descriptor or a document as it stood where it was read, so that it can be written so again. */
export function asWritten<T extends object>(value: T): T {
  return written.has(value) ? written.get(value) as T : value;
}

/**
 * Why an entry of an index cannot be used: what stands there is no descriptor, or has a digest of an
 * algorithm that kodeno does not know. Nothing for one that can be.
 */
export function oddity(d: Descriptor): string | undefined {
  return oddities.get(d);
}

/** Characters of a digest that is none, which is what a person calls such an entry by. */
const MAX_ODD = 300;

/**
 * What stands for an entry that cannot be used, so that the others can: what can be read of it, and
 * why the rest cannot.
 */
export function oddDescriptor(value: unknown, why: string): Descriptor {
  const given = isObject(value) ? value : {};
  const read = Object.entries(descriptorFields).map(([name, shape]) => {
    try {
      return [name, shape(given[name])] as const;
    } catch {
      return [name, undefined] as const;
    }
  });
  const { digest, annotations } = given;
  const isText = ([, one]: readonly [string, unknown]) => typeof one === "string";
  const odd = {
    mediaType: "",
    size: 0,
    ...Object.fromEntries(read.filter(([, one]) => one !== undefined)),
    // No digest is like this one, so that nothing is found by it.
    digest: (typeof digest === "string" ? digest.slice(0, MAX_ODD) : "?") as Digest,
    ...(isObject(annotations)
      ? { annotations: Object.fromEntries(Object.entries(annotations).filter(isText)) }
      : {}),
  };
  written.set(odd, value);
  oddities.set(odd, why);
  return odd as Descriptor;
}

/** As Go reads a list in which something is `null`. */
const strings = optional(list(either(anyText, "")));
const annotations = optional(texts);
const version = primitive("2", (value) => value === 2);
const digest = primitive(
  `a digest that kodeno knows (${DIGEST_FORM})`,
  (value) => typeof value === "string" && isDigest(value),
);
const platformFields = object({
  os: optional(anyText),
  architecture: optional(anyText),
  variant: optional(anyText),
  "os.version": optional(anyText),
  "os.features": strings,
});
/** One that says half of it, as others write it for what has none, says nothing. */
const platform: Shape = (value) => {
  const read = platformFields(value);
  const { os, architecture } = read as Partial<Platform>;
  return os && architecture ? read : undefined;
};
const descriptorFields: Fields = {
  mediaType: anyText,
  digest,
  size: byteCount,
  annotations,
  artifactType: optional(anyText),
  platform: optional(platform),
  urls: strings,
  data: optional(anyText),
};
const descriptor = object(descriptorFields);

/** A descriptor in a list of which only some are needed: one that is none does not hinder others. */
const entry: Shape = (value) => {
  try {
    return descriptor(value);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return oddDescriptor(value, error.path.length > 0 ? `its ${error.why}` : "it is not an object");
  }
};
/** What a manifest names by an algorithm that is not known does not hinder what it names beside that. */
const part: Shape = (value) => {
  const { digest } = isObject(value) ? value : {};
  const parts = typeof digest === "string" ? digestParts(digest) : undefined;
  return parts === undefined || parts.isKnown ? descriptor(value) : entry(value);
};
const common = {
  schemaVersion: version,
  mediaType: optional(anyText),
  artifactType: optional(anyText),
  subject: optional(part),
  annotations,
};
const manifest = object({
  ...common,
  config: part,
  layers: either(list(part), []),
});
const indexFields = object({ ...common, manifests: either(list(entry), []) });
const index: Shape = (value) => {
  const read = indexFields(value);
  const { manifests, config, layers } = value as Readonly<Record<string, unknown>>;
  // Whoever takes a manifest for an index would find nothing in it.
  if (!manifests && (config || layers)) {
    throw new Misfit("it has no manifests, but what a manifest has");
  }
  return read;
};
const config = object({
  architecture: either(anyText, ""),
  os: either(anyText, ""),
  variant: optional(anyText),
  "os.version": optional(anyText),
  created: optional(anything),
  author: optional(anything),
  config: optional(object({
    Entrypoint: strings,
    Cmd: strings,
    Env: strings,
    User: optional(anyText),
    WorkingDir: optional(anyText),
    Labels: optional(texts),
    ExposedPorts: optional(anyObject),
  })),
  rootfs: either(
    object({ type: either(anyText, "layers"), diff_ids: either(list(digest), []) }),
    {},
  ),
  history: optional(list(either(anyObject, {}))),
});

function parse<T>(shape: Shape, bytes: Uint8Array, kind: string, what: string): T {
  const fail = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is not ${kind} (${why})`, {}, {
      cause,
    });
  if (bytes.length > MAX_JSON_BYTES) throw fail(`larger than ${MAX_JSON_BYTES} bytes`);
  if (isTooDeep(bytes)) throw fail(`nested over ${MAX_JSON_DEPTH} levels deep`);
  let value: unknown;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail("not JSON", error);
  }
  try {
    return shape(value) as T;
  } catch (error) {
    throw error instanceof Misfit ? fail(error.why) : error;
  }
}

/** A number that JavaScript may write in another way, after a name or in a list. */
const ODD_NUMBER = /(?:"\s*:|[[,])\s*-?(?:\d{16}|\d+[.eE])/;

/** Reads JSON so that it can be written again with each number as it was. */
function parseJson(text: string): unknown {
  if (!ODD_NUMBER.test(text)) return JSON.parse(text);
  const keep = (_: string, value: unknown, { source }: { readonly source?: string }) =>
    typeof value === "number" && String(value) !== source ? rawJSON(source ?? "") : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

/** TypeScript does not know it yet. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (source: string) => unknown };

/** Whether objects and lists lie in each other deeper than anybody needs; writing what was read fails. */
export function isTooDeep(json: Uint8Array): boolean {
  return depthOf(json) > MAX_JSON_DEPTH;
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

/**
 * Reads an image manifest, which `what` names in an error (`manifest sha256:1f...`). Of what it names by
 * an algorithm that is not known, {@link oddity} tells.
 */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  return parse(manifest, bytes, "an image manifest", what);
}

/**
 * Reads an image index, or the `index.json` of a layout. An entry that is no descriptor is in its place
 * in the list, with what can be read of it; see {@link oddity}.
 */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  return parse(index, bytes, "an image index", what);
}

export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  return parse(config, bytes, "an image config", what);
}

/**
 * The type that a manifest or index gives itself, for what names it as something else; where it gives
 * none, the one that its members leave, unless they are those of both. "" when there is none.
 */
export function ownType(bytes: Uint8Array): string {
  let value: Readonly<Record<string, unknown>> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return "";
  }
  const { schemaVersion, mediaType, manifests, layers, config } = value ?? {};
  if (schemaVersion !== 2) return "";
  if (typeof mediaType === "string") return mediaType;
  const [isIndex, isManifest] = [Array.isArray(manifests), Array.isArray(layers) || !!config];
  if (isIndex === isManifest) return "";
  return isIndex ? MediaType.index : MediaType.manifest;
}

/** The value of JSON; undefined for what is none, or not UTF-8. */
export function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The bytes kodeno writes for a document: compact JSON, keys in the order of the value. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
