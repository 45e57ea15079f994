/**
 * Reads what `docker save` writes (Docker image spec 1.2: `manifest.json`, a config and a tar per
 * layer) as an OCI image: the config's bytes stay, only a manifest is made for it.
 * @module
 */
import { z } from "zod";
import { KodenoError, messageOf } from "../../errors.ts";
import { digestOf, Hasher } from "../../io/hash.ts";
import { readAll, reusedChunks } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { namedEntry } from "../../oci/entries.ts";
import { MAX_JSON_BYTES } from "../../oci/limits.ts";
import { encodeJson, parseConfig } from "../../oci/manifest.ts";
import { MediaType } from "../../oci/media_types.ts";
import type { Platform } from "../../oci/platform.ts";
import { badArchive, type Member, type TarFile } from "./tar_file.ts";

/** What an archive has: its named images, and where each blob is. */
export interface ArchiveContent {
  /** As they would stand in an `index.json`. */
  readonly entries: readonly Descriptor[];
  /** Bytes at hand or a part of the file. */
  find(digest: Digest): Member | Uint8Array | undefined;
}

const strings = z.array(z.string()).nullish();
const schema = z.array(z.looseObject({ Config: z.string(), RepoTags: strings, Layers: strings }));
type Item = z.infer<typeof schema>[number];

/** How a layer begins tells what it is; `docker save` compresses none, other programs do. */
const COMPRESSIONS: readonly (readonly [type: string, magic: readonly number[]])[] = [
  [MediaType.layerGzip, [0x1f, 0x8b]],
  [`${MediaType.layer}+zstd`, [0x28, 0xb5, 0x2f, 0xfd]],
];

/**
 * Reads the images of a `docker save` archive.
 *
 * @param archive the file
 * @param list its member `manifest.json`
 * @throws {KodenoError} `BAD_CONTENT` for a member that is missing or not what it should be
 */
export async function readDockerSave(
  archive: TarFile,
  list: Member,
  signal?: AbortSignal,
): Promise<ArchiveContent> {
  const blobs = new Map<string, Member | Uint8Array>();
  const layers = new Map<Member, Descriptor>();
  const entries: Descriptor[] = [];

  const layer = async (name: string, diffId: Digest): Promise<Descriptor> => {
    const member = memberOf(archive, name);
    const known = layers.get(member);
    if (known !== undefined) return known;
    const start = await readAll(await archive.stream(member, 4), 4, name);
    const type = COMPRESSIONS.find(([, magic]) => magic.every((byte, i) => start[i] === byte))?.[0];
    // A layer that is not compressed has the digest that the config names; readers check it.
    const digest = type === undefined ? diffId : await hash(archive, member, signal);
    const described = { mediaType: type ?? MediaType.layer, digest, size: member.size };
    layers.set(member, described);
    blobs.set(digest, member);
    return described;
  };

  for (const item of await readList(archive, list)) {
    const bytes = await small(archive, memberOf(archive, item.Config));
    const config = parseConfig(bytes, `member ${item.Config} of archive ${archive.path}`);
    const diffIds = config.rootfs.diff_ids;
    const names = item.Layers ?? [];
    if (names.length !== diffIds.length) {
      const why = `has ${names.length} layers, and its config names ${diffIds.length}`;
      throw badArchive(archive.path, `image ${item.Config} ${why}`);
    }
    const described: Descriptor[] = [];
    for (const [i, diffId] of diffIds.entries()) {
      described.push(await layer(names[i] ?? "", diffId));
    }
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: { mediaType: MediaType.config, digest, size: bytes.length },
      layers: described,
    });
    const root = {
      mediaType: MediaType.manifest,
      digest: digestOf(manifest),
      size: manifest.length,
      platform: platformOf(config),
    };
    blobs.set(root.digest, manifest);
    entries.push(...named(archive, root, item));
  }
  return { entries, find: (digest) => blobs.get(digest) };
}

async function readList(archive: TarFile, list: Member): Promise<readonly Item[]> {
  const text = new TextDecoder().decode(await small(archive, list));
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw badArchive(archive.path, "its manifest.json is not a list of images", error);
  }
}

function named(archive: TarFile, root: Descriptor, item: Item): Descriptor[] {
  try {
    const tags = item.RepoTags ?? [];
    return tags.length === 0 ? [root] : tags.map((tag) => namedEntry(root, tag));
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    throw badArchive(archive.path, `its manifest.json is damaged: ${messageOf(error)}`, error);
  }
}

function memberOf(archive: TarFile, name: string): Member {
  const member = archive.find(name);
  if (member !== undefined) return member;
  const why = `its manifest.json names ${JSON.stringify(name.slice(0, 200))}, which it has not`;
  throw badArchive(archive.path, why);
}

async function small(archive: TarFile, member: Member): Promise<Uint8Array> {
  return await archive.bytes(member, MAX_JSON_BYTES, `a document of archive ${archive.path}`);
}

async function hash(archive: TarFile, member: Member, signal?: AbortSignal): Promise<Digest> {
  const meter = new Hasher();
  const { size } = member;
  for await (const chunk of reusedChunks(await archive.stream(member), { size, signal })) {
    meter.update(chunk);
  }
  return meter.digest();
}

function platformOf(config: Platform): Platform {
  const { os, architecture, variant } = config;
  const version = config["os.version"];
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(version ? { "os.version": version } : {}),
  };
}
