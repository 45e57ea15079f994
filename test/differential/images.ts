/**
 * Reads what kodeno or ko left in a layout, by import path, and compares the two. It shares no code
 * with kodeno: a fault there must not hide itself here.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const BASE_DIGEST = "org.opencontainers.image.base.digest";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Readonly<Record<string, unknown>>;
}

interface History {
  readonly author?: string;
  readonly created_by?: string;
}

interface Config {
  readonly author?: string;
  readonly os?: string;
  readonly architecture?: string;
  readonly history: readonly History[];
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

interface PlatformImage {
  /** `os/arch[/variant]`, for messages. */
  readonly name: string;
  /** What the index says; a lone manifest has none. */
  readonly entry: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly config: Config;
}

/** An image: one manifest, or an index of several. */
export interface Image {
  readonly isIndex: boolean;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly platforms: readonly PlatformImage[];
}

/** Images by the import path of their program. */
export async function readImages(layout: string): Promise<ReadonlyMap<string, Image>> {
  const blob = async (digest: string) =>
    JSON.parse(await Deno.readTextFile(join(layout, "blobs", digest.replace(":", "/"))));
  const platformImage = async (d: Descriptor, inIndex: boolean): Promise<PlatformImage> => {
    const manifest = await blob(d.digest);
    const config: Config & Record<string, string> = await blob(manifest.config.digest);
    const { os, architecture, variant } = { ...config, ...(inIndex ? d.platform : {}) };
    return {
      name: [os, architecture, variant].filter(Boolean).join("/"),
      entry: inIndex ? d : undefined,
      layers: manifest.layers,
      annotations: manifest.annotations,
      config,
    };
  };
  const images = new Map<string, Image>();
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  for (const root of index.manifests as Descriptor[]) {
    const isIndex = /index|list/.test(root.mediaType);
    const { manifests = [], annotations } = isIndex ? await blob(root.digest) : {};
    const platforms = isIndex
      ? await Promise.all(manifests.map((d: Descriptor) => platformImage(d, true)))
      : [await platformImage(root, false)];
    images.set(importPathOf(platforms[0]?.config), { isIndex, annotations, platforms });
  }
  return images;
}

/** Both builders say in the history what they built. */
function importPathOf(config: Config | undefined): string {
  const said = config?.history.at(-1)?.created_by;
  const found = /^(?:kodeno|ko) build ko:\/\/(\S+)$/.exec(said ?? "");
  assert.ok(found?.[1], `history says ${said}, not what was built`);
  return found[1];
}

/** How a comparison may be less strict than "equal". */
export interface Leave {
  /**
   * Compare the base's part of a config after what Go's reading and writing does to it: see
   * {@link asGoWrites}.
   */
  readonly asGoWrites?: boolean;
}

/**
 * Compares the images of a program. Configs have to be equal but for the texts that name the
 * builder.
 *
 * @param program named in messages
 * @param baseDigest of the base's index, or of its manifest where it has no index
 */
export function assertEqualImages(
  program: string,
  ko: Image | undefined,
  kodeno: Image | undefined,
  baseDigest: string,
  leave: Leave = {},
): void {
  assert.ok(ko, `ko has no image of ${program}`);
  assert.ok(kodeno, `kodeno has no image of ${program}`);
  const names = (image: Image) => image.platforms.map(({ name }) => name);
  assert.deepEqual(names(kodeno), names(ko), `${program}: platforms and their order`);
  assert.equal(kodeno.isIndex, ko.isIndex, `${program}: whether it has an index`);
  // ko gives the digest that the base's index would have with ko's own annotations in it, which is
  // the name of nothing; kodeno gives that of the base.
  const base = ko.isIndex ? { [BASE_DIGEST]: baseDigest } : {};
  const annotations = ko.isIndex ? { ...ko.annotations, ...base } : undefined;
  assert.deepEqual(kodeno.annotations, annotations, `${program}: annotations of the index`);
  for (const [i, theirs] of ko.platforms.entries()) {
    const ours: PlatformImage | undefined = kodeno.platforms[i];
    assert.ok(ours);
    const where = `${program} for ${theirs.name}`;
    assertSameLayers(where, theirs, ours);
    assertSameConfig(where, theirs.config, ours.config, leave);
    assert.deepEqual(ours.annotations, theirs.annotations, `${where}: annotations`);
    assert.ok(theirs.annotations?.[BASE_DIGEST], `${where}: ${BASE_DIGEST}`);
    assert.deepEqual(ours.entry?.platform, theirs.entry?.platform, `${where}: index entry`);
    // ko repeats what the base's index says of the base, such as where its source is.
    assert.equal(ours.entry?.annotations, undefined, `${where}: index entry`);
  }
}

function assertSameLayers(where: string, ko: PlatformImage, kodeno: PlatformImage): void {
  const { diff_ids: theirs } = ko.config.rootfs;
  const { diff_ids: ours } = kodeno.config.rootfs;
  const last = theirs.length - 1;
  assert.equal(ours.length, theirs.length, `${where}: number of layers`);
  for (const [i, diffId] of theirs.entries()) {
    const layer = i === last ? "binary" : i === last - 1 ? "kodata" : `base layer ${i}`;
    assert.equal(ours[i], diffId, `${where}: diff_id of ${layer}`);
    const [their, our] = [ko.layers[i], kodeno.layers[i]];
    assert.ok(their && our, `${where}: ${layer} is not in the manifest`);
    assert.equal(ociType(our.mediaType), ociType(their.mediaType), `${where}: type of ${layer}`);
    assert.deepEqual(our.urls, their.urls, `${where}: URLs of ${layer}`);
    if (i < last - 1) assert.equal(our.digest, their.digest, `${where}: ${layer} was touched`);
    assert.ok(
      our.size <= their.size,
      `${where}: ${layer} has ${our.size} bytes, ko's ${their.size}`,
    );
  }
}

/** kodeno's layers have OCI's types on a Docker base, too. */
function ociType(mediaType: string): string {
  return mediaType === "application/vnd.docker.image.rootfs.diff.tar.gzip"
    ? "application/vnd.oci.image.layer.v1.tar+gzip"
    : mediaType;
}

function assertSameConfig(where: string, ko: Config, kodeno: Config, leave: Leave): void {
  assert.equal(kodeno.author, "kodeno", `${where}: author`);
  for (const { author, created_by } of kodeno.history.slice(-2)) {
    assert.equal(author, "kodeno", `${where}: author in the history`);
    assert.match(created_by ?? "", /^kodeno build ko:\/\//, `${where}: created_by`);
  }
  const ours = leave.asGoWrites ? asGoWrites(kodeno) : kodeno;
  assert.deepEqual(withoutBuilder(ours), withoutBuilder(ko), `${where}: config`);
}

function withoutBuilder(config: Config): unknown {
  const steps = config.history.slice(-2).map((h) => ({ ...h, author: "", created_by: "" }));
  return { ...config, author: "", history: [...config.history.slice(0, -2), ...steps] };
}

/**
 * ko reads a base's config into Go's structs and writes them again: fields that those do not have
 * are lost, empty ones are left out, times lose trailing zeros, and a step of the history without a
 * time gets that of year 1. kodeno leaves alone what it need not change.
 */
function asGoWrites(config: Config): Config {
  const { history, ...rest } = withoutEmpty(config) as Config & Record<string, unknown>;
  delete rest["container_config"];
  const time = (text: unknown) =>
    String(text ?? "0001-01-01T00:00:00Z").replace(/\.0+Z$|(\.\d*[1-9])0+Z$/, "$1Z");
  const steps = history.map((h) => ({ ...h, created: time((h as { created?: string }).created) }));
  return { ...rest, created: time(rest["created"]), history: steps } as Config;
}

/** Without `null`, `false`, `""`, `[]`; `{}` stays, since a port to expose is one. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const empty = (v: unknown) => !v || Array.isArray(v) && v.length === 0;
  const entries = Object.entries(value).filter(([, v]) => !empty(v));
  return Object.fromEntries(entries.map(([key, v]) => [key, withoutEmpty(v)]));
}
