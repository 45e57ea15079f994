/**
 * In which styles a scalar may be written. The answers are those of the YAML library that ko prints
 * with: they decide what gets quotes.
 * @module
 */
import { isBlank, isBreak, isGap } from "./cursor.ts";
import type { YamlNode } from "./node.ts";

/** What a value allows. */
export interface Allowed {
  readonly multiline: boolean;
  readonly plain: boolean;
  /** Plain within brackets. */
  readonly flowPlain: boolean;
  readonly single: boolean;
  /** Literal or folded. */
  readonly block: boolean;
}

const EVERYTHING: Allowed = {
  multiline: false,
  plain: true,
  flowPlain: true,
  single: true,
  block: true,
};
const EMPTY: Allowed = { ...EVERYTHING, flowPlain: false, block: false };

/** Values that need no closer look: nothing in them means anything to YAML. */
const SIMPLE = /^[\w/.][\w/.\-@=+$~;()]*$/;

/** Whether a character can be written as it is. */
export function isPrintable(code: number): boolean {
  if (code < 0x7f) return code >= 0x20 || code === 0x0a;
  return code >= 0xa0 && code <= 0xfffd && code !== 0xfeff && (code < 0xd800 || code > 0xdfff);
}

/** Looks at a value. */
export function analyze(value: string): Allowed {
  if (value === "") return EMPTY;
  if (SIMPLE.test(value) && !value.startsWith("...")) return EVERYTHING;
  let plainUnsafe = /^(?:---|\.\.\.)/.test(value);
  let flowUnsafe = plainUnsafe;
  let special = false;
  let tab = false;
  let breaks = false;
  let spaceBreak = false;
  let breakSpace = false;
  let before = " ";
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    const next = value.charAt(i + 1);
    const alone = next === "" || isBlank(next);
    if (i === 0 ? "#,[]{}&*!|>'\"%@`".includes(c) : c === "#" && isGap(before)) {
      plainUnsafe = flowUnsafe = true;
    }
    if (i > 0 ? ",?[]{}:".includes(c) : c === "?" || c === ":") flowUnsafe = true;
    if (alone && (c === ":" || i === 0 && (c === "?" || c === "-"))) {
      plainUnsafe = flowUnsafe = true;
    }
    if (c === "\t") tab = true;
    else if (!isPrintable(c.charCodeAt(0))) special = true;
    if (c === " " && i > 0 && isBreak(before)) breakSpace = true;
    if (isBreak(c)) {
      breaks = true;
      if (i > 0 && before === " ") spaceBreak = true;
    }
    before = c;
  }
  const first = value.charAt(0);
  const last = value.charAt(value.length - 1);
  const edges = first === " " || isBreak(first) || last === " " || isBreak(last);
  const single = !(breakSpace || spaceBreak || tab || special);
  return {
    multiline: breaks,
    plain: !plainUnsafe && !edges && !breaks && single,
    flowPlain: !flowUnsafe && !edges && !breaks && single,
    single,
    block: last !== " " && !spaceBreak && !special,
  };
}

/** How a scalar is to be written, before its place is known. */
export function wantedStyle({ style, value }: YamlNode): YamlNode["style"] {
  return style === "plain" && value.includes("\n") ? "literal" : style;
}
