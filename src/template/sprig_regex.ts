/**
 * The functions of sprig about regular expressions and paths. The expressions are those of Go (RE2):
 * none of them takes long.
 * @module
 */
import { posix } from "node:path";
import { RE2JS } from "re2js";
import { fixed, type Functions } from "./functions.ts";
import { GoList } from "./value.ts";

/** Where an expression was found, with its groups. */
interface Match {
  readonly start: number;
  readonly end: number;
  readonly group: (which: number | string) => string;
}

function compile(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`this is no regular expression: ${why}`);
  }
}

/** All places, but for empty ones right behind another, which Go leaves out. */
function matches(expression: RE2JS, text: string, limit = -1): Match[] {
  const found: Match[] = [];
  const matcher = expression.matcher(text);
  const names: Readonly<Record<string, number>> = expression.namedGroups();
  let previous = -1;
  while ((limit < 0 || found.length < limit) && matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    if (start === end && start === previous) continue;
    previous = end;
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i));
    const group = (which: number | string): string => {
      const index = typeof which === "number" ? which : names[which];
      return index === undefined ? "" : groups[index] ?? "";
    };
    found.push({ start, end, group });
  }
  return found;
}

function replaceWith(text: string, found: readonly Match[], by: (match: Match) => string): string {
  let result = "";
  let at = 0;
  for (const match of found) {
    result += text.slice(at, match.start) + by(match);
    at = match.end;
  }
  return result + text.slice(at);
}

/** Puts groups in the place of `$1`, `${1}` and `$name`; `$$` is a dollar. */
function expand(template: string, { group }: Match): string {
  return template.replace(
    /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      if (name === undefined) return whole.slice(1);
      return group(/^\d+$/.test(name) ? Number(name) : name);
    },
  );
}

function split(expression: string, text: string, limit: number): GoList {
  if (limit === 0) return new GoList([], "string");
  if (expression !== "" && text === "") return new GoList([""], "string");
  const parts: string[] = [];
  let at = 0;
  let end = 0;
  for (const match of matches(compile(expression), text, limit)) {
    if (limit > 0 && parts.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(at, end));
    at = match.end;
  }
  if (end !== text.length) parts.push(text.slice(at));
  return new GoList(parts, "string");
}

function isMatch(expression: string, text: string): boolean {
  try {
    return compile(expression).matcher(text).find();
  } catch {
    // As sprig: what is no expression is found nowhere.
    return false;
  }
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/$/, "") : normal;
}

function base(path: string): string {
  if (path === "") return ".";
  const stripped = path.replace(/\/+$/, "");
  return stripped === "" ? "/" : stripped.slice(stripped.lastIndexOf("/") + 1);
}

const one = ["string"] as const;
const two = ["string", "string"] as const;
const three = ["string", "string", "string"] as const;

/** Functions of expressions and paths, by their names. */
export const regexFunctions: Functions = new Map([
  ["regexMatch", fixed(two, isMatch)],
  [
    "regexFind",
    fixed(two, (expression, text) => matches(compile(expression), text, 1)[0]?.group(0) ?? ""),
  ],
  [
    "regexFindAll",
    fixed(
      ["string", "string", "int"],
      (expression, text, limit) =>
        new GoList(
          matches(compile(expression), text, limit).map(({ group }) => group(0)),
          "string",
        ),
    ),
  ],
  [
    "regexReplaceAll",
    fixed(
      three,
      (expression, text, by) =>
        replaceWith(text, matches(compile(expression), text), (match) => expand(by, match)),
    ),
  ],
  [
    "regexReplaceAllLiteral",
    fixed(
      three,
      (expression, text, by) => replaceWith(text, matches(compile(expression), text), () => by),
    ),
  ],
  ["regexSplit", fixed(["string", "string", "int"], split)],
  ["base", fixed(one, base)],
  ["dir", fixed(one, (path) => clean(path.slice(0, path.lastIndexOf("/") + 1)))],
  ["clean", fixed(one, clean)],
  ["ext", fixed(one, (path) => /\.[^./]*$/.exec(path)?.[0] ?? "")],
  ["isAbs", fixed(one, (path) => path.startsWith("/"))],
]);
