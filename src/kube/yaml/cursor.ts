/**
 * A place in a text that moves forward and knows its line and column. The end of the text reads as
 * the empty string.
 * @module
 */

/** Where something stands. */
export interface Mark {
  /** Code units before it. */
  readonly index: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** Whether a character ends a line. */
export function isBreak(c: string): boolean {
  return c === "\n" || c === "\r" || c === "\x85" || c === "\u2028" || c === "\u2029";
}

/** Whether a character is a space or a tab. */
export function isBlank(c: string): boolean {
  return c === " " || c === "\t";
}

/** Whether a character ends a line or the text. */
export function isEnd(c: string): boolean {
  return c === "" || isBreak(c);
}

/** Whether a character ends a word: a blank, or the end of the line or text. */
export function isGap(c: string): boolean {
  return c === "" || isBlank(c) || isBreak(c);
}

/** A letter, a digit, `_` or `-`. */
export function isWord(c: string): boolean {
  return /^[\w-]$/.test(c);
}

/** Reads a text character by character. */
export class Cursor {
  /** Code units read. */
  index = 0;
  /** From 1. */
  line = 1;
  /** From 1. */
  column = 1;
  /** Line breaks since the last character that is no blank. */
  newlines = 0;

  constructor(readonly text: string) {}

  /** The character so many places ahead. */
  at(ahead = 0): string {
    return this.text.charAt(this.index + ahead);
  }

  mark(): Mark {
    return { index: this.index, line: this.line, column: this.column };
  }

  /** Passes characters that are no line breaks. */
  skip(count = 1): void {
    for (let i = 0; i < count; i++) {
      if (!isBlank(this.at())) this.newlines = 0;
      this.index++;
      this.column++;
    }
  }

  /** Passes blanks, if any. */
  skipBlanks(): void {
    while (isBlank(this.at())) this.skip();
  }

  /** Passes everything to the end of the line. */
  skipRest(): void {
    while (!isEnd(this.at())) this.skip();
  }

  /** Passes a character and gives it. */
  read(): string {
    const c = this.at();
    this.skip();
    return c;
  }

  /** Passes everything up to an index in the same line, and gives it. */
  readTo(end: number): string {
    const found = this.text.slice(this.index, end);
    if (/[^ \t]/.test(found)) this.newlines = 0;
    this.column += end - this.index;
    this.index = end;
    return found;
  }

  /** Passes a line break and gives what it stands for in a scalar. */
  readBreak(): string {
    const c = this.at();
    if (!isBreak(c)) return "";
    this.index += c === "\r" && this.at(1) === "\n" ? 2 : 1;
    this.column = 1;
    this.line++;
    this.newlines++;
    return c === "\u2028" || c === "\u2029" ? c : "\n";
  }

  /** Whether `---` or `...` starts the line here. */
  atDocumentIndicator(): boolean {
    if (this.column !== 1) return false;
    const three = this.text.slice(this.index, this.index + 3);
    return (three === "---" || three === "...") && isGap(this.at(3));
  }
}
