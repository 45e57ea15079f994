/**
 * Layouts to be mutated: a few images of each kind, sealed from the leaves up, so that a document
 * that was changed is still the one its parents name.
 * @module
 */
import { gzipSync } from "node:zlib";
import { member, tar } from "../archive/images.ts";
import { digestOf } from "../../src/io/hash.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import type { Dice } from "../support/dice.ts";
import { mutateBytes } from "./mutate_bytes.ts";
import { mutateTree, type Tree, treeJson } from "./mutate_tree.ts";

/** Kinds of documents of a layout. */
export type Kind = "index.json" | "index" | "manifest" | "config";

/** What a layout consists of. */
export interface LayoutFiles {
  /** Hex digests and bytes. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly index: Uint8Array;
}

const NAME = "io.containerd.image.name";
const REF = "org.opencontainers.image.ref.name";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const SBOM = "application/spdx+json";
const SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json";

const TARS = ["one", "two"].map((text) => tar(member(text, text)));
const LAYERS = TARS.map((bytes) => new Uint8Array(gzipSync(bytes)));

const TYPES: readonly string[] = [
  ...Object.values(MediaType),
  DOCKER_MANIFEST,
  DOCKER_LIST,
  DOCKER_CONFIG,
  DOCKER_LAYER,
  SBOM,
  "application/vnd.oci.empty.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/** Texts that mean something in the documents of images. */
const WORDS: readonly string[] = [
  ...TYPES,
  NAME,
  REF,
  "app:v1",
  "v1",
  "linux",
  "windows",
  "unknown",
  "amd64",
  "arm64",
  "v8",
  ...LAYERS.map((bytes) => digestOf(bytes)),
];

/** Gets each document before it is sealed; what comes back takes its place. */
type Hook = (kind: Kind, value: Tree) => Tree | Uint8Array;

type Json = { [key: string]: Tree };

/** A layout whose documents went through a hook: the children first, `index.json` last. */
function sealLayout(hook: Hook): LayoutFiles {
  const blobs = new Map<string, Uint8Array>();
  const add = (mediaType: string, bytes: Uint8Array): Json => {
    const digest = digestOf(bytes);
    blobs.set(digest.slice("sha256:".length), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const encode = (kind: Kind, value: Tree): Uint8Array => {
    const hooked = hook(kind, value);
    return hooked instanceof Uint8Array ? hooked : new TextEncoder().encode(treeJson(hooked));
  };
  const document = (kind: Kind, mediaType: string, value: Tree): Json =>
    add(mediaType, encode(kind, value));
  const image = (
    architecture: string,
    [manifestType, configType, layerType]: readonly [string, string, string],
    more: Json = {},
  ): Json => {
    const config = document("config", configType, {
      architecture,
      os: "linux",
      ...(architecture === "arm64" ? { variant: "v8" } : {}),
      created: "2020-01-01T00:00:00Z",
      config: {
        Entrypoint: ["/app"],
        Cmd: null,
        Env: ["PATH=/bin", "A=b"],
        User: "65532",
        WorkingDir: "/",
        Labels: { a: "b" },
        ExposedPorts: { "80/tcp": {} },
      },
      rootfs: { type: "layers", diff_ids: TARS.map((bytes) => digestOf(bytes)) },
      history: [{ created_by: "COPY" }, { created_by: "ENV", empty_layer: true }],
    });
    return document("manifest", manifestType, {
      schemaVersion: 2,
      mediaType: manifestType,
      config,
      layers: LAYERS.map((bytes) => add(layerType, bytes)),
      ...more,
    });
  };
  const oci = [MediaType.manifest, MediaType.config, MediaType.layerGzip] as const;
  const empty = add("application/vnd.oci.empty.v1+json", new TextEncoder().encode("{}"));
  const amd64 = image("amd64", oci, { annotations: { b: "c" } });
  const arm64 = image("arm64", oci);
  const attestation = document("manifest", MediaType.manifest, {
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: empty,
    layers: [add("application/vnd.in-toto+json", new TextEncoder().encode('{"a":1}'))],
  });
  const index = document("index", MediaType.index, {
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: [
      { ...amd64, platform: { os: "linux", architecture: "amd64" } },
      { ...arm64, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
      { ...attestation, platform: { os: "unknown", architecture: "unknown" } },
    ],
    annotations: { a: "b" },
  });
  const docker = image("amd64", [DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER]);
  const list = document("index", DOCKER_LIST, {
    schemaVersion: 2,
    mediaType: DOCKER_LIST,
    manifests: [index, { ...docker, platform: { os: "linux", architecture: "amd64" } }],
  });
  const sbom = document("manifest", MediaType.manifest, {
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: SBOM,
    config: empty,
    layers: [add(SBOM, new TextEncoder().encode('{"spdx":1}'))],
    subject: index,
  });
  // About a manifest that an index has, about what is about another, and under a tag of cosign's.
  const about = (subject?: Json): Json =>
    document("manifest", MediaType.manifest, {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType: SIGNATURE,
      config: empty,
      layers: [add(SIGNATURE, new TextEncoder().encode(`{"about":"${subject?.digest}"}`))],
      ...(subject ? { subject } : {}),
    });
  const signatures = [about(arm64), about(sbom)];
  const named = (descriptor: Json, name: string, tag: string): Json => ({
    ...descriptor,
    annotations: { ...(name ? { [NAME]: `${name}:${tag}` } : {}), [REF]: tag },
  });
  const entries = encode("index.json", {
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: [
      named(index, "app", "v1"),
      named(docker, "127.0.0.1:1/docker", "v1"),
      named(list, "", "nested"),
      sbom,
      ...signatures,
      named(about(), "", `${String(docker.digest).replace(":", "-")}.sig`),
    ],
  });
  return { blobs, index: entries };
}

/** How many documents of each kind there are. */
const COUNTS = new Map<Kind, number>();
/** The layout as it is before anything is changed. */
export const WHOLE: LayoutFiles = sealLayout((kind, value) => {
  COUNTS.set(kind, (COUNTS.get(kind) ?? 0) + 1);
  return value;
});
const DIGESTS = [...WHOLE.blobs.keys()].map((hex) => `sha256:${hex}`);

/** A layout with one or two documents of some kinds changed. */
export function mutateLayout(kinds: readonly Kind[], dice: Dice): LayoutFiles {
  const kind = dice.pick(kinds);
  const chosen = new Set([0, dice.below(2)].map(() => dice.below(COUNTS.get(kind) ?? 1)));
  const asBytes = dice.chance(0.15);
  const asOther = dice.chance(0.2);
  let at = 0;
  const sealed = sealLayout((one, value) => {
    if (one !== kind || !chosen.has(at++)) return value;
    if (asOther) return nameMore(value, dice);
    if (asBytes) return mutateBytes(new TextEncoder().encode(treeJson(value)), dice);
    return mutateTree(value, dice, [...WORDS, ...DIGESTS]);
  });
  return dice.chance(0.15) ? damage(sealed, dice) : sealed;
}

/** A document that names blobs of others, too: as what they are, or as something else. */
function nameMore(value: Tree, dice: Dice): Tree {
  const changed = structuredClone(value) as { manifests?: Tree[]; layers?: Tree[] };
  const list = changed.manifests ?? changed.layers ?? [];
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const [hex, { length }] = dice.pick([...WHOLE.blobs]);
    list.splice(dice.below(list.length + 1), 0, {
      mediaType: dice.pick(TYPES),
      digest: `sha256:${hex}`,
      size: length + dice.pick([0, 0, 0, 1]),
    });
  }
  return changed as Tree;
}

/** A blob that is gone, or has the bytes of something else. */
function damage({ blobs, index }: LayoutFiles, dice: Dice): LayoutFiles {
  const all = new Map(blobs);
  const names = [...blobs.keys()];
  const name = dice.pick(names);
  const bytes = blobs.get(name) ?? new Uint8Array();
  if (dice.chance(0.3)) all.delete(name);
  else if (dice.chance(0.4)) all.set(name, blobs.get(dice.pick(names)) ?? bytes);
  else all.set(name, mutateBytes(bytes, dice));
  return { blobs: all, index };
}

/** Puts the files of a layout into a folder that is not there yet. */
export function writeLayout(folder: string, { blobs, index }: LayoutFiles): void {
  Deno.mkdirSync(`${folder}/blobs/sha256`, { recursive: true });
  for (const [hex, bytes] of blobs) Deno.writeFileSync(`${folder}/blobs/sha256/${hex}`, bytes);
  Deno.writeFileSync(`${folder}/index.json`, index);
  Deno.writeTextFileSync(`${folder}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
}
