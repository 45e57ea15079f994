/**
 * Reads what has a name: anchors, aliases, tags and directives.
 * @module
 */
import { type Cursor, isEnd, isGap, isWord } from "./cursor.ts";
import { yamlError } from "./failure.ts";
import { type Token, token } from "./token.ts";

/** Reads `&name` or `*name`; gives the name. */
export function scanName(cursor: Cursor): string {
  const start = cursor.mark();
  cursor.skip();
  let name = "";
  while (/^[\x21-\x7e]$/.test(cursor.at()) && !":[]{},".includes(cursor.at())) {
    name += cursor.read();
  }
  const c = cursor.at();
  if (name === "" || !isGap(c) && !"?:,]}%@`".includes(c)) {
    throw yamlError("the name of an anchor or alias is letters, digits and dashes", start);
  }
  return name;
}

/** Reads `!handle`, with both marks of exclamation where it has two. */
function scanHandle(cursor: Cursor): string {
  if (cursor.at() !== "!") throw yamlError('a tag starts with "!"', cursor);
  let handle = cursor.read();
  while (isWord(cursor.at())) handle += cursor.read();
  if (cursor.at() === "!") handle += cursor.read();
  return handle;
}

function scanUri(cursor: Cursor, verbatim: boolean): string {
  const allowed = verbatim ? /^[\w\-;/?:@&=+$.!~*'()%,[\]{}]$/ : /^[\w\-;/?:@&=+$.!~*'()%]$/;
  const start = cursor.index;
  while (allowed.test(cursor.at())) cursor.skip();
  const uri = cursor.text.slice(start, cursor.index);
  try {
    return decodeURIComponent(uri);
  } catch {
    throw yamlError(`"${uri}" is no URI`, cursor);
  }
}

/** Reads a tag: its handle (`!`, `!!`, `!name!`, or "" for a whole one) and the rest. */
export function scanTag(cursor: Cursor): Token {
  const start = token("tag", cursor.mark());
  let value = "";
  let suffix = "";
  if (cursor.at(1) === "<") {
    cursor.skip(2);
    suffix = scanUri(cursor, true);
    if (suffix === "" || cursor.at() !== ">") throw yamlError('a tag has no ">"', cursor);
    cursor.skip();
  } else {
    value = scanHandle(cursor);
    if (value.length > 1 && value.endsWith("!")) {
      suffix = scanUri(cursor, false);
      if (suffix === "") throw yamlError("a tag has no name", cursor);
    } else {
      suffix = value.slice(1) + scanUri(cursor, false);
      value = "!";
      if (suffix === "") [value, suffix] = ["", "!"];
    }
  }
  if (!isGap(cursor.at())) {
    throw yamlError(`a tag cannot hold "${cursor.at()}"`, cursor);
  }
  return { ...start, value, suffix };
}

/** Reads `%YAML 1.1` or `%TAG !handle! prefix` with the rest of its line. */
export function scanDirective(cursor: Cursor): Token {
  const mark = cursor.mark();
  cursor.skip();
  let name = "";
  while (isWord(cursor.at())) name += cursor.read();
  cursor.skipBlanks();
  let found = token("version", mark);
  if (name === "YAML") {
    let version = "";
    while (/^[\d.]$/.test(cursor.at())) version += cursor.read();
    if (version !== "1.1") throw yamlError(`YAML "${version}" is not known here`, mark);
  } else if (name === "TAG") {
    const value = scanHandle(cursor);
    cursor.skipBlanks();
    const suffix = scanUri(cursor, true);
    if (suffix === "" || !value.endsWith("!")) throw yamlError("%TAG has no prefix", mark);
    found = { ...token("tag-directive", mark), value, suffix };
  } else {
    throw yamlError(`directive "%${name}" is not known`, mark);
  }
  cursor.skipBlanks();
  if (cursor.at() === "#") cursor.skipRest();
  if (!isEnd(cursor.at())) throw yamlError("a directive goes on too long", cursor);
  cursor.readBreak();
  return found;
}
