/**
 * What to run instead where an archive is compressed in a way that kodeno does not undo.
 * @module
 */
import { resolve } from "node:path";
import type { KodenoError } from "../errors.ts";

/** How an archive is named: its path, or as `copy` does, with the name of an image or without one. */
const FORMS = [/^()(.+)()$/s, /^(archive:)(.+)()$/s, /^(archive:)([^:@]+)(.+)$/s];
/** What a shell made of `<(...)`. */
const SUBSTITUTED = /^\/(?:dev|proc\/self)\/fd\//;

/** `, or "zstd -dc FILE | kodeno load -"`; nothing where an error is another one. */
export function readInstead({ detail }: KodenoError, args: readonly string[]): string {
  const { archive, compression } = detail;
  if (typeof archive !== "string" || typeof compression !== "string") return "";
  let file = "";
  const words = args.map((word, i) => {
    // A base image is not read from stdin.
    if (args[i - 1] === "--base-image") return shellWord(word);
    const found = FORMS.map((form) => form.exec(word) ?? []).find(([, , path]) =>
      path !== undefined && [path, resolve(path)].includes(archive)
    );
    if (found === undefined) return shellWord(word);
    const [, before = "", path = "", after = ""] = found;
    file = SUBSTITUTED.test(path) ? "" : ` ${shellWord(path)}`;
    return shellWord(`${before}-${after}`);
  });
  if (archive !== "stdin" && words.every((word, i) => word === shellWord(args[i] ?? ""))) return "";
  return `, or "${compression} -dc${file} | kodeno ${words.join(" ")}"`;
}

/** A word for a shell, quoted where it has to be. */
function shellWord(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
