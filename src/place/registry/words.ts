/**
 * What a registry or its token server says in its own words (distribution spec 1.1, "Error Codes" and
 * "Warnings"; RFC 6749, 5.2): codes and messages, short and on one line, in which there is neither what
 * a terminal would obey nor a secret that was sent there.
 * @module
 */
import { chunksOf } from "../../io/streams.ts";
import { Bound } from "./bounds.ts";
import { type ErrorAnswer, parseRetryAfter } from "./failure.ts";
import type { Answer } from "./transport.ts";

/** Characters of an answer. */
const MOST_READ = 64 * 1024;
const ERROR_MS = 10_000;
/** Errors of one answer that are told, and characters of them and of all. */
const MOST_ERRORS = 10;
const MOST_OF_ONE = 300;
const MOST_OF_ALL = 1000;
/** Of one message, before what may not be shown is taken out. */
const MOST_LOOKED_AT = 4000;
/** Lists and objects that may lie around a message. */
const MOST_LEVELS = 4;
/** Shorter ones would be found in words that are none. */
const SHORTEST_SECRET = 4;

/** What an answer says that was not hoped for, for a person and for programs. */
export interface ErrorWords {
  readonly why: string;
  readonly error: ErrorAnswer;
}

/** Reads an answer that was not hoped for, of which `secrets` are left out; `lead` tells of it, too. */
export async function readErrorAnswer(
  lead: string,
  { status, headers, body }: Answer,
  secrets: Iterable<string> = [],
): Promise<ErrorWords> {
  const found = saidIn(await readSome(body), headers.get("content-type") ?? "");
  const said = found.slice(0, MOST_ERRORS)
    .map(({ code, message }) => ({ code, message: cleaned(message, secrets) }));
  const parts = said.map(({ code, message }) => {
    const isSame = code.toLowerCase() === message.toLowerCase();
    return [code, isSame ? "" : message].filter((part) => part !== "").join(": ");
  });
  const shown = shortened(
    [...new Set(parts)].filter((part) => part !== "").join("; "),
    MOST_OF_ALL,
  );
  const codes = [...new Set(said.map(({ code }) => code).filter((code) => code !== ""))];
  const hasWords = parts.some((part, i) => part !== said[i]?.code);
  const retryAfterMs = parseRetryAfter(headers.get("retry-after"));
  return {
    why: `${lead}${shown === "" ? "" : ` (${shown})`}`,
    error: { status, codes, hasWords, retryAfterMs },
  };
}

/** What an answer warns of, whatever its status (distribution spec 1.1, "Warnings"). */
export function warningsOf(headers: Headers, secrets: Iterable<string>): readonly string[] {
  const found = (headers.get("warning") ?? "").matchAll(/\b299 - "((?:[^"\\]|\\.)*)"/g);
  return [...found].map(([, text = ""]) => cleaned(text.replaceAll(/\\(.)/g, "$1"), secrets))
    .filter((text) => text !== "");
}

/** The text of a body, or its beginning: what is too long, too slow or breaks off says something, too. */
async function readSome(body: ReadableStream<Uint8Array>): Promise<string> {
  using bound = new Bound();
  bound.set(ERROR_MS, "the error did not come whole");
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of chunksOf(body, bound.signal)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= MOST_READ) break;
    }
  } catch {
    // What came counts.
  }
  return text.slice(0, MOST_READ);
}

/** One error of an answer; "" where it lacks one of them. */
type Said = { readonly code: string; readonly message: string };

/**
 * What a body says: JSON in any of the forms that are around, be it not whole, XML as storages have it,
 * or plain text; pages say nothing.
 */
function saidIn(text: string, type: string): readonly Said[] {
  try {
    return saidBy(JSON.parse(text), 0);
  } catch {
    if (/^\s*<(?:\?xml|Error)\b/.test(text)) return saidInXml(text);
    const inPart = /^\s*[{[]/.test(text) ? saidInPart(text) : undefined;
    if (inPart !== undefined) return [inPart];
    const isPlain = /^(?:text\/plain\b|$)/i.test(type.trim()) && !/^\s*</.test(text);
    return isPlain ? [{ code: "", message: text }] : [];
  }
}

/** The first code and message of JSON that cannot be read as such. */
function saidInPart(text: string): Said | undefined {
  const [, code = ""] = /"code"\s*:\s*"([A-Z][A-Z0-9_]{1,63})"/.exec(text) ?? [];
  const [, message = ""] = /"message"\s*:\s*"((?:[^"\\]|\\.)*)/s.exec(text) ?? [];
  if (code + message === "") return undefined;
  const plain = message.replaceAll(/\\(?:u[0-9a-f]{0,4}|[bfnrt])/gi, " ").replaceAll("\\", "");
  return { code, message: plain };
}

/** `<Error><Code/><Message/></Error>`, as S3 and those like it answer. */
function saidInXml(text: string): readonly Said[] {
  const [, code = ""] = /<Code>([^<]*)</.exec(text) ?? [];
  const [, message = ""] = /<Message>([^<]*)</.exec(text) ?? [];
  return [{ code: "", message: [code, message].filter((part) => part !== "").join(": ") }];
}

/**
 * `{"errors":[{"code","message"}]}` as the specification has it; `{"error","error_description"}` of
 * OAuth, `{"details"}` of Docker Hub's token server, `{"message"}` and `{"error":{...}}` of proxies,
 * `{"title","detail"}` of RFC 9457.
 */
function saidBy(value: unknown, level: number): readonly Said[] {
  if (typeof value === "string") return [{ code: "", message: value }];
  if (typeof value !== "object" || value === null || level > MOST_LEVELS) return [];
  if (Array.isArray(value)) {
    return value.slice(0, MOST_ERRORS).flatMap((one) => saidBy(one, level + 1));
  }
  const said: Readonly<Record<string, unknown>> = { ...value };
  const { errors, error, code, message, error_description, detail, details, title } = said;
  const inner = errors ?? error;
  const below = typeof inner === "object" ? saidBy(inner, level + 1) : [];
  if (below.length > 0) return below;
  const texts = [message, error_description, inner, detail, details, title];
  const told = texts.find((one) => typeof one === "string" && one.trim() !== "");
  const isCode = typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code);
  return [{ code: isCode ? code : "", message: typeof told === "string" ? told : "" }];
}

/** A message as a person may read it. */
function cleaned(message: string, secrets: Iterable<string>): string {
  let text = message.slice(0, MOST_LOOKED_AT)
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").replaceAll(/\p{Cf}/gu, "").trim();
  const known = [...secrets].filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  for (const secret of known.flatMap((one) => [one, encodeURIComponent(one)])) {
    text = text.replaceAll(secret, "***");
  }
  text = text
    // Who is asking, and queries, which may be signed.
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>@]*@/gi, "$1")
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, "$1?...")
    .replaceAll(/\b(Bearer|Basic) [\w.~+/=-]{8,}/gi, "$1 ***")
    .replaceAll(/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, "***");
  return shortened(text, MOST_OF_ONE);
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).trimEnd()} ...`;
}
