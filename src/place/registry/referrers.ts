/**
 * Lists of a repository: its tags, and what refers to a manifest by its `subject` (distribution spec
 * 1.1, "Listing Tags", "Listing Referrers"), in pages; where a registry has no API for referrers, under
 * a tag ("Referrers Tag Schema"). Whoever pushes changes that list, and registries cannot compare and
 * swap: a lock keeps kodeno's processes apart, and a look at what was written tells of others.
 * @module
 */
import { join } from "node:path";
import type { CallOptions, ListOptions } from "../../content/places.ts";
import { referrerEntry } from "../../content/referrers.ts";
import { parseGraphDocument } from "../../content/walk.ts";
import { hasCode, KodenoError } from "../../errors.ts";
import { digestOf } from "../../io/hash.ts";
import { withLockFile } from "../../io/lock.ts";
import { chunksOf, readAll } from "../../io/streams.ts";
import { inTurn, sleep } from "../../io/concurrency.ts";
import {
  type Descriptor,
  digestHex,
  isIndexType,
  MediaType,
  referrersTag,
} from "../../oci/descriptor.ts";
import {
  asWritten,
  encodeJson,
  type Index,
  MAX_JSON_BYTES,
  oddity,
  parseIndex,
} from "../../oci/manifest.ts";
import {
  type Document,
  isWebPage,
  mediaTypeOf,
  refuseWebPage,
  type Repository,
} from "./repository.ts";
import type { Call, RegistryClient } from "./client.ts";
import { Bound } from "./bounds.ts";
import { backoffMs, connectionFailure } from "./failure.ts";
import type { Answer, RegistryOptions } from "./transport.ts";

/** More pages than any registry has; a list that goes round ends, too. */
const MAX_PAGES = 10_000;
/** Of all pages: a quarter of a million tags, or half as many referrers. */
const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** What all of it may take, in the time of a document. */
const LIST_TIMES = 5;

/**
 * The pages of a list. Ends with no page at all when the first says that there is no such list, whose
 * body `isAbsent` has to read then.
 */
async function* pagesOf(
  client: RegistryClient,
  call: Call,
  isAbsent: (answer: Answer) => Promise<boolean> = () => Promise.resolve(false),
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly answer: Answer }> {
  const seen = new Set<string>();
  let length = 0;
  using bound = new Bound(call.signal);
  bound.set(client.shared.documentMs * LIST_TIMES, "the list did not come whole");
  const { signal } = bound;
  const astray = (why: string) => new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: ${why}`);
  for (let to: string | URL | undefined = call.to;;) {
    const page: Call = { ...call, to, signal };
    const answer: Answer = await client.call(page).catch((error) => {
      call.signal?.throwIfAborted();
      // A list that takes too long fails as a connection that does.
      throw client.failure(page, error);
    });
    if (seen.size === 0 && await isAbsent(answer)) return;
    if (answer.status !== 200) throw await client.failureOf(page, answer, seen.size === 0);
    refuseWebPage(page, answer, "");
    let bytes: Uint8Array;
    try {
      bytes = await readAll(chunksOf(answer.body, signal), MAX_JSON_BYTES, "a page of the list");
    } catch (error) {
      throw connectionFailure(page, answer.url, error);
    }
    length += bytes.length;
    if (length > MAX_LIST_BYTES) throw astray(`it has more than ${MAX_LIST_BYTES} bytes`);
    yield { bytes, answer };
    const { url } = answer;
    to = nextPage(answer.headers.get("link"), url);
    seen.add(url.href);
    if (to === undefined) return;
    const soFar = `${seen.size} pages, ${length} bytes so far`;
    client.shared.onDelay(`Reading on to ${call.doing}: ${soFar}`);
    if (to.origin !== url.origin) throw astray(`its next page is on ${to.host}`);
    if (seen.has(to.href) || seen.size >= MAX_PAGES) throw astray("its pages have no end");
  }
}

/** The target of a `Link` header whose relation is `next` (RFC 8288). */
export function nextPage(header: string | null, base: URL): URL | undefined {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(/<([^>]*)>([^,]*)/g)) {
    if (!/;\s*rel\s*=\s*"?next"?\s*(?:;|$)/i.test(parameters)) continue;
    return URL.parse(target, base) ?? undefined;
  }
  return undefined;
}

/**
 * The tags of a repository, in the registry's order.
 * @throws {KodenoError} `BAD_CONTENT` when the registry gives something else, `NOT_FOUND`
 */
export async function listTags(
  repository: Repository,
  options: CallOptions,
): Promise<readonly string[]> {
  const { client, name } = repository;
  const doing = `list tags of ${name}`;
  const call = repository.call("GET", "tags/list?n=1000", doing, options);
  const pages = await Array.fromAsync(pagesOf(client, call), ({ bytes }) => tagsOf(bytes, doing));
  return pages.flat();
}

/** All tags of a repository, where its registry gives them in one page. */
export async function listFewTags(
  repository: Repository,
  options: CallOptions,
): Promise<ReadonlySet<string> | undefined> {
  const { client, name } = repository;
  const doing = `list tags of ${name}`;
  const call = repository.call("GET", "tags/list?n=1000", doing, options);
  try {
    // Who is not told asks for each tag that matters, which is no more than slower.
    for await (const { bytes, answer } of pagesOf(client, { ...call, retry: false })) {
      const isAll = nextPage(answer.headers.get("link"), answer.url) === undefined;
      return isAll ? new Set(tagsOf(bytes, doing)) : undefined;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof KodenoError)) throw error;
  }
  return undefined;
}

function tagsOf(bytes: Uint8Array, doing: string): readonly string[] {
  try {
    const { tags } = JSON.parse(new TextDecoder().decode(bytes));
    // Go's encoder writes an empty list as null.
    if (tags === null) return [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string")) return tags;
  } catch {
    // As what is JSON, and no list.
  }
  throw new KodenoError("BAD_CONTENT", `Cannot ${doing}: the answer is no list of tags`);
}

/**
 * Whether a registry does not know the API for referrers. Those of before it, and proxies, take it for a
 * broken request, of whatever kind, or show their page for people.
 */
function isNoList(answer: Answer): boolean {
  const { status } = answer;
  const isOdd = status < 500 && ![200, 401, 403, 408, 429].includes(status);
  return isOdd || status === 501 || isWebPage(answer);
}

/** The last change of each list in this process; the next one waits for it. */
const changing = new Map<string, Promise<void>>();

/** How lists are changed; without the folder, this process is kept apart from itself only. */
type ReferrerOptions = ListOptions & Pick<RegistryOptions, "lockFolder">;
/** What a registry that has the API says of a repository or image that is not there. */
const UNKNOWN: readonly string[] = ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"];

/** The manifests of a repository that refer to one. */
export class Referrers {
  readonly #tag: string;

  constructor(
    readonly repository: Repository,
    readonly subject: Descriptor,
    readonly options: ReferrerOptions,
  ) {
    this.#tag = referrersTag(subject);
  }

  /** All that can be used. @throws {KodenoError} `BAD_CONTENT` when the registry gives something else */
  async list(): Promise<readonly Descriptor[]> {
    const listed = await this.ask() ?? await this.#readList();
    return listed.filter((one) => oddity(one) === undefined);
  }

  /** The list under the tag, where there can be one. */
  async #readList(): Promise<readonly Descriptor[]> {
    const tags = await this.options.tags?.();
    if (tags?.has(this.#tag) === false) return [];
    return (await this.#readTag()).index?.manifests ?? [];
  }

  /** What the registry's own API says; undefined where it has none. */
  async ask(): Promise<readonly Descriptor[] | undefined> {
    const { repository, subject: { digest } } = this;
    const { client } = repository;
    if (client.lacksReferrers) return undefined;
    const what = `referrers of ${repository.nameOf(digest)}`;
    const path = `referrers/${digest}`;
    const call = repository.call("GET", path, `list ${what}`, this.options);
    const asked = { ...call, headers: { accept: MediaType.index } };
    const pages: (readonly Descriptor[])[] = [];
    const isAbsent = async (answer: Answer): Promise<boolean> => {
      if (!isNoList(answer)) return false;
      // What one repository is answered goes for all of them, but where that one is not known.
      const { error } = await client.said(answer);
      if (!error.codes.some((code) => UNKNOWN.includes(code))) client.lacksReferrers = true;
      return true;
    };
    for await (const { bytes, answer } of pagesOf(client, asked, isAbsent)) {
      try {
        pages.push(parseIndex(bytes, what).manifests);
      } catch (error) {
        // What is not even called an index is what it says to everything that it does not know.
        if (pages.length > 0 || isIndexType(mediaTypeOf(answer))) throw error;
        return undefined;
      }
    }
    if (pages.length === 0) return undefined;
    return [...new Map(pages.flat().map((one) => [one.digest, one])).values()];
  }

  /**
   * Lists a manifest that was just pushed under the tag of its subject, as whoever pushes has to do
   * for a registry that has no referrers API.
   * @throws {KodenoError} `BAD_CONTENT` when the tag names something that is no list,
   * `REGISTRY_FAILED` when others keep on writing over it
   */
  async add(referrer: Document): Promise<void> {
    const { registry, path } = this.repository.endpoint;
    const key = `${registry}/${path}@${this.subject.digest}`;
    await inTurn(changing, key, () => this.#locked(key, () => this.#addNow(referrer)));
  }

  /** Runs work while no other process of this machine changes the same list. */
  async #locked(key: string, work: () => Promise<void>): Promise<void> {
    const { lockFolder, signal } = this.options;
    if (lockFolder === undefined) return await work();
    try {
      await Deno.mkdir(lockFolder, { recursive: true });
    } catch {
      // Where nothing can be written, looking at what was written has to do.
      return await work();
    }
    // Few files for all lists: some that have nothing to do with each other wait, too.
    const name = digestHex(digestOf(key)).slice(0, 1);
    await withLockFile(join(lockFolder, `referrers-${name}.lock`), work, signal);
  }

  async #addNow(referrer: Document): Promise<void> {
    const { name, client: { shared: { policy } } } = this.repository;
    const entry = referrerEntry(
      referrer.descriptor,
      parseGraphDocument(referrer.descriptor, referrer.bytes),
    );
    const doing = `Cannot list ${entry.digest} in ${name}:${this.#tag}`;
    for (let tried = 0;; tried++) {
      const { index, other } = await this.#readTag();
      if (other !== undefined) {
        throw new KodenoError("BAD_CONTENT", `${doing}: that is no list, but a ${other.mediaType}`);
      }
      const { manifests = [] } = index ?? {};
      // On the second round this is the look at what was written.
      if (manifests.some(({ digest }) => digest === entry.digest)) return;
      if (tried >= policy.attempts) {
        const why = "others write over it all the time; run it again";
        throw new KodenoError("REGISTRY_FAILED", `${doing}: ${why}`);
      }
      if (tried > 0) await sleep(backoffMs(policy, tried), this.options.signal);
      const mediaType = MediaType.index;
      const all = [...manifests.map(asWritten), entry];
      const list = { schemaVersion: 2, mediaType, ...index, manifests: all };
      const bytes = encodeJson(list);
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      await this.repository.putManifest(this.#tag, { descriptor, bytes }, this.options);
    }
  }

  /** What is under the tag: the list, or something else that somebody gave that name. */
  async #readTag(): Promise<{ readonly index?: Index; readonly other?: Descriptor }> {
    try {
      const { descriptor, bytes } = await this.repository.getManifest(this.#tag, this.options);
      if (!isIndexType(descriptor.mediaType)) return { other: descriptor };
      return { index: parseIndex(bytes, this.repository.nameOf(this.#tag)) };
    } catch (error) {
      if (hasCode(error, "NOT_FOUND")) return {};
      throw error;
    }
  }
}
