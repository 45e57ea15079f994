/**
 * Finds comments, and decides whether one belongs to what stands above, beside or below it. The
 * rules are those of the YAML library that ko prints with; other ones would move comments.
 * @module
 */
import { type Cursor, isBlank, isBreak, isEnd, type Mark } from "./cursor.ts";
import type { Comment, Token } from "./token.ts";

/** How far ahead a comment is looked for, in characters. */
const REACH = 512;

/** What the rules depend on. */
export interface Surroundings {
  /** Column of the innermost collection, negative for none. */
  readonly indent: number;
  readonly inBrackets: boolean;
  /** The token before. */
  readonly before: Token;
  /** Where the search for the next token began. */
  readonly scanned: Mark;
}

/** Reads a comment in the rest of the line, if there is one; it belongs to the token at `index`. */
export function scanLineComment(cursor: Cursor, index: number): Comment | undefined {
  if (cursor.newlines > 0) return undefined;
  let blanks = 0;
  while (blanks < REACH && isBlank(cursor.at(blanks))) blanks++;
  if (blanks === REACH || cursor.at(blanks) !== "#") return undefined;
  cursor.skip(blanks);
  const { index: start, line, column } = cursor.mark();
  const text = readComment(cursor);
  const end = cursor.index;
  return { scanned: index, token: index, line, column, start, end, place: "line", text };
}

function readComment(cursor: Cursor): string {
  let end = cursor.index;
  while (!isEnd(cursor.text.charAt(end))) end++;
  return cursor.readTo(end);
}

/** Reads comments on lines of their own, from a `#` on, up to the token that follows them. */
export function scanComments(cursor: Cursor, around: Surroundings): readonly Comment[] {
  return new CommentScan(cursor, around).run();
}

class CommentScan {
  readonly #found: Comment[] = [];
  readonly #indent: number;
  /** The line where a comment has to start to be a foot of what stands before. */
  readonly #footLine: number;
  #scanned: number;
  #token: number;
  #text = "";
  #start: Mark = { index: 0, line: 0, column: 0 };
  #line: number;
  #column: number;

  constructor(readonly cursor: Cursor, readonly around: Surroundings) {
    const { line, column, newlines } = cursor;
    this.#indent = Math.max(around.indent, 0);
    this.#footLine = line - newlines + 1 + (newlines === 0 && column > 1 ? 1 : 0);
    this.#scanned = around.scanned.index;
    this.#token = around.before.index;
    this.#line = line;
    this.#column = column;
  }

  run(): readonly Comment[] {
    const { cursor, around } = this;
    let firstEmpty = cursor.newlines <= 1;
    let recentEmpty = false;
    let peek = 0;
    for (; peek < REACH; peek++) {
      this.#column++;
      const c = cursor.at(peek);
      if (isBlank(c)) continue;
      const closes = around.inBrackets && (c === "]" || c === "}");
      if (closes || isEnd(c)) {
        if (closes || !recentEmpty) this.#endOfBlock(peek, c, closes, firstEmpty);
        if (!isBreak(c)) break;
        firstEmpty = false;
        recentEmpty = true;
        this.#column = 1;
        this.#line++;
        continue;
      }
      const dedents = this.#column - 1 < this.#indent && this.#column !== this.#start.column;
      if (this.#text !== "" && dedents) this.#foot(peek);
      if (c !== "#") break;
      if (this.#text === "") this.#start = this.#here(peek);
      else this.#text += "\n";
      recentEmpty = false;
      this.#takeLine(peek);
      peek = 0;
    }
    if (this.#text !== "") {
      this.#add("head", this.#start.index, cursor.index + peek - 1);
    }
    return this.#found;
  }

  /** An empty line, or the end: what was read so far may belong to what stands before. */
  #endOfBlock(peek: number, c: string, closes: boolean, firstEmpty: boolean): void {
    const dedented = this.#start.column - 1 < this.#indent;
    const adjoins = this.#start.line === this.#footLine && this.around.before.type !== "value";
    if (closes || firstEmpty && (adjoins || dedented)) {
      if (this.#text === "") return;
      // Dedented, it has nothing to do with the token before.
      if (dedented) this.#token = this.#start.index;
      this.#foot(peek);
    } else if (this.#text !== "" && c !== "") {
      this.#text += "\n";
    }
  }

  #foot(peek: number): void {
    const end = this.cursor.index + peek;
    this.#add("foot", this.#token, end);
    this.#scanned = this.#token = end;
    this.#text = "";
  }

  #add(place: Comment["place"], token: number, end: number): void {
    const { index: start, line, column } = this.#start;
    const text = this.#text;
    this.#found.push({ scanned: this.#scanned, token, line, column, start, end, place, text });
  }

  #here(peek: number): Mark {
    return { index: this.cursor.index + peek, line: this.#line, column: this.#column };
  }

  /** Moves to a `#` ahead and reads its line. */
  #takeLine(peek: number): void {
    const { cursor } = this;
    const target = cursor.index + peek;
    while (cursor.index < target) {
      if (isBreak(cursor.at())) cursor.readBreak();
      else cursor.skip();
    }
    this.#text += readComment(cursor);
    this.#line = cursor.line;
    this.#column = 1;
  }
}
