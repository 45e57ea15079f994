/**
 * Pages of a sorted list: `n`, `last` and the `Link` to the next one (OCI distribution spec 1.1).
 * @module
 */
import { Refusal } from "./answers.ts";

/** Names on a page where the client does not say, and at most. */
const PAGE = 1000;

/** A page and the headers that lead on. */
export interface Page {
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Cuts a page out of names.
 *
 * @param path of the request, for the link
 * @throws {Refusal} 400 for an `n` that is no number
 */
export function pageOf(all: Iterable<string>, query: URLSearchParams, path: string): Page {
  const text = query.get("n");
  if (text !== null && !/^\d{1,9}$/.test(text)) {
    throw new Refusal(400, "PAGINATION_NUMBER_INVALID", "n has to be a number");
  }
  const size = text === null ? PAGE : Math.min(Number(text), PAGE);
  const last = query.get("last") ?? "";
  const sorted = [...all].filter((name) => name > last).sort();
  const names = sorted.slice(0, size);
  const end = names.at(-1);
  if (end === undefined || names.length === sorted.length) return { names, headers: {} };
  const next = new URLSearchParams({ last: end, n: String(size) });
  return { names, headers: { link: `<${path}?${next}>; rel="next"` } };
}
