/**
 * The images below a root, whatever indexes lie between, and what each of them runs on.
 * @module
 */
import { hasCode } from "../errors.ts";
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import { oddity } from "../oci/manifest.ts";
import type { Blobs, CallOptions } from "./places.ts";
import { imagePlatform } from "./reader.ts";
import { readGraphDocument, Walk } from "./walk.ts";

/**
 * The image manifests below a root, each once, in the order the indexes name them; a manifest is its
 * own. Attestations and what else is no image are left out, and so are indexes in it that are not there,
 * or damaged.
 */
export async function imagesBelow(
  source: Blobs,
  root: Descriptor,
  options?: CallOptions,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const walk = new Walk(async (d, { depth, below }) => {
    if (isManifestType(d.mediaType)) {
      if (isImage(d)) found.push(d);
    } else if (isIndexType(d.mediaType)) {
      const document = await readGraphDocument(source, d, options).catch((error) => {
        if (depth === 0 || !hasCode(error, "NOT_FOUND", "BAD_CONTENT")) throw error;
        return undefined;
      });
      await below(document?.index?.manifests ?? []);
    }
  }, options);
  await walk.from(root);
  return found;
}

/**
 * {@link imagesBelow}, each with its platform: as its index says, or its config where that says none.
 * One whose config is not there, or damaged, has none.
 */
export async function imagesWithPlatform(
  source: Blobs,
  root: Descriptor,
  options?: CallOptions,
): Promise<readonly Descriptor[]> {
  return await withPlatforms(source, root, await imagesBelow(source, root, options), options);
}

/** {@link imagesWithPlatform} of images that were found already. */
export async function withPlatforms(
  source: Blobs,
  root: Descriptor,
  found: readonly Descriptor[],
  options?: CallOptions,
): Promise<readonly Descriptor[]> {
  const images: Descriptor[] = [];
  for (const d of found) {
    const isSaid = d.digest !== root.digest && d.platform !== undefined;
    images.push(isSaid ? d : { ...d, platform: await platformThere(source, d, options) });
  }
  return images;
}

/** What a manifest runs on as its config says, or else whoever named it. */
async function platformThere(source: Blobs, d: Descriptor, options?: CallOptions) {
  try {
    return await imagePlatform(source, d, options) ?? d.platform;
  } catch (error) {
    if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return d.platform;
    throw error;
  }
}

/**
 * Whether a manifest is of an image, as far as its index says. One that cannot be used is, where its
 * platform is known: whoever asks for that is told what is wrong.
 */
export function isImage(d: Descriptor): boolean {
  const { platform, artifactType } = d;
  // crane says of an image that it is an artifact of the type of its config.
  const isArtifact = artifactType && ociMediaType(artifactType) !== MediaType.config;
  if (isArtifact || attestedBy(d) !== undefined) return false;
  return platform !== undefined || oddity(d) === undefined;
}

/** Why what is named as an image is none, which runs nowhere; of an index, nobody can say. */
export async function whyNoImage(
  source: Blobs,
  d: Descriptor,
  options?: CallOptions,
): Promise<string | undefined> {
  if (!isManifestType(d.mediaType)) return undefined;
  if (attestedBy(d) !== undefined) return "it is an attestation, and no image";
  const { manifest } = await readGraphDocument(source, d, options);
  const type = manifest?.config.mediaType;
  if (type === undefined || ociMediaType(type) === MediaType.config) return undefined;
  return `it is no image: its config is of the type ${JSON.stringify(type)}`;
}

/**
 * What an entry of an index that holds BuildKit's attestations is about, by its digest; "" where it
 * does not say, and undefined for any other entry. It runs on nothing, which is called `unknown`.
 */
export function attestedBy({ annotations = {}, platform }: Descriptor): string | undefined {
  const isSaid = annotations["vnd.docker.reference.type"] === "attestation-manifest";
  if (!isSaid && platform?.os !== "unknown") return undefined;
  return annotations["vnd.docker.reference.digest"] ?? "";
}
