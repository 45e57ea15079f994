/**
 * Image manifests, indexes and configs: their shapes and the one place that reads them from bytes
 * (OCI image spec 1.1: manifest.md, image-index.md, config.md). Unknown fields are kept.
 * @module
 */
import { z } from "zod";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";

/** Largest manifest, index or config that is read, in bytes; registries commonly allow 4 MiB. */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** An image manifest. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An image index. */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** One entry of an image's history. */
export interface History {
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

/** An image config. */
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

const annotations = z.record(z.string(), z.string()).optional();
const digest = z.string().refine(isDigest, 'a digest is "sha256:" and 64 hex digits');
const descriptor = z.looseObject({
  mediaType: z.string(),
  digest,
  size: z.int().nonnegative(),
  annotations,
  artifactType: z.string().optional(),
  platform: z.looseObject({
    os: z.string(),
    architecture: z.string(),
    variant: z.string().optional(),
    "os.version": z.string().optional(),
  }).optional(),
});
const manifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor),
  subject: descriptor.optional(),
  annotations,
});
const index = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  // Go's encoder writes an empty list as null.
  manifests: z.array(descriptor).nullable().transform((list) => list ?? []),
  subject: descriptor.optional(),
  annotations,
});
const strings = z.array(z.string()).nullish();
const config = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  config: z.looseObject({
    Entrypoint: strings,
    Cmd: strings,
    Env: strings,
    User: z.string().optional(),
    Labels: z.record(z.string(), z.string()).nullish(),
    ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  }).optional(),
  rootfs: z.looseObject({ type: z.string(), diff_ids: z.array(digest) }),
  history: z.array(z.looseObject({})).optional(),
});

function parse<T>(schema: z.ZodType, bytes: Uint8Array, kind: string, what: string): T {
  const fail = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is not ${kind} (${why})`, {}, {
      cause,
    });
  if (bytes.length > MAX_JSON_BYTES) throw fail(`larger than ${MAX_JSON_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail("not JSON", error);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data as T;
  const [issue] = result.error.issues;
  throw fail(`${issue?.path.join(".") || "the document"}: ${issue?.message}`, result.error);
}

/**
 * Reads an image manifest.
 *
 * @param bytes the document
 * @param what names it in an error ("manifest sha256:1f... of oci:base")
 * @throws {KodenoError} `BAD_CONTENT`
 */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  return parse(manifest, bytes, "an image manifest", what);
}

/**
 * Reads an image index, or the `index.json` of a layout.
 *
 * @throws {KodenoError} `BAD_CONTENT`
 */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  return parse(index, bytes, "an image index", what);
}

/**
 * Reads an image config.
 *
 * @throws {KodenoError} `BAD_CONTENT`
 */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  return parse(config, bytes, "an image config", what);
}

/** The bytes kodeno writes for a document: compact JSON, keys in the order of the value. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
