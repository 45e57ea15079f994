/**
 * Comments on their way from nodes to the text: an order of its own, for what stands below a key is
 * printed below its value.
 * @module
 */
import { beside, type YamlNode } from "./node.ts";
import type { Writer } from "./writer.ts";

/** What comes behind a node on its line. */
export type After = "nothing" | "comments" | "comma";

/** Comments that were passed and not printed yet. */
export class PendingComments {
  /** Above the next node. */
  head = "";
  /** At the end of the line. */
  line = "";
  /** Below what is printed now. */
  foot = "";
  /** Below the value of the key before. */
  tail = "";
  /** Behind a key whose value is below it. */
  #keyLine = "";
  readonly #to: Writer;

  constructor(to: Writer) {
    this.#to = to;
  }

  /** Takes up the comments of a node; those of a collection's end come with its end. */
  begin(node: YamlNode, tail = ""): void {
    if (node.head !== "") this.head = node.head;
    if (tail !== "") this.tail = tail;
    if (node.kind === "scalar" || node.kind === "alias") this.end(node);
  }

  /** Takes up the comments of a node's end. */
  end({ line, foot }: YamlNode): void {
    if (line !== "") this.line = line;
    if (foot !== "") this.foot = foot;
  }

  /** Prints what stands above the next node. */
  printHead(): void {
    const to = this.#to;
    if (this.tail !== "") {
      to.startLine();
      to.comment(this.tail);
      this.tail = "";
      to.footIndent = Math.max(to.indent, 0);
    }
    if (this.head === "") return;
    to.startLine();
    to.comment(this.head);
    this.head = "";
  }

  /** Prints what stands at the end of the line. */
  printLine(): void {
    if (this.line === "") return;
    if (!this.#to.afterBlank) this.#to.put(" ");
    this.#to.comment(this.line);
    this.line = "";
  }

  /** Prints what stands below. */
  printFoot(): void {
    if (this.foot === "") return;
    const to = this.#to;
    to.startLine();
    to.comment(this.foot);
    this.foot = "";
    to.footIndent = Math.max(to.indent, 0);
  }

  /** Whether comments follow what is printed now. */
  get follow(): boolean {
    return this.line !== "" || this.foot !== "" || this.tail !== "";
  }

  /** What comes behind a node on its line. */
  after(after: After): void {
    if (after === "nothing") return;
    if (after === "comma" && this.follow) this.#to.closer(",");
    this.printLine();
    this.printFoot();
  }

  /** A comment behind a key goes to its value, or stands before the lines of it. */
  placeKeyLine({ kind, style }: YamlNode): void {
    if (this.#keyLine === "") return;
    if (kind === "scalar" || kind === "alias") {
      this.besideKey();
    } else if (style !== "flow") {
      const own = this.line;
      this.line = this.#keyLine;
      this.printLine();
      this.#keyLine = "";
      this.line = own;
    }
  }

  /** Notes a comment behind a key till its value is known. */
  keepKeyLine(): void {
    if (this.line === "") return;
    this.#keyLine = this.line;
    this.line = "";
  }

  /** Puts the comment of the key before first, which ko drops or gives to another key. */
  besideKey(): void {
    this.line = beside(this.#keyLine, this.line);
    this.#keyLine = "";
  }
}
