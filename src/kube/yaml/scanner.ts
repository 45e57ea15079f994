/**
 * Cuts a YAML text into tokens, on demand, two tokens ahead: a comment below something is known
 * before that is passed on. Accepts what the YAML library that ko reads with accepts.
 * @module
 */
import { Cursor, isBlank, isBreak, isGap, type Mark } from "./cursor.ts";
import { yamlError } from "./failure.ts";
import { PossibleKeys } from "./possible_keys.ts";
import { scanBlock } from "./scan_block.ts";
import { scanComments, scanLineComment } from "./scan_comments.ts";
import { scanDirective, scanName, scanTag } from "./scan_names.ts";
import { scanPlain, scanQuoted } from "./scan_flow.ts";
import { type Comment, type Token, token, type TokenType } from "./token.ts";
import { TokenQueue } from "./token_queue.ts";

/** How deep collections may lie in each other. */
const MAX_DEPTH = 1000;
/** Most tokens of a text; real ones have one for some ten characters. */
const MAX_TOKENS = 750_000;

const BRACKETS: Readonly<Record<string, TokenType>> = {
  "[": "flow-sequence-start",
  "{": "flow-mapping-start",
  "]": "flow-sequence-end",
  "}": "flow-mapping-end",
};

/** Gives the tokens of a text. */
export class Scanner {
  /** Comments that were read, in the order of the text; those that found a node are emptied. */
  readonly comments: Comment[] = [];
  readonly #cursor: Cursor;
  readonly #tokens = new TokenQueue();
  #ready = false;
  #indent = -1;
  readonly #indents: number[] = [];
  #flowLevel = 0;
  #keyAllowed = true;
  readonly #keys = new PossibleKeys();

  constructor(text: string) {
    this.#cursor = new Cursor(text);
    this.#tokens.add(token("stream-start", this.#cursor.mark()));
  }

  /** The next token; stays where it is. */
  peek(): Token {
    if (!this.#ready) this.#fetchEnough();
    this.#ready = true;
    const { next } = this.#tokens;
    if (next === undefined) throw yamlError("the text ends too early", this.#cursor);
    return next;
  }

  /** Passes the next token. */
  skip(): void {
    this.#ready = false;
    this.#tokens.pass();
  }

  #fetchEnough(): void {
    for (;;) {
      const enough = this.#tokens.waiting > 2;
      if (enough && !this.#keys.isOpen(this.#tokens.passed, this.#cursor)) return;
      if (this.#tokens.count > MAX_TOKENS) {
        throw yamlError(`over ${MAX_TOKENS} keys, values and signs; split the file`, this.#cursor);
      }
      if (this.#tokens.last()?.type === "stream-end") return;
      this.#fetch();
    }
  }

  #fetch(): void {
    const cursor = this.#cursor;
    const scanned = cursor.mark();
    this.#toNextToken(scanned);
    this.#unroll(cursor.column, scanned);
    const c = cursor.at();
    if (c === "") {
      this.#endDocument();
      return this.#tokens.add(token("stream-end", cursor.mark()));
    }
    if (cursor.column === 1 && c === "%") {
      this.#endDocument();
      return this.#tokens.add(scanDirective(cursor));
    }
    if (cursor.atDocumentIndicator()) {
      this.#endDocument();
      return this.#indicator(c === "-" ? "document-start" : "document-end", 3);
    }
    // What follows a ":" or "," on its line belongs to what stands before it.
    const back = this.#flowLevel === 0 ? c === ":" : c === ",";
    const owner = back ? this.#tokens.last()?.index ?? cursor.index : cursor.index;
    this.#fetchToken(c);
    // A "-" alone has no comment of its own: it goes to what follows.
    if (this.#tokens.last()?.type !== "item") this.#lineComment(owner);
  }

  #lineComment(owner: number): void {
    const comment = scanLineComment(this.#cursor, owner);
    if (comment !== undefined) this.comments.push(comment);
  }

  #fetchToken(c: string): void {
    const next = this.#cursor.at(1);
    const bracket = BRACKETS[c];
    if (bracket !== undefined) return this.#bracket(c, bracket);
    if (c === ",") {
      this.#keys.drop();
      this.#keyAllowed = true;
      return this.#indicator("comma");
    }
    if (c === "-" && isGap(next)) return this.#item();
    if (c === "?" && isGap(next)) return this.#explicitKey();
    const before = this.#tokens.last()?.type;
    const afterComma = before === "comma" || before === "flow-sequence-start";
    if (c === ":" && (isGap(next) || this.#flowLevel > 0 && !afterComma)) return this.#value();
    const mark = this.#cursor.mark();
    if (c === "\t") throw yamlError("a tab cannot start a value; use spaces", mark);
    if ((c === "|" || c === ">") && this.#flowLevel === 0) {
      this.#keys.drop();
      this.#keyAllowed = true;
      const value = scanBlock(this.#cursor, this.#indent, () => this.#lineComment(mark.index));
      const style = c === "|" ? "literal" : "folded";
      return this.#tokens.add({ ...token("scalar", mark), value, style });
    }
    const plain = !"-?:,[]{}#&*!|>'\"%@`".includes(c) || c === "-" && !isBlank(next) ||
      (c === "?" || c === ":") && !isGap(next);
    if (!plain && !"*&!'\"".includes(c)) throw yamlError(`"${c}" cannot start a value`, mark);
    this.#maybeKey();
    this.#keyAllowed = false;
    if (c === "*" || c === "&") {
      const value = scanName(this.#cursor);
      this.#tokens.add({ ...token(c === "*" ? "alias" : "anchor", mark), value });
    } else if (c === "!") {
      this.#tokens.add(scanTag(this.#cursor));
    } else if (c === "'" || c === '"') {
      const value = scanQuoted(this.#cursor);
      this.#tokens.add({ ...token("scalar", mark), value, style: c === "'" ? "single" : "double" });
    } else {
      const { value, breaks } = scanPlain(this.#cursor, this.#indent + 1, this.#flowLevel > 0);
      this.#tokens.add({ ...token("scalar", mark), value });
      if (breaks) this.#keyAllowed = true;
    }
  }

  #indicator(type: TokenType, length = 1): void {
    const mark = this.#cursor.mark();
    this.#cursor.skip(length);
    this.#tokens.add(token(type, mark));
  }

  #bracket(c: string, type: TokenType): void {
    if (c === "[" || c === "{") {
      this.#maybeKey();
      this.#flowLevel++;
      this.#checkDepth(this.#flowLevel);
      this.#keys.open();
      this.#keyAllowed = true;
    } else {
      this.#keys.drop();
      if (this.#flowLevel > 0) {
        this.#flowLevel--;
        this.#keys.close(this.#flowLevel);
      }
      this.#keyAllowed = false;
    }
    this.#indicator(type);
  }

  #item(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) throw yamlError('a "-" cannot start an item here', this.#cursor);
      this.#roll("sequence-start", this.#cursor.mark());
    }
    this.#keys.drop();
    this.#keyAllowed = true;
    this.#indicator("item");
  }

  #explicitKey(): void {
    if (this.#flowLevel === 0) {
      if (!this.#keyAllowed) throw yamlError("a key cannot start here", this.#cursor);
      this.#roll("mapping-start", this.#cursor.mark());
    }
    this.#keys.drop();
    this.#keyAllowed = this.#flowLevel === 0;
    this.#indicator("key");
  }

  #value(): void {
    const key = this.#keys.end(this.#cursor);
    if (key !== undefined) {
      this.#tokens.insert(key.number, token("key", key));
      this.#roll("mapping-start", key, key.number);
      this.#keyAllowed = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#keyAllowed) throw yamlError('a ":" cannot follow this', this.#cursor);
        this.#roll("mapping-start", this.#cursor.mark());
      }
      this.#keyAllowed = this.#flowLevel === 0;
    }
    this.#indicator("value");
  }

  /** Notes that a key may begin here. */
  #maybeKey(): void {
    if (!this.#keyAllowed) return;
    const required = this.#flowLevel === 0 && this.#indent === this.#cursor.column;
    const number = this.#tokens.count;
    this.#keys.begin({ ...this.#cursor.mark(), required, flowLevel: this.#flowLevel, number });
  }

  /** Begins a block collection where something stands further right than the one it is in. */
  #roll(type: TokenType, mark: Mark, number?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= mark.column) return;
    this.#indents.push(this.#indent);
    this.#indent = mark.column;
    this.#checkDepth(this.#indents.length);
    if (number === undefined) this.#tokens.add(token(type, mark));
    else this.#tokens.insert(number, token(type, mark));
  }

  #checkDepth(depth: number): void {
    if (depth > MAX_DEPTH) throw yamlError(`nested deeper than ${MAX_DEPTH}`, this.#cursor);
  }

  /** Ends block collections that stand further right than a column. */
  #unroll(column: number, scanned: Mark): void {
    if (this.#flowLevel > 0) return;
    let { index } = scanned;
    index--;
    while (this.#indent > column) {
      // A collection ends before comments that belong to one it is in.
      let stop = index;
      for (let i = this.comments.length - 1; i >= 0; i--) {
        const comment = this.comments[i];
        if (comment === undefined || comment.end < stop) break;
        if (comment.column === this.#indent + 1) index = comment.start;
        stop = comment.scanned;
      }
      this.#tokens.add(token("block-end", { ...scanned, index }));
      this.#indent = this.#indents.pop() ?? -1;
    }
  }

  #endDocument(): void {
    this.#unroll(-1, this.#cursor.mark());
    this.#keys.drop();
    this.#keyAllowed = false;
  }

  #toNextToken(scanned: Mark): void {
    const cursor = this.#cursor;
    for (;;) {
      if (cursor.column === 1 && cursor.at() === "\ufeff") cursor.skip();
      const tabs = this.#flowLevel > 0 || !this.#keyAllowed;
      while (cursor.at() === " " || tabs && cursor.at() === "\t") cursor.skip();
      this.#raiseComment();
      if (cursor.at() === "#") {
        const before = this.#tokens.last()?.type === "comma"
          ? this.#tokens.last(2)
          : this.#tokens.last();
        if (before === undefined) throw new Error("a text starts with a token");
        const inBrackets = this.#flowLevel > 0;
        const around = { indent: this.#indent, inBrackets, before, scanned };
        this.comments.push(...scanComments(cursor, around));
      }
      if (!isBreak(cursor.at())) return;
      cursor.readBreak();
      if (this.#flowLevel === 0) this.#keyAllowed = true;
    }
  }

  /** A comment right behind the first "-" of a sequence stands above its first item. */
  #raiseComment(): void {
    const comment = this.comments.at(-1);
    if (comment === undefined || comment.place !== "line" || comment.text === "") return;
    if (this.#tokens.last()?.type !== "item" || this.#tokens.last(2)?.type !== "sequence-start") {
      return;
    }
    if (isBreak(this.#cursor.at())) return;
    comment.place = "head";
    if (comment.line === this.#cursor.line - 1) comment.token = this.#cursor.index;
  }
}
