/**
 * Lists that come in pages (distribution spec 1.1, "Listing Tags" and "Listing Referrers"): the
 * `Link` header names the next one.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { chunksOf, readAll } from "../../io/streams.ts";
import { MAX_JSON_BYTES } from "../../oci/limits.ts";
import { refuseWebPage } from "./blobs.ts";
import type { Answer, Call, RegistryClient } from "./client.ts";
import { TimeBound } from "./within.ts";

/** More pages than any registry has; a list that goes round ends, too. */
const MAX_PAGES = 10_000;
/** Of all pages: a quarter of a million tags, or half as many referrers. */
const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** What all of it may take, in the time of a document. */
const LIST_TIMES = 5;

/** One page: its bytes, and the answer they came with. */
export interface Page {
  readonly bytes: Uint8Array;
  readonly answer: Answer;
}

/**
 * The pages of a list. Ends with no page at all when the first is not there (404).
 *
 * @throws {KodenoError} `BAD_CONTENT` when a page is too large or the pages lead astray
 */
export async function* pagesOf(client: RegistryClient, call: Call): AsyncGenerator<Page> {
  const seen = new Set<string>();
  let length = 0;
  using bound = new TimeBound(client.documentMs * LIST_TIMES, "the list", call.signal);
  const { signal } = bound;
  const astray = (why: string) => new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: ${why}`);
  for (let to: string | URL | undefined = call.to; to !== undefined;) {
    const page: Call = { ...call, to, signal };
    const answer: Answer = await within(client, call, () => client.call(page));
    if (answer.status === 404 && seen.size === 0) {
      await answer.body.cancel();
      return;
    }
    if (answer.status !== 200) throw await client.refusal(page, answer);
    refuseWebPage(page, answer, "");
    let bytes: Uint8Array;
    try {
      const pageBody = chunksOf(answer.body, signal);
      bytes = await readAll(pageBody, MAX_JSON_BYTES, "a page of the list");
    } catch (error) {
      throw client.brokenBody(page, answer.url, error);
    }
    length += bytes.length;
    if (length > MAX_LIST_BYTES) throw astray(`it has more than ${MAX_LIST_BYTES} bytes`);
    yield { bytes, answer };
    const next = nextPage(answer.headers.get("link"), answer.url);
    seen.add(answer.url.href);
    if (next !== undefined) {
      client.tellDelay(`Reading on to ${call.doing}: ${seen.size} pages, ${length} bytes so far`);
    }
    if (next === undefined) return;
    if (next.origin !== answer.url.origin) throw astray(`its next page is on ${next.host}`);
    if (seen.has(next.href) || seen.size >= MAX_PAGES) throw astray("its pages have no end");
    to = next;
  }
}

/** An answer; a list that takes too long fails as a connection that does. */
async function within(
  client: RegistryClient,
  call: Call,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    call.signal?.throwIfAborted();
    throw client.brokenBody(call, new URL(`https://${client.registry}/`), error);
  }
}

/** The target of a `Link` header whose relation is `next` (RFC 8288). */
export function nextPage(header: string | null, base: URL): URL | undefined {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(/<([^>]*)>([^,]*)/g)) {
    if (!/;\s*rel\s*=\s*"?next"?\s*(?:;|$)/i.test(parameters)) continue;
    return URL.canParse(target, base) ? new URL(target, base) : undefined;
  }
  return undefined;
}

/**
 * The names in pages of `{"tags": [...]}`.
 *
 * @throws {KodenoError} `BAD_CONTENT` when a page is something else
 */
export async function readTags(client: RegistryClient, call: Call): Promise<readonly string[]> {
  const found: string[] = [];
  let pages = 0;
  for await (const { bytes } of pagesOf(client, call)) {
    pages++;
    const tags = tagsOf(bytes);
    if (tags === undefined) {
      throw new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: the answer is no list of tags`);
    }
    found.push(...tags);
  }
  if (pages > 0) return found;
  throw new KodenoError("NOT_FOUND", `Cannot ${call.doing}: there is no such repository`);
}

function tagsOf(bytes: Uint8Array): readonly string[] | undefined {
  try {
    const { tags } = JSON.parse(new TextDecoder().decode(bytes));
    // Go's encoder writes an empty list as null.
    if (tags === null) return [];
    return Array.isArray(tags) && tags.every((tag) => typeof tag === "string") ? tags : undefined;
  } catch {
    return undefined;
  }
}
