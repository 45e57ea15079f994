/**
 * Globs as inputs, and paths that they match or do not match: the answers have to be those of a plain
 * matcher that tries everything.
 * @module
 */
import assert from "node:assert/strict";
import { compileGlob, escapeGlob } from "../../src/io/globs.ts";
import type { Dice } from "../support/dice.ts";
import { TEXTS } from "./mutate_tree.ts";
import { attempt, type FuzzBench, type FuzzTarget } from "./target.ts";

const PIECES = [
  ..."aaabbcd//-",
  ...["*", "*", "**", "/**/", "**/", "/**", "?", "[ab]", "[^a]", "[a-c]", "[^b-d]", "[\\-a]"],
  ...["{a,b}", "{", ",", "}", "{b/c,*}", "{**,d}", "\\*", "\\a", "[", "]", "\\", "\u{1f600}"],
];
const NAMES = [..."aabbcd-*", "\u{1f600}"];

/** What is fuzzed. */
export const GLOBS: FuzzTarget = {
  name: "globs",
  open(): FuzzBench {
    let glob = "";
    return {
      names: new Set(),
      make: (dice: Dice) => {
        glob = dice.chance(0.05) ? dice.pick(TEXTS) : "";
        for (let times = dice.below(8); times > 0; times--) glob += dice.pick(PIECES);
        if (dice.chance(0.02)) glob = dice.pick(["{", "[", "**/", "*a", "{a,"]).repeat(10_000);
      },
      check: (dice: Dice) => check(glob, dice),
      commands:
        () => [["deps", `--paths=${glob.replaceAll("\0", "").toWellFormed().slice(0, 9999)}`]],
    };
  },
};

async function check(glob: string, dice: Dice): Promise<string> {
  const compiled = await attempt(() => compileGlob(glob));
  if (compiled.value === undefined) return compiled.error?.code ?? "";
  const matches = compiled.value;
  assert.ok(compileGlob(escapeGlob(glob))(glob), "a glob that is escaped does not match itself");
  matches("a/".repeat(500));
  if (glob.length > 60) return "ok: long";
  const globs = choices(glob).map((one) => one.split("/"));
  let times = 0;
  for (let tries = 0; tries < 40; tries++) {
    const path = somePath(dice.pick(globs), dice);
    const expected = globs.some((names) => matchesPath(names, path.split("/")));
    if (expected) times++;
    assert.equal(matches(path), expected, `${JSON.stringify(glob)} and ${JSON.stringify(path)}`);
  }
  return `ok: ${times > 0 ? "matches" : "matches nothing"}`;
}

/** A path that the names of a glob may match, or nearly. */
function somePath(names: readonly string[], dice: Dice): string {
  const some = (most: number, one: () => string): string[] =>
    Array.from({ length: dice.below(most) }, one);
  const word = (): string => some(4, () => dice.pick(NAMES)).join("");
  return names.flatMap((name) => {
    if (dice.chance(0.1)) return [word()];
    if (name === "**") return some(3, word);
    return name.replaceAll(/\\(.)|\*+|\?|\[[^\]]*\]|\0/gu, (_, escaped) => escaped ?? word());
  }).join("/");
}

/** All globs without braces that a glob stands for. */
function choices(glob: string): readonly string[] {
  let at = 0;
  for (; at < glob.length && glob[at] !== "{"; at++) {
    if (glob[at] === "\\") at++;
    // A brace in brackets is a character.
    else if (glob[at] === "[") { while (glob[++at] !== "]") if (glob[at] === "\\") at++; }
  }
  if (at >= glob.length) return [glob];
  const parts = [""];
  let end = at + 1;
  for (let depth = 1; depth > 0; end++) {
    const piece = glob[end] === "\\" ? glob.slice(end, ++end + 1) : glob[end] ?? "";
    depth += piece === "{" ? 1 : piece === "}" ? -1 : 0;
    if (piece === "," && depth === 1) parts.push("");
    else if (depth > 0) parts.push(parts.pop() + piece);
  }
  // Two stars at the start of an alternative are one, which NUL stands for.
  return parts.flatMap((part) => choices(part.replace(/^\*\*+/, "\0") + glob.slice(end)))
    .map((rest) => glob.slice(0, at) + rest);
}

function matchesPath([first, ...names]: readonly string[], path: readonly string[]): boolean {
  if (first === undefined) return path.length === 0;
  if (first !== "**") {
    const [part, ...rest] = path;
    return part !== undefined && matchesName(first, part) && matchesPath(names, rest);
  }
  const least = names.length === 0 ? 1 : 0;
  return path.length >= least &&
    (names.length === 0 || path.some((_, i) => matchesPath(names, path.slice(i))) ||
      matchesPath(names, []));
}

function matchesName(name: string, text: string): boolean {
  const [, token = "", rest = ""] = /^(\\.|\[(?:\\.|[^\]\\])*\]|.)?(.*)$/su.exec(name) ?? [];
  const [, char, others = ""] = /^(.)?(.*)$/su.exec(text) ?? [];
  if (token === "") return text === "";
  if (token === "*" || token === "\0") {
    return matchesName(rest, text) || (char !== undefined && matchesName(name, others));
  }
  return char !== undefined && matchesChar(token, char) && matchesName(rest, others);
}

function matchesChar(token: string, char: string): boolean {
  if (token === "?" || token === char) return token !== "[";
  if (token.startsWith("\\")) return token.slice(1) === char;
  if (!token.startsWith("[")) return false;
  const not = token.startsWith("[^");
  const members = [...token.slice(not ? 2 : 1, -1).matchAll(/(\\?.)(?:-(\\?.))?/gsu)];
  const within = members.some(([, low = "", high = low]) => {
    const bounds = [low, high].map((one) => one.replace(/^\\(?=.)/su, "").codePointAt(0) ?? 0);
    const [from = 0, to = 0] = bounds;
    return from <= (char.codePointAt(0) ?? 0) && (char.codePointAt(0) ?? 0) <= to;
  });
  return within !== not;
}
