/**
 * Checks of single values; each throws `BAD_OPTION` with one clear line for what cannot be used, in
 * which `what` names the option or variable.
 * @module
 */
import process from "node:process";
import { KodenoError } from "../errors.ts";

/** Refuses a value of an option or a variable. */
export function badValue(what: string, value: string, why: string): KodenoError {
  const message = `Cannot use ${what} ${JSON.stringify(value)}: ${why}`;
  return new KodenoError("BAD_OPTION", message, { value });
}

/** Whether a text may be a template of Go's. */
export function isTemplate(text: string): boolean {
  return text.includes("{{");
}

/** The import path that a text names as `ko://` and it; undefined of any other text. */
export function koPath(text: string): string | undefined {
  return text.startsWith("ko://") ? text.slice("ko://".length) : undefined;
}

/** Names of folders that `...` of go does not match, and of one that is huge and never Go. */
export const PASSED_OVER = /^(?:[._].*|node_modules|testdata|vendor)$/;

/** Reads pairs of the given form, such as `KEY=VALUE`; a later one of the same key wins. */
export function parsePairs(
  what: string,
  pairs: readonly string[],
  form = "KEY=VALUE",
): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 0) throw badValue(what, pair, `it has no "="; say ${form}`);
    const [key] = form.split("=");
    if (at === 0) throw badValue(what, pair, `there is no ${key} before the "="; say ${form}`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

/** Reads `HOST=MIRROR` pairs; of two mirrors of a host, one would never be asked. */
export function parseMirrors(
  what: string,
  pairs: readonly string[],
): Readonly<Record<string, string>> {
  const mirrors = parsePairs(what, pairs, "HOST=MIRROR");
  for (const pair of pairs) {
    const host = pair.slice(0, pair.indexOf("="));
    const last = `${host}=${mirrors[host]}`;
    if (pair !== last) {
      throw badValue(what, pair, `${host} has one mirror, and ${last} is said, too`);
    }
  }
  return mirrors;
}

/** The forms of SBOMs. */
export const SBOM_FORMS = ["spdx", "cyclonedx"] as const;
/** One of them. */
export type SbomForm = (typeof SBOM_FORMS)[number];

/** Reads forms of SBOMs, each once; none of them where that is said. */
export function parseSbomForms(
  what: string,
  values: readonly string[],
): readonly SbomForm[] {
  if (values.length === 1 && values[0] === "none") return [];
  const forms = values.map((value) => {
    const form = SBOM_FORMS.find((one) => one === value);
    if (form !== undefined) return form;
    const why = value === "none"
      ? "others are said, too; say none alone, or leave it out"
      : `say ${SBOM_FORMS.join(", ")}, or none`;
    throw badValue(what, value, why);
  });
  return [...new Set(forms)];
}

/** Reads a number of seconds since 1970, which a date can hold. */
export function parseEpoch(what: string, text: string): number {
  const seconds = Number(text);
  // The first second of the year 10000: RFC 3339 has no way to write it.
  if (/^-?\d+$/.test(text) && seconds < 253402300800 && seconds >= -62135596800) return seconds;
  throw badValue(what, text, "it has to be whole seconds since 1970-01-01T00:00:00Z");
}

/** How layers are compressed. */
export type Compression =
  | { readonly type: "gzip" | "zstd"; readonly level: number }
  | { readonly type: "none" };

/**
 * Level 2 of zlib makes Go binaries a little smaller than Go's own best speed (ko's) does, in about
 * the same time; level 1 makes them larger.
 */
const DEFAULT_LEVEL = 2;
/** That of zstd itself. */
const ZSTD_LEVEL = 3;

/** Reads `gzip[:LEVEL]`, `zstd[:LEVEL]` or `none`. */
export function parseCompression(text = "gzip"): Compression {
  if (text === "none") return { type: "none" };
  const [, type, level] = /^(gzip|zstd)(?::([1-9]|1\d))?$/.exec(text) ?? [];
  if (type === "gzip" && Number(level ?? 0) < 10) {
    return { type, level: Number(level ?? DEFAULT_LEVEL) };
  }
  if (type !== "zstd") {
    const forms = '"gzip", "gzip:1" to "gzip:9", "zstd", "zstd:1" to "zstd:19", or "none"';
    throw badValue("compression", text, `say ${forms}`);
  }
  // Older ones have the functions, which fail.
  if (process.getBuiltinModule("node:zlib").constants.ZSTD_c_compressionLevel === undefined) {
    const why = `this runtime (Deno ${Deno.version.deno}) cannot write zstd`;
    throw badValue("compression", text, `${why}; use gzip, or kodeno on Deno 2.7 or newer`);
  }
  return { type, level: Number(level ?? ZSTD_LEVEL) };
}

/** Writes it as it is read. */
export function formatCompression(compression: Compression): string {
  return compression.type === "none" ? "none" : `${compression.type}:${compression.level}`;
}

/** Reads a port to expose and gives it as an image config names it: `8080/tcp`. */
export function parsePort(text: string): string {
  const found = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text);
  const port = Number(found?.[1]);
  if (found !== null && port >= 1 && port <= 65535) return `${port}/${found[2] ?? "tcp"}`;
  throw badValue("port", text, 'say PORT or PORT/udp, such as "8080"');
}

/** Reads a number of jobs; 0 stands for the number of processors, as in ko. */
export function parseJobs(given: number | string): number {
  const jobs = /^\d+$/.test(String(given)) ? Number(given) : NaN;
  if (Number.isInteger(jobs)) return jobs === 0 ? navigator.hardwareConcurrency : jobs;
  throw badValue("number of jobs", String(given), "it has to be a whole number, 1 or more");
}

/** Refuses `-toolexec`, which would run any program in the place of the compiler. */
export function refuseToolexec(where: string, args: readonly string[]): void {
  // go takes quotes off the words of GOFLAGS.
  const found = args.find((arg) => /^['"]?--?toolexec(?:[='"]|$)/.test(arg));
  if (found === undefined) return;
  const why = "it runs any program in the place of the compiler; take it out";
  throw badValue("-toolexec in", where, why);
}

/** {@link refuseToolexec} of what `GOFLAGS` is. */
export function refuseToolexecIn(goFlags = ""): void {
  refuseToolexec("GOFLAGS", goFlags.split(/\s+/));
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b|bytes)?$/i;

/**
 * Reads a number of bytes as people write it: `4GiB`, `700 MB`, `1.5g`. Units with an `i` are powers of
 * 1024, the others of 1000, which is less: what is to fit fits in any case.
 */
export function parseSize(what: string, text: string): number {
  const [, number, unit = "", binary] = SIZE.exec(text.trim()) ?? [];
  const power = "kmgt".indexOf(unit.toLowerCase()) + (unit === "" ? 0 : 1);
  const bytes = Math.floor(Number(number) * (binary ? 1024 : 1000) ** power);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw badValue(what, text, "it is no size; say it as 4GiB or 700MB");
}
