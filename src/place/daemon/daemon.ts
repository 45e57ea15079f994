/**
 * A Docker daemon as a place (Docker Engine API 1.41; podman answers it, too): an image it has is only
 * named, any other is sent as an archive while its blobs arrive; one that is read is written by the
 * daemon as an archive, and kept in a temporary file for as long as it is read.
 * @module
 */
import { imagesBelow } from "../../content/images.ts";
import type { Blobs, CallOptions, Source } from "../../content/places.ts";
import { readDocument, readGraphDocument } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import { getOrTry, orAborted } from "../../io/concurrency.ts";
import { ioFailure, writeAll } from "../../io/files.ts";
import { digestOf } from "../../io/hash.ts";
import { openSpool } from "../../io/spool.ts";
import { z } from "../../npm/zod.ts";
import {
  type Descriptor,
  digestAlgorithm,
  isDigest,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { imageName, nameOrDigest } from "../../oci/entries.ts";
import { isImageId, parseImageName, parseReference } from "../../oci/reference.ts";
import { type ArchiveSource, openArchive } from "../archive/archive_source.ts";
import { chooseBelow, presentImage } from "../choose_image.ts";
import type { Environment } from "../registry/proxy.ts";
import { type DaemonChoice, DaemonPlace, type TakeArchive } from "./daemon_place.ts";
import { type DaemonEndpoint, findDaemon } from "./endpoint.ts";

/** Where a daemon is. */
export interface DaemonOptions {
  /** Where it is; as `environment` says unless given. */
  readonly endpoint?: DaemonEndpoint | undefined;
  /**
   * Variables that say where it is, such as DOCKER_HOST (see {@link findDaemon}), and `SSL_CERT_FILE`
   * and `SSL_CERT_DIR`.
   */
  readonly environment?: Environment | undefined;
}

/**
 * Opens the Docker daemon that Docker's command line would use; dials nothing yet.
 *
 * @returns the daemon; dispose of it, since it keeps temporary files
 * @throws {KodenoError} `BAD_OPTION` for an address that cannot be dialled, `IO_FAILED` where there is
 * no daemon
 *
 * @example
 * ```ts
 * import { openDaemon } from "@kodeno/kodeno";
 * await using daemon = await openDaemon({ environment: { DOCKER_HOST: "tcp://127.0.0.1:2375" } });
 * if (daemon.where !== "tcp://127.0.0.1:2375") throw new Error();
 * // await copy(image, await daemon.prepare(image, image.root), daemon, { tags: ["app:v1"] });
 * // await daemon.close();
 * // await copy(daemon, "app:v1", layout, { tags: ["app:v1"] });
 * ```
 */
export function openDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const { endpoint, environment = {} } = options;
  return Promise.try(() => new Daemon(endpoint ?? findDaemon(environment), environment));
}

const imageSchema = z.looseObject({
  Id: z.string(),
  Manifests: z.array(z.looseObject({ ID: z.string(), Available: z.boolean() })).nullish(),
});
const engineSchema = z.looseObject({
  Version: z.string().nullish(),
  Components: z.array(z.looseObject({ Name: z.string() })).nullish(),
});
const storeSchema = z.looseObject({ DriverStatus: z.array(z.array(z.string())).nullish() });
const lineSchema = z.looseObject({
  error: z.string().optional(),
  errorDetail: z.looseObject({ message: z.string().optional() }).optional(),
});

/** The first Docker that unpacks layers which zstd has compressed. */
const ZSTD_VERSION = 23;
/** What a daemon says of its storage where containerd, which knows zstd, keeps the images. */
const CONTAINERD_STORE = "io.containerd.snapshotter.v1";

/** What the daemon wrote: an image, and the index of which it is the only one there. */
interface SavedImage {
  readonly archive: ArchiveSource;
  readonly root: Descriptor;
  readonly index: Descriptor | undefined;
}

/** The images of a daemon. Made by {@link openDaemon}. */
export class Daemon extends DaemonPlace<string> implements Source {
  /** Of images that are there, by the digests they came under. */
  readonly #ids = new Map<string, string>();
  readonly #saved = new Map<string, Promise<SavedImage>>();
  /** Ends what is being saved: who asked first may go, and others still wait for the same image. */
  readonly #disposed = new AbortController();

  /** What errors call it. */
  get what(): string {
    return `the Docker daemon at ${this.where}`;
  }

  /** Says whether the daemon answers. */
  async check(options: CallOptions = {}): Promise<void> {
    await this.platforms(options);
  }

  /**
   * {@inheritDoc DaemonPlace.choose}
   *
   * @throws {KodenoError} also `BAD_PLACE` for layers that the daemon cannot unpack
   */
  override async choose(
    source: Blobs,
    root: Descriptor,
    options: DaemonChoice = {},
  ): Promise<Descriptor> {
    const { signal } = options;
    const chosen = await super.choose(source, root, options);
    if (!isManifestType(chosen.mediaType)) return chosen;
    const { manifest } = await readGraphDocument(source, chosen, { signal });
    const layer = manifest?.layers.find(({ mediaType }) => /[+.]zstd$/.test(mediaType));
    const version = layer && await this.#versionWithoutZstd({ signal });
    if (version === undefined) return chosen;
    const why =
      `layer ${layer?.digest} is compressed with zstd, which Docker ${version} does not know`;
    const next = `Docker ${ZSTD_VERSION} does, and so does containerd's image store`;
    const message = `Cannot load ${nameOrDigest(root)} into ${this.what}: ${why}; ${next}`;
    throw new KodenoError("BAD_PLACE", message, { daemon: this.where, digest: root.digest });
  }

  /** The version of a Docker that knows no zstd; nothing of any other. GET /version, and /info. */
  async #versionWithoutZstd({ signal }: CallOptions): Promise<string | undefined> {
    const doing = "tell its version";
    const engine = await this.client.get("/version", engineSchema, doing, signal);
    // podman says its own version there.
    const isPodman = engine.Components?.some(({ Name }) => /podman/i.test(Name));
    const [version, major] = /^(\d+)\.\S*/.exec(engine.Version ?? "") ?? [];
    if (isPodman || version === undefined || Number(major) >= ZSTD_VERSION) return undefined;
    const { DriverStatus } = await this.client.get("/info", storeSchema, doing, signal);
    return DriverStatus?.flat().includes(CONTAINERD_STORE) ? undefined : version;
  }

  /**
   * What to copy of an image: what {@link choose} says. What the daemon has already is only named by
   * the copy; so is an index that it has with what is wanted of it, which stays the one image that it is.
   *
   * @throws {KodenoError} as {@link choose}
   */
  protected override async find(
    source: Blobs,
    root: Descriptor,
    options: DaemonChoice,
  ): Promise<Descriptor> {
    const { all = false, platform, signal } = options;
    const chosen = await this.choose(source, root, options);
    // An index says another one to this machine than the platform that was asked for.
    if (all || (platform === undefined && root.digest !== chosen.digest)) {
      const wanted = all ? await imagesBelow(source, root, { signal }) : [chosen];
      if (await this.#findIndex(root, wanted, { signal }) || all) return root;
    }
    await this.#findPresent(chosen, await this.#idsOf(source, chosen, { signal }), { signal });
    return chosen;
  }

  /** The digest of its config is an image's ID, or that of its manifest where containerd keeps images. */
  async #idsOf(source: Blobs, image: Descriptor, options: CallOptions) {
    const { manifest: { config } = {} } = await readGraphDocument(source, image, options);
    if (!config || ociMediaType(config.mediaType) !== MediaType.config) return [image.digest];
    const isId = digestAlgorithm(config.digest) === "sha256";
    const id = isId ? config.digest : digestOf(await readDocument(source, config, options));
    return [id, image.digest];
  }

  /** The ID of an image that was copied, after {@link close}. */
  override idOf({ digest }: Descriptor): string {
    return this.#ids.get(digest) ?? digest;
  }

  /**
   * The ID of an image, or undefined when the daemon does not have it. GET /images/NAME/json.
   *
   * @param name a name, or a digest that may be an ID
   */
  async findImage(name: string, options: CallOptions = {}): Promise<string | undefined> {
    const doing = `look for image ${name}`;
    const answer = await this.client.ask("GET", imagePath(name, "json"), options);
    if (answer.status === 404) return undefined;
    const text = this.client.expect(200, doing, answer);
    const { Id: id } = this.client.parse(doing, imageSchema, text);
    return isDigest(id) ? id : `sha256:${id}`;
  }

  async #findPresent(d: Descriptor, ids: readonly string[], options: CallOptions) {
    for (const id of ids) {
      if (await this.findImage(id, options) !== id) continue;
      this.present.set(d.digest, id);
      this.#ids.set(d.digest, id);
      return true;
    }
    return false;
  }

  /**
   * Whether the daemon has an index with what is wanted of it: it may have the manifests of its own
   * platform alone, and one before API 1.48 does not tell. GET /images/ID/json?manifests=1.
   */
  async #findIndex(root: Descriptor, wanted: readonly Descriptor[], options: CallOptions) {
    if (!await this.#findPresent(root, [root.digest], options)) return false;
    if (isManifestType(root.mediaType)) return true;
    const path = `${imagePath(root.digest, "json")}?manifests=1`;
    const doing = `look into image ${root.digest}`;
    const { Manifests } = await this.client.get(path, imageSchema, doing, options.signal);
    const there = new Set((Manifests ?? []).filter((m) => m.Available).map(({ ID }) => ID));
    const isThere = wanted.every(({ digest }) => there.has(digest));
    if (!isThere) this.present.delete(root.digest);
    return isThere;
  }

  /** POST /images/ID/tag. */
  protected async nameThere(d: Descriptor, ref: string, options: CallOptions): Promise<boolean> {
    const id = this.idOf(d);
    const { name = "", tag } = parseImageName(ref);
    const path = `${imagePath(id, "tag")}?${new URLSearchParams({ repo: name, tag })}`;
    const answer = await this.client.ask("POST", path, options);
    if (answer.status === 404) return false;
    this.client.expect(201, `tag ${id} as ${name}:${tag}`, answer);
    return true;
  }

  /** POST /images/load; its answer is a line of JSON for each step. */
  protected takers(): Promise<readonly TakeArchive[]> {
    const load: TakeArchive = async (body, signal) => {
      const answer = await this.client.ask("POST", "/images/load?quiet=1", { body, signal });
      const doing = `load ${this.entries.map(imageName)[0] ?? "an image"}`;
      // The daemon says 200 before it begins: what went wrong is in a line.
      for (const line of this.client.expect(200, doing, answer).split("\n")) {
        if (line.trim() === "") continue;
        const { error, errorDetail } = this.client.parse(doing, lineSchema, line);
        const why = errorDetail?.message ?? error;
        if (why !== undefined) throw this.client.failure(doing, why);
      }
    };
    return Promise.resolve([load]);
  }

  /**
   * Sends the images, and finds out what the daemon made of them.
   *
   * @throws {KodenoError} `IO_FAILED` for what the daemon says
   */
  override async close(options: CallOptions = {}): Promise<void> {
    const sent = new Map<Descriptor, readonly string[]>();
    for (const entry of this.entries) {
      const isSeveral = isIndexType(entry.mediaType);
      const platforms = isSeveral ? await this.platforms(options) : undefined;
      // The one that the archive says to a daemon which takes only one.
      const own = await chooseBelow(this.documents, entry, platforms, options);
      const ids = own ? await this.#idsOf(this.documents, own, options) : [];
      sent.set(entry, [entry.digest, ...ids]);
    }
    await super.close(options);
    for (const [entry, ids] of sent) {
      if (await this.#findPresent(entry, ids, options)) continue;
      const message = `Cannot find image ${ids.at(-1)} in ${this.what} after it was loaded`;
      throw new KodenoError("IO_FAILED", message);
    }
    await this.undo();
  }

  /**
   * The manifest of an image, made from what the daemon writes of it. Of an index it may have one image
   * alone: then that one, see {@link indexOf}.
   *
   * @param ref `NAME[:TAG]` (its tag is `latest`) or an ID
   * @throws {KodenoError} `NOT_FOUND` when the daemon does not have it, `BAD_REFERENCE`, `IO_FAILED`,
   * `BAD_CONTENT` when what it wrote is damaged
   */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const saved = getOrTry(this.#saved, ref, () => this.#save(ref));
    return (await orAborted(saved, options.signal)).root;
  }

  /** The index of which the daemon has but the one image that {@link resolve} gave. */
  async indexOf(ref: string): Promise<Descriptor | undefined> {
    return (await this.#saved.get(ref))?.index;
  }

  /** The bytes of a blob of an image that was asked for with {@link resolve}. */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(d.digest);
    for (const saved of this.#saved.values()) {
      const { archive } = await saved;
      if (archive.holds(d)) return await archive.fetch(d, options);
    }
    const message = `Cannot find blob ${digest} in ${this.what}: resolve its image first`;
    throw new KodenoError("NOT_FOUND", message);
  }

  /** GET /images/NAME/get: an archive of one image as `docker save` writes it, not compressed. */
  async #save(name: string): Promise<SavedImage> {
    const { signal } = this.#disposed;
    const path = imagePath(exactName(name), "get");
    const response = await this.client.send("GET", path, { signal });
    const { status } = response;
    if (status !== 200) {
      const text = await this.client.text(response, signal);
      if (status !== 404) this.client.expect(200, `save image ${name}`, { status, text });
      const what = JSON.stringify(name);
      throw new KodenoError("NOT_FOUND", `Cannot find image ${what} in ${this.what}`);
    }
    let file: Deno.FsFile | undefined;
    try {
      file = await openSpool();
      for await (const chunk of response.body ?? []) writeAll(file, chunk);
      const archive = await openArchive(`${name} of the Docker daemon`, { signal, held: file });
      // All names it has there are of the one image.
      const all = await archive.resolve("");
      const root = await presentImage(archive, all, { signal });
      return { archive, root, index: root.digest === all.digest ? undefined : all };
    } catch (error) {
      file?.[Symbol.dispose]();
      signal.throwIfAborted();
      throw ioFailure(`save image ${name} of ${this.what}`, error);
    }
  }

  /** Removes the temporary files, and drops what was not sent. */
  override async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    await super[Symbol.asyncDispose]();
    for (const saved of this.#saved.values()) {
      await saved.then(({ archive }) => archive[Symbol.dispose](), () => {});
    }
    this.#saved.clear();
  }
}

/** Without a tag the daemon would write all images of the name. */
function exactName(text: string): string {
  if (isImageId(text)) return text;
  const { tag, digest } = parseReference(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}

/** Slashes and colons of a name stay, as Docker's own client writes them; all else is escaped. */
function imagePath(name: string, action: string): string {
  const path = encodeURIComponent(name).replaceAll("%2F", "/").replaceAll("%3A", ":");
  return `/images/${path}/${action}`;
}
