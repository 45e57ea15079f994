/**
 * Text that is being written, and where its end stands: column, blank behind, indentation.
 * @module
 */

/** Lines are broken at the first blank after this column. */
export const WIDTH = 80;

/** Pieces of text that are put together at a time: many small ones take much more memory. */
const PIECES = 4096;

/** Takes text piece by piece. */
export class Writer {
  readonly #done: string[] = [];
  #pieces: string[] = [];
  /** Characters in the last line. */
  column = 0;
  /** Whether a blank, or nothing, stands before. */
  afterBlank = true;
  /** Whether only indentation and `-`, `?`, `:` stand in this line. */
  #indenting = true;
  /** Columns that lines start at; -1 before the root. */
  indent = -1;
  /** Indentation of the comment that the last line is the foot of; -1 for none. */
  footIndent = -1;

  /** What was written so far; begins anew. */
  take(): string {
    this.#gather();
    return this.#done.splice(0).join("");
  }

  #gather(): void {
    this.#done.push(this.#pieces.join(""));
    this.#pieces = [];
  }

  #add(text: string): void {
    this.#pieces.push(text);
    if (this.#pieces.length >= PIECES) this.#gather();
  }

  /** Adds characters of one line. */
  put(text: string): void {
    this.#add(text);
    // What lies beyond the basic plane is one character.
    this.column += text.length - (text.match(/[\ud800-\udbff]/g)?.length ?? 0);
  }

  /** Adds characters that are no indentation. */
  write(text: string): void {
    if (text === "") return;
    this.put(text);
    this.#indenting = false;
  }

  /** Ends the line. */
  break(as = "\n"): void {
    this.#add(as);
    this.column = 0;
    this.#indenting = true;
  }

  /** Goes to where the next line starts. */
  startLine(): void {
    const indent = Math.max(this.indent, 0);
    const { column } = this;
    if (!this.#indenting || column > indent || column === indent && !this.afterBlank) this.break();
    if (this.footIndent === indent) this.break();
    if (this.column < indent) this.put(" ".repeat(indent - this.column));
    this.afterBlank = true;
    this.footIndent = -1;
  }

  /** Writes `-`, `?` or `:` as part of the indentation. */
  indenter(sign: string): void {
    if (!this.afterBlank) this.put(" ");
    this.put(sign);
    this.afterBlank = false;
  }

  /** Writes signs with a blank before. */
  sign(text: string): void {
    if (!this.afterBlank) this.put(" ");
    this.closer(text);
  }

  /** Writes signs right behind what stands there. */
  closer(text: string): void {
    this.put(text);
    this.afterBlank = false;
    this.#indenting = false;
  }

  /** Writes an opening bracket: what follows needs no blank. */
  opener(text: string): void {
    this.sign(text);
    this.afterBlank = true;
  }

  /** Ends a piece of text. */
  endText(): void {
    this.afterBlank = false;
    this.#indenting = false;
  }

  /** Writes lines of a comment. */
  comment(text: string): void {
    let first = true;
    for (const line of text.split("\n")) {
      if (!first) this.break();
      if (line !== "") {
        if (!first) this.startLine();
        this.write(line.startsWith("#") ? line : `# ${line}`);
      }
      first = false;
    }
    if (!text.endsWith("\n")) this.break();
    this.afterBlank = true;
  }
}
