/**
 * What a daemon and the nodes that are its containers have in common as places: they have images only,
 * and take them as an archive. It is sent while its blobs arrive, so that no file is made; what says
 * which images it has comes last, and whoever gets only a part of it gets no image.
 * @module
 */
import { copy, type CopyOptions } from "../../content/copy.ts";
import { imagesBelow, whyNoImage, withPlatforms } from "../../content/images.ts";
import type { Blobs, CallOptions, OpenBlob, Source } from "../../content/places.ts";
import { hasSuccessors, readDocument, readGraphDocument } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import { orAborted, Pool } from "../../io/concurrency.ts";
import { bytesStream, checkedChunks } from "../../io/streams.ts";
import { TAR_END } from "../../io/tar_writer.ts";
import { z } from "../../npm/zod.ts";
import {
  bareDescriptor,
  type Descriptor,
  isForeign,
  isIndexType,
  MediaType,
  ociMediaType,
} from "../../oci/descriptor.ts";
import { formatPlatform, formatPlatformSpec, type PlatformSpec } from "../../oci/platform.ts";
import { namelessEntry } from "../../oci/entries.ts";
import { parseImageName } from "../../oci/reference.ts";
import {
  ArchiveCollector,
  archiveDocuments,
  blobHeader,
  FOLDERS,
  padding,
} from "../archive/collector.ts";
import { firstMatch, onlyMatch } from "../choose_image.ts";
import { MemoryStore } from "../memory.ts";
import type { Environment } from "../registry/proxy.ts";
import { DaemonClient } from "./client.ts";
import type { DaemonEndpoint } from "./endpoint.ts";

/** Chunks that are made ahead, so that reading and hashing go on while they are taken. */
const AHEAD = 4;
/** A connection may write from the memory of a chunk long after it took it, so it gets small ones. */
const CHUNK_BYTES = 256 * 1024;
/** What is sent after a chunk before its memory is filled anew: more than lies in any connection. */
const HELD_BYTES = 8 * 1024 * 1024;
/** Smaller ones are copied, since each holds the memory of a whole one. */
const SMALL_BYTES = 64 * 1024;
/** How long whoever takes an archive may take to notice that it was cut, in milliseconds. */
const GRACE_MS = 5000;

/**
 * Takes an archive to its end, and then does not throw when all its images are there.
 *
 * @param signal ends it when it has not ended by itself after the archive broke off
 */
export type TakeArchive = (
  archive: ReadableStream<Uint8Array>,
  signal: AbortSignal,
) => Promise<void>;

/** What of an image a daemon is to get. */
export interface DaemonChoice extends CallOptions {
  /** The one of several platforms; the daemon's own unless given. */
  readonly platform?: PlatformSpec | undefined;
  /** All platforms, for daemons that keep them (those with containerd's image store). */
  readonly all?: boolean | undefined;
  /** What the copy is given that brings foreign layers along. */
  readonly foreign?: Blobs | undefined;
}

const versionSchema = z.looseObject({ Os: z.string(), Arch: z.string() });
const infoSchema = z.looseObject({ Architecture: z.string().optional() });

/** A place behind a daemon. */
export abstract class DaemonPlace<Present> extends ArchiveCollector implements AsyncDisposable {
  /**
   * Calls the daemon.
   * @ignore
   */
  protected readonly client: DaemonClient;
  /** {@inheritDoc Target.hasWholeImages} */
  readonly hasWholeImages = true;
  /** What was found of images that the place has: till the end of the work they are only named. */
  protected readonly present: Map<string, Present> = new Map();
  /** Where documents are read from, till they are sent. */
  protected documents: MemoryStore = new MemoryStore();
  #platforms: readonly PlatformSpec[] | undefined;
  readonly #members = new Pool(1);
  readonly #users = new Pool(1);
  #receivers: Promise<readonly Receiver[]> | undefined;
  /** Why images were lost that had their names already. */
  #lost: { readonly error: unknown } | undefined;

  /** Those that are about to take an archive, the same one. */
  protected abstract takers(): Promise<readonly TakeArchive[]>;

  /** Names an image that is present; false when it is not any more. */
  protected abstract nameThere(d: Descriptor, ref: string, o: CallOptions): Promise<boolean>;

  /** Takes the daemon of an endpoint, and where certificates are looked for; dials nothing yet. */
  constructor(endpoint: DaemonEndpoint, environment?: Environment) {
    super();
    this.client = new DaemonClient(endpoint, environment);
  }

  /** Where the daemon is, for messages. */
  get where(): string {
    return this.client.where;
  }

  /** The platforms that containers run on there, the best first. GET /version, and /info for arm. */
  async platforms({ signal }: CallOptions = {}): Promise<readonly PlatformSpec[]> {
    if (this.#platforms !== undefined) return this.#platforms;
    const doing = "tell its platform";
    const { Os, Arch } = await this.client.get("/version", versionSchema, doing, signal);
    const { Architecture } = Arch === "arm"
      ? await this.client.get("/info", infoSchema, doing, signal)
      : {};
    return this.#platforms = daemonPlatforms(Os.toLowerCase(), Arch, Architecture);
  }

  /**
   * The image that the place gets of several platforms: the one asked for, else its own.
   *
   * @throws {KodenoError} `BAD_PLATFORM` when there is none; `BAD_CONTENT`, `NOT_FOUND`, `IO_FAILED`
   */
  async choose(
    source: Blobs,
    root: Descriptor,
    options: DaemonChoice = {},
  ): Promise<Descriptor> {
    const doing = `load ${root.digest} into the Docker daemon at ${this.where}`;
    const chosen = await this.#pick(source, root, doing, options);
    const why = await whyNoImage(source, chosen, { signal: options.signal });
    if (why === undefined) return chosen;
    throw new KodenoError("BAD_CONTENT", `Cannot ${doing}: ${why}`, { digest: chosen.digest });
  }

  async #pick(
    source: Blobs,
    root: Descriptor,
    doing: string,
    { platform, all, signal }: DaemonChoice,
  ): Promise<Descriptor> {
    const images = await imagesBelow(source, root, { signal });
    const [first, ...others] = images;
    // An only image is taken as it is: the daemon may be able to emulate its platform.
    if (first !== undefined && others.length === 0 && platform === undefined) return first;
    const wanted = platform ? [platform] : await this.platforms({ signal });
    const have = await withPlatforms(source, root, images, { signal });
    const chosen = platform ? onlyMatch(have, platform, doing) : firstMatch(have, wanted);
    if (chosen !== undefined) return chosen;
    if (all && first !== undefined) return first;
    const asked = wanted[0] && formatPlatformSpec(wanted[0]);
    const list = have.map((d) => d.platform ? formatPlatform(d.platform) : d.digest).join(", ");
    const why = `it has no image for ${asked}; it has ${list || "no images"}`;
    throw new KodenoError("BAD_PLATFORM", `Cannot ${doing}: ${why}`);
  }

  /**
   * What to copy of an image: what {@link choose} says. What the place has already is only named by the
   * copy.
   *
   * @throws {KodenoError} as {@link choose}, and what the place answers
   */
  async prepare(source: Blobs, root: Descriptor, options: DaemonChoice = {}): Promise<Descriptor> {
    const chosen = await this.find(source, root, options);
    // containerd, which has images by their digests, takes them without foreign layers, too.
    const mayLack = options.foreign !== undefined && this.idOf(chosen) === chosen.digest;
    if (mayLack && await hasForeign(source, chosen, options)) this.present.delete(chosen.digest);
    return chosen;
  }

  /** Chooses, and finds out whether the place has that. */
  protected abstract find(
    source: Blobs,
    root: Descriptor,
    options: DaemonChoice,
  ): Promise<Descriptor>;

  /** {@inheritDoc Target.has} */
  override async has(d: Descriptor, options: CallOptions = {}): Promise<boolean> {
    return await super.has(d, options) || this.present.has(d.digest);
  }

  /**
   * Gives an image a name, `NAME:TAG` or `NAME`: one that is there at once, one that was pushed when it
   * is sent, by {@link close}.
   *
   * @throws {KodenoError} `BAD_REFERENCE` for a tag alone, `NOT_FOUND`, `IO_FAILED`
   */
  override async tag(d: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (parseImageName(ref).name === undefined) {
      const message = `Cannot name an image in ${this.what} ${JSON.stringify(ref)}: say NAME:TAG`;
      throw new KodenoError("BAD_REFERENCE", message);
    }
    if (this.present.has(d.digest) && await this.nameThere(d, ref, options)) return;
    this.present.delete(d.digest);
    await super.tag(d, ref, options);
  }

  /** Has images sent that have no names, and are found by their IDs. */
  override async keep(all: readonly Descriptor[], options: CallOptions = {}): Promise<void> {
    await super.keep(all.filter(({ digest }) => !this.present.has(digest)), options);
  }

  /** Only images are sent, be it one that refers to another: none of them is to be passed over. */
  protected override keptAs(d: Descriptor): Promise<Descriptor> {
    return Promise.resolve(namelessEntry(d));
  }

  /** The ID of an image that was copied. */
  abstract idOf(d: Descriptor): string;

  /**
   * Brings an image here, whole or not at all, and without those that others bring meanwhile.
   *
   * @param names `NAME:TAG` each, or what makes them of what {@link prepare} gives; without one it is
   * found by its ID alone
   * @returns its digest and ID, and whether it was sent; otherwise it was there
   * @throws {KodenoError} `BAD_REFERENCE` for a cluster and an image without a name; and see `copy`
   */
  async load(
    source: Source,
    root: Descriptor,
    names: readonly string[] | ((chosen: Descriptor) => readonly string[]),
    { platform, ...options }: CopyOptions & Pick<DaemonChoice, "platform"> = {},
  ): Promise<{ readonly digest: string; readonly id: string; readonly sent: boolean }> {
    return await this.#users.run(async () => {
      try {
        let sent = false;
        const onBlob = (d: Descriptor, isMoved: boolean): void => {
          sent ||= isMoved;
          options.onBlob?.(d, isMoved);
        };
        const { foreign, signal } = options;
        const chosen = await this.prepare(source, root, { platform, foreign, signal });
        const tags = typeof names === "function" ? names(chosen) : names;
        await copy(source, chosen, this, { ...options, tags, onBlob });
        if (tags.length === 0) await this.keep([chosen], options);
        await this.close(options);
        return { digest: chosen.digest, id: this.idOf(chosen), sent };
      } catch (error) {
        await this.undo();
        throw error;
      }
    });
  }

  /** Sends a blob on to whoever takes the archive. */
  protected async write(d: Descriptor, open: OpenBlob, { signal }: CallOptions): Promise<void> {
    // One member after the other.
    await this.#members.run(async () => {
      signal?.throwIfAborted();
      const read = () => readDocument({ fetch: open }, bareDescriptor(d), { signal });
      // Docker calls an image by the sha256 of its config, however that is named here.
      const isDocument = hasSuccessors(d) || ociMediaType(d.mediaType) === MediaType.config;
      const bytes = isDocument ? await read() : undefined;
      let begun = false;
      const send = async (chunk: Uint8Array): Promise<void> => {
        const header = begun ? undefined : blobHeader(d);
        begun = true;
        if (header) await this.#send(header, signal);
        if (chunk.length > 0) await this.#send(chunk, signal);
      };
      try {
        const how = { most: CHUNK_BYTES, keep: HELD_BYTES, signal };
        // A document was checked when it was read.
        for await (const chunk of bytes ? [bytes] : checkedChunks(await open(), d, how)) {
          await send(chunk.length < SMALL_BYTES ? chunk.slice() : chunk);
        }
        await send(padding(d.size));
      } catch (error) {
        // What has gone cannot be taken back: nothing is made of the whole archive.
        if (begun) await this.#giveUp(error);
        throw error;
      }
      if (bytes) await this.documents.push(d, () => Promise.resolve(bytesStream(bytes)));
    });
  }

  async #send(chunk: Uint8Array, signal?: AbortSignal): Promise<void> {
    // Whatever becomes of one, all are known, and can be given up.
    this.#receivers ??= this.takers().then((all) => all.map((take) => new Receiver(take)));
    await Promise.all((await this.#receivers).map((receiver) => receiver.write(chunk, signal)));
  }

  /**
   * Ends the archive and waits till all images are there. Where none was named or kept, nothing is
   * there. The place can go on to be used.
   *
   * @throws {KodenoError} why they are not there; none of them is then
   */
  async close(options: CallOptions = {}): Promise<void> {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost.error;
    const { entries } = this;
    if (entries.length > 0) {
      try {
        const isSeveral = entries.some(({ mediaType }) => isIndexType(mediaType));
        const platforms = isSeveral ? await this.platforms(options) : undefined;
        const documents = await archiveDocuments(this.documents, entries, platforms, options);
        await this.#send(documents, options.signal);
        await this.#send(TAR_END, options.signal);
        const receivers = await this.#receivers ?? [];
        await Promise.all(receivers.map((receiver) => receiver.end(options.signal)));
      } catch (error) {
        await this.#giveUp(error);
        this.#lost = undefined;
        throw error;
      }
    }
    await this.undo();
  }

  /** {@inheritDoc Place.undo} */
  async undo(): Promise<void> {
    await this.#giveUp(new Error("the archive was given up"));
    this.#lost = undefined;
    this.client[Symbol.dispose]();
  }

  /** Drops what was not sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo();
  }

  async #giveUp(error: unknown): Promise<void> {
    if (this.entries.length > 0) this.#lost = { error };
    const receivers = await this.#receivers?.catch(() => []) ?? [];
    this.#receivers = undefined;
    this.documents = new MemoryStore();
    this.blobs.clear();
    this.present.clear();
    this.entries = [];
    await Promise.all(receivers.map((receiver) => receiver.giveUp(error)));
  }
}

/** What to look for in an image of several platforms, in this order; `machine` is as GET /info says. */
export function daemonPlatforms(os: string, architecture: string, machine = ""): PlatformSpec[] {
  // A machine with 32-bit arm runs its own variant and older ones; `uname -m` says which it is.
  const [, own = "0"] = /^armv(\d)/.exec(machine.replace("aarch64", "armv8")) ?? [];
  const variants = architecture === "arm" ? ["v7", "v6", "v5"].filter((v) => v <= `v${own}`) : [];
  return [...variants.map((variant) => ({ os, architecture, variant })), { os, architecture }];
}

/** An archive on its way to one that takes it. */
class Receiver {
  readonly #stop = new AbortController();
  readonly #taken: Promise<void>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #hasEnded = false;
  /** Goes on when there is room for another chunk, or nobody takes any more. */
  #room = Promise.withResolvers<void>();

  constructor(take: TakeArchive) {
    const archive = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(FOLDERS);
      },
      pull: () => this.#room.resolve(),
      cancel: () => this.#room.resolve(),
    }, new CountQueuingStrategy({ highWaterMark: AHEAD }));
    this.#taken = take(archive, this.#stop.signal).finally(() => {
      this.#hasEnded = true;
      this.#room.resolve();
    });
    this.#taken.catch(() => {});
  }

  /** @throws why it takes no more */
  async write(chunk: Uint8Array, signal?: AbortSignal): Promise<void> {
    await orAborted(this.#room.promise, signal);
    if (this.#hasEnded) await this.#taken;
    this.#room = Promise.withResolvers();
    try {
      this.#controller?.enqueue(chunk);
    } catch {
      // It reads no further, and is about to say why.
      await orAborted(this.#taken, signal);
      throw new KodenoError("IO_FAILED", "Cannot send an archive: it was not read to its end");
    }
  }

  async end(signal?: AbortSignal): Promise<void> {
    if (!this.#hasEnded) this.#controller?.close();
    await orAborted(this.#taken, signal);
  }

  /** Breaks the archive off, and waits till it is let go of. */
  async giveUp(error: unknown): Promise<void> {
    if (this.#hasEnded) return;
    this.#controller?.error(error);
    const timer = setTimeout(() => this.#stop.abort(error), GRACE_MS);
    await this.#taken.catch(() => {});
    clearTimeout(timer);
  }
}

/** Whether there are foreign layers below a root. */
async function hasForeign(source: Blobs, root: Descriptor, options: CallOptions): Promise<boolean> {
  for (const image of await imagesBelow(source, root, options)) {
    const { manifest } = await readGraphDocument(source, image, options);
    if (manifest?.layers.some(isForeign)) return true;
  }
  return false;
}
