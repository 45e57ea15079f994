/**
 * A repository of a registry as a place: what is known to be there is not asked for again, and nothing
 * is sent twice. Opened one by one, or several that share their connections and tokens.
 * @module
 */
import type {
  CallOptions,
  ListOptions,
  OpenBlob,
  Place,
  ResolveCall,
  Source,
} from "../../content/places.ts";
import { graphKey, hasSuccessors, parseGraphDocument, readDocument } from "../../content/walk.ts";
import { hasCode, KodenoError } from "../../errors.ts";
import { bytesStream, readAll } from "../../io/streams.ts";
import { orAborted, Pool, SingleFlight } from "../../io/concurrency.ts";
import {
  bareDescriptor,
  type Descriptor,
  isDigest,
  isForeign,
  MediaType,
  ociMediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { parseReference, parseTag } from "../../oci/reference.ts";
import { type Document, Repository } from "./repository.ts";
import { Shared } from "./client.ts";
import { type Endpoint, mirrorOf, parseEndpoint, withMirror } from "./endpoint.ts";
import type { Referrers } from "./referrers.ts";
import type { RegistryOptions } from "./transport.ts";

/** What may be done about an image with foreign layers that a registry does not take. */
const TAKE_FOREIGN = "it may have to be told which URLs foreign layers may have " +
  "(of distribution: validation.manifests.urls.allow)";
/** Repositories that are tried for a blob before it is sent. */
const MAX_MOUNTS = 3;

/** Repositories that share connections, tokens and settings. */
export class Registries implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #shared: Shared;
  readonly #mountFrom: readonly Endpoint[];

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
    this.#shared = new Shared(options);
    this.#mountFrom = (options.mountFrom ?? []).map(parseEndpoint);
  }

  /** As {@link openRegistry}. */
  open(name: string): RegistryStore {
    const endpoint = parseEndpoint(name);
    const { registry, path } = endpoint;
    const mirror = mirrorOf(endpoint, this.#options.mirrors ?? {});
    const mounts = this.#mountFrom
      .filter((one) => one.registry === registry && one.path !== path)
      .slice(0, MAX_MOUNTS);
    return new RegistryStore({
      ...this.#options,
      own: this.#repository(endpoint),
      mirror: mirror && this.#repository(mirror),
      mounts: mounts.map((one) => one.path),
      close: () => this.#shared.transport.close(),
    });
  }

  /** Closes the connections that are kept open for the next request. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared.transport.close();
  }

  #repository(endpoint: Endpoint): Repository {
    return new Repository(this.#shared.client(endpoint.registry), endpoint);
  }
}

/**
 * Opens one repository; nothing is sent yet.
 *
 * @param name `HOST/PATH`, without a tag; without a host it is one of Docker Hub
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function openRegistry(name: string, options: RegistryOptions = {}): RegistryStore {
  return new Registries(options).open(name);
}

/** HEAD requests at once. */
const MAX_HEADS = 16;
/** Pushed documents that are kept for the tags that follow. */
const MAX_DOCUMENTS = 64;
/** Small documents that were read are kept, too, since most are asked for again: so many, so large. */
const MAX_READ = 256;
const MAX_READ_BYTES = 64 * 1024;
/** Of few registries the lists are asked for, and where all is there already nothing is sent. */
const lists = () => import("./referrers.ts");
const uploads = () => import("./upload.ts");

/** What a {@link RegistryStore} is made of. */
interface StoreParts extends Pick<RegistryOptions, "lockFolder" | "onWarning"> {
  readonly own: Repository;
  readonly mirror: Repository | undefined;
  /** Paths of repositories of the same registry that may have what is pushed. */
  readonly mounts: readonly string[];
  readonly close: () => Promise<void>;
}

/** A repository. Made by `openRegistry` or `Registries.open`. */
export class RegistryStore implements Source, Place, AsyncDisposable {
  readonly #parts: StoreParts;
  /** What is asked first. */
  #mirror: Repository | undefined;
  /** Which of the two had the image that was resolved: that one says what refers to it, too. */
  #from: Repository;
  readonly #heads = new Pool(MAX_HEADS);
  /** What is known to be there, by digest and size: nothing is asked for, or sent, twice. */
  readonly #known = new Set<string>();
  /** What was asked for and not there; a push that follows does not ask again. */
  readonly #absent = new Set<string>();
  readonly #pushing = new SingleFlight();
  /** Whether the registry knows by itself what refers to what. */
  #keepsLists: boolean | undefined;
  readonly #documents = new Map<string, Document>();
  readonly #read = new Map<string, Uint8Array>();

  /** Takes what `openRegistry` puts together. */
  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#mirror = parts.mirror;
    this.#from = parts.own;
  }

  /** The repository's name, as it was given. */
  get name(): string {
    return this.#parts.own.name;
  }

  /** {@inheritDoc Source.what} */
  get what(): string {
    return `repository ${this.name}`;
  }

  /**
   * What a tag, a digest, `NAME:TAG` or `NAME@DIGEST` of this repository names.
   * {@inheritDoc Source.resolve}
   */
  async resolve(ref: string, options: ResolveCall = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const target = this.#parseRef(ref);
    return await this.#pull(options, async (repository) => {
      const read = async (): Promise<Descriptor> => {
        const { descriptor, bytes } = await repository.getManifest(target, options);
        if (options.willRead) keepFew(this.#read, graphKey(descriptor), bytes, MAX_READ);
        return descriptor;
      };
      const head = options.willRead ? undefined : await repository.headManifest(target, options);
      // Only an answer to GET says why it is not there.
      const found = head ?? await read();
      this.#from = repository;
      return found;
    });
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(d.digest);
    const key = graphKey(d);
    const known = this.#read.get(key);
    if (known !== undefined) return bytesStream(known);
    const isDocument = hasSuccessors(d);
    const isKept = d.size <= MAX_READ_BYTES &&
      (isDocument || ociMediaType(d.mediaType) === MediaType.config);
    const found = await this.#pull(options, async (repository) => {
      if (isDocument) return (await repository.getManifest(digest, options)).bytes;
      const stream = await repository.fetchBlob(d, options);
      return isKept ? await readAll(stream, MAX_READ_BYTES, `blob ${digest}`) : stream;
    });
    if (!(found instanceof Uint8Array)) return found;
    if (isKept && found.length <= MAX_READ_BYTES) keepFew(this.#read, key, found, MAX_READ);
    return bytesStream(found);
  }

  /** {@inheritDoc Target.has} */
  async has(d: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(d.digest);
    const key = graphKey(d);
    if (this.#known.has(key)) return true;
    const { own } = this.#parts;
    const found = await this.#heads.run(async () => {
      if (!hasSuccessors(d)) return await own.hasBlob(d, options);
      return (await own.headManifest(digest, this.#toPush(options)))?.size === d.size;
    });
    (found ? this.#known : this.#absent).add(key);
    return found;
  }

  /** {@inheritDoc Target.push} */
  async push(d: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(d.digest);
    const key = graphKey(d);
    // Images that are pushed side by side share layers: each is sent once.
    await this.#pushing.do(digest, async () => {
      if (hasSuccessors(d)) await this.#pushDocument(d, digest, open, options);
      else if (this.#absent.delete(key) || !(await this.has(d, options))) {
        await this.#send(d, open, options);
      }
      this.#absent.delete(key);
      this.#known.add(key);
    });
  }

  /** Sends a blob; what goes to another repository at the same time is mounted from there then. */
  async #send(d: Descriptor, open: OpenBlob, options: CallOptions): Promise<void> {
    const { own, mounts } = this.#parts;
    const { path } = own.endpoint;
    const { sending } = own.client;
    const first = sending.get(d.digest);
    const send = async (): Promise<void> => {
      if (first !== undefined) await orAborted(first.ended, options.signal);
      const others = new Set([...first && first.path !== path ? [first.path] : [], ...mounts]);
      await new (await uploads()).Upload(own, d, open, options).run([...others]);
    };
    const work = send();
    if (first === undefined) sending.set(d.digest, { path, ended: work.catch(() => {}) });
    await work;
  }

  /** {@inheritDoc Target.pushNamed} */
  async pushNamed(
    d: Descriptor,
    open: OpenBlob,
    ref: string,
    options: CallOptions = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const tag = this.#parseTag(ref);
    // The same image under another name is sent, too: each request names one.
    await this.#pushing.do(`${parseDigest(d.digest)} ${tag}`, async () => {
      await this.#pushDocument(d, tag, open, options);
      this.#known.add(graphKey(d));
    });
  }

  /** {@inheritDoc Target.tag} */
  async tag(d: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const tag = this.#parseTag(ref);
    const { own } = this.#parts;
    const digest = parseDigest(d.digest);
    const pushed = this.#documents.get(digest);
    if (pushed === undefined) {
      // What was there before was most likely tagged before, too.
      const tagged = await own.headManifest(tag, this.#toPush(options)).catch((error) => {
        // The tag is of something else, which is no image.
        if (hasCode(error, "BAD_CONTENT")) return undefined;
        throw error;
      });
      if (tagged?.digest === digest) return;
    }
    await own.putManifest(
      tag,
      pushed ?? await own.getManifest(digest, this.#toPush(options)),
      options,
    );
  }

  /**
   * The tags of the repository, in the registry's order.
   *
   * @throws {KodenoError} `NOT_FOUND` when there is no such repository
   */
  async tags(options: CallOptions = {}): Promise<readonly string[]> {
    return await (await lists()).listTags(this.#parts.own, options);
  }

  /** {@inheritDoc Source.fewTags} */
  async fewTags(options: CallOptions = {}): Promise<ReadonlySet<string> | undefined> {
    return await (await lists()).listFewTags(this.#from, options);
  }

  /** {@inheritDoc Source.findTag} */
  async findTag(tag: string, options: CallOptions = {}): Promise<Descriptor | undefined> {
    options.signal?.throwIfAborted();
    const ref = this.#parseTag(tag);
    return await this.#heads.run(() => this.#from.headManifest(ref, options)).catch((error) => {
      // What has the tag may be something else.
      if (!hasCode(error, "BAD_CONTENT")) throw error;
      return undefined;
    });
  }

  /** The manifests whose `subject` is this one; none where nothing refers to it. */
  async referrers(subject: Descriptor, options: ListOptions = {}): Promise<readonly Descriptor[]> {
    return await new (await lists()).Referrers(this.#from, subject, options).list();
  }

  /**
   * Lists a manifest that is there already under its subject, where the registry keeps no list of its
   * own: whoever pushed it may have been stopped before that.
   *
   * @throws {KodenoError} as pushing it does
   */
  async listReferrer(d: Descriptor, bytes: Uint8Array, options: CallOptions = {}): Promise<void> {
    const { subject } = parseGraphDocument(d, bytes);
    if (subject === undefined) return;
    const referrers = await this.#referrers(subject, options);
    this.#keepsLists ??= await referrers.ask() !== undefined;
    if (!this.#keepsLists) await referrers.add({ descriptor: d, bytes });
  }

  /**
   * Whether this login may push to the repository; nothing is left there.
   *
   * @throws {KodenoError} `UNAUTHORIZED` with what to do about it, `REGISTRY_FAILED`
   */
  async check(options: CallOptions = {}): Promise<void> {
    await (await uploads()).checkPush(this.#parts.own, options);
  }

  /** {@inheritDoc Place.undo} Blobs without a name are the registry's to remove. */
  async undo(): Promise<void> {
    await this.close();
  }

  /** Closes the connections that are kept open, of all that were opened together. */
  async close(): Promise<void> {
    await this.#parts.close();
  }

  /** {@link close}, when it goes out of scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A look at what is there, which is part of a push. */
  #toPush(options: CallOptions) {
    return { ...options, doing: `push to ${this.name}` };
  }

  async #pushDocument(
    d: Descriptor,
    ref: string,
    open: OpenBlob,
    options: CallOptions,
  ): Promise<void> {
    const { own } = this.#parts;
    const bytes = await readDocument({ fetch: open }, bareDescriptor(d), options);
    const document = { descriptor: bareDescriptor(d), bytes };
    const { subject, successors } = parseGraphDocument(d, bytes);
    const otherwise = successors.some(isForeign) ? TAKE_FOREIGN : undefined;
    const said = await own.putManifest(ref, document, { ...options, otherwise });
    if (said !== undefined) this.#keepsLists = true;
    else if (subject !== undefined) await (await this.#referrers(subject, options)).add(document);
    keepFew(this.#documents, d.digest, document, MAX_DOCUMENTS);
  }

  async #pull<T>(options: CallOptions, work: (from: Repository) => Promise<T>): Promise<T> {
    const { own, onWarning = () => {} } = this.#parts;
    // One that fails is told of once, and asked for nothing more, which it may have asked for.
    const leave = (message: string): void => {
      if (this.#mirror !== undefined) onWarning(message);
      this.#mirror = undefined;
    };
    return await withMirror(own, this.#mirror, work, leave, options.signal);
  }

  async #referrers(subject: Descriptor, options: CallOptions): Promise<Referrers> {
    const { own, lockFolder } = this.#parts;
    return new (await lists()).Referrers(own, subject, { ...options, lockFolder });
  }

  #parseTag(ref: string): string {
    const tag = this.#parseRef(ref);
    if (!isDigest(tag)) return tag;
    throw new KodenoError("BAD_REFERENCE", `Cannot tag ${this.name}: ${ref} is a digest`);
  }

  /** The tag or digest of a reference to this repository. */
  #parseRef(ref: string): string {
    if (isDigest(ref)) return ref;
    if (!/[:/@]/.test(ref)) return parseTag(ref);
    const { name, tag, digest } = parseReference(ref);
    const { registry, path } = parseEndpoint(name);
    const { endpoint } = this.#parts.own;
    if (registry === endpoint.registry && path === endpoint.path) return digest ?? tag ?? "latest";
    throw new KodenoError(
      "BAD_REFERENCE",
      `Cannot use ${JSON.stringify(ref)} in repository ${this.name}: it is of another one`,
    );
  }
}

/** Keeps one more in a map of so many; the oldest goes. */
function keepFew<T>(kept: Map<string, T>, key: string, value: T, most: number): void {
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > most && oldest !== undefined) kept.delete(oldest);
}
