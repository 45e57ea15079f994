/**
 * Prints trees as text, byte for byte as the YAML library of ko 0.19 prints them: two spaces a
 * level, items of a sequence in a mapping indented, comments where their nodes are.
 * @module
 */
import { type Allowed, analyze, wantedStyle } from "./analyze.ts";
import type { Style, YamlNode } from "./node.ts";
import { type After, PendingComments } from "./pending_comments.ts";
import { writeScalar } from "./write_scalar.ts";
import { WIDTH, Writer } from "./writer.ts";

/** A longer key cannot stand before a `:`; in bytes. */
const MAX_KEY = 128;

/** Prints documents with `---` between. */
export function printDocuments(documents: Iterable<YamlNode>): string {
  const printer = new Printer();
  let text = "";
  for (const document of documents) text += printer.document(document);
  return text;
}

/** What stands around a node. */
interface Place {
  readonly root?: boolean;
  /** Whether it is a key before a `:`. */
  readonly simpleKey?: boolean;
  /** What comes behind it on its line. */
  readonly after: After;
}

class Printer {
  readonly #to = new Writer();
  #first = true;
  #flowLevel = 0;
  readonly #comments = new PendingComments(this.#to);

  document({ head, foot, content }: YamlNode): string {
    const to = this.#to;
    to.indent = -1;
    if (!this.#first) {
      to.startLine();
      to.sign("---");
      to.startLine();
    }
    this.#first = false;
    if (head !== "") this.#comments.head = head;
    if (this.#comments.head !== "") {
      this.#comments.printHead();
      to.break();
    }
    for (const root of content) {
      this.#comments.begin(root);
      this.#comments.printHead();
      this.#node(root, { root: true, after: "comments" });
    }
    if (foot !== "") this.#comments.foot = foot;
    // An empty line stands before the last comment.
    to.footIndent = 0;
    this.#comments.printFoot();
    to.footIndent = -1;
    to.startLine();
    return to.take();
  }

  #node(node: YamlNode, place: Place): void {
    const to = this.#to;
    if (node.kind === "alias") {
      to.sign(`*${node.value}`);
      return this.#comments.after(place.after);
    }
    if (node.anchor !== "") to.sign(`&${node.anchor}`);
    if (node.tag !== "") to.sign(printTag(node.tag));
    if (node.kind === "scalar") {
      this.#scalar(node, place);
      return this.#comments.after(place.after);
    }
    const flow = this.#flowLevel > 0 || node.style === "flow" || node.content.length === 0;
    this.#comments.after(place.after);
    const { indent } = to;
    to.indent = indent < 0 ? flow ? 2 : 0 : indent + 2;
    if (node.kind === "sequence") {
      if (flow) this.#flowSequence(node, indent);
      else this.#blockSequence(node);
    } else if (flow) this.#flowMapping(node, indent);
    else this.#blockMapping(node);
    to.indent = indent;
  }

  #scalar(node: YamlNode, { simpleKey = false }: Place): void {
    const to = this.#to;
    // Where nothing is printed for null, ko prints an empty string: another value.
    const unseen = (this.#flowLevel > 0 || simpleKey) && node.style === "plain" &&
      node.value === "" && node.tag === "";
    const value = unseen ? "null" : node.value;
    const allowed = analyze(value);
    const style = this.#style({ ...node, value }, allowed, simpleKey);
    const { indent } = to;
    to.indent = indent < 0 ? 2 : indent + 2;
    writeScalar(to, value, style, !simpleKey, () => {
      if (this.#comments.line === "") to.break();
      else this.#comments.printLine();
    });
    to.indent = indent;
  }

  #style(node: YamlNode, allowed: Allowed, simpleKey: boolean): Style {
    const flow = this.#flowLevel > 0;
    let style = wantedStyle(node);
    if (simpleKey && allowed.multiline) style = "double";
    if (style === "plain") {
      const possible = flow ? allowed.flowPlain : allowed.plain;
      if (!possible || node.value === "" && (flow || simpleKey)) style = "single";
    }
    if (style === "single" && !allowed.single) return "double";
    const block = style === "literal" || style === "folded";
    return block && (!allowed.block || flow || simpleKey) ? "double" : style;
  }

  #blockSequence(node: YamlNode): void {
    const to = this.#to;
    for (const item of node.content) {
      this.#comments.begin(item);
      this.#comments.printHead();
      to.startLine();
      to.indenter("-");
      this.#node(item, { after: "comments" });
    }
    this.#comments.end(node);
  }

  #blockMapping(node: YamlNode): void {
    const to = this.#to;
    let tail = "";
    for (let i = 0; i < node.content.length; i += 2) {
      const key = node.content[i];
      const value = node.content[i + 1];
      if (key === undefined || value === undefined) continue;
      // The comment below a key comes below its value, which may be long.
      this.#comments.begin({ ...key, foot: "" }, tail);
      tail = key.foot;
      this.#comments.printHead();
      to.startLine();
      this.#comments.keepKeyLine();
      if (isSimpleKey(key)) {
        this.#node(key, { simpleKey: true, after: "nothing" });
        if (key.kind === "alias") to.put(" ");
        this.#comments.begin(value);
        to.closer(":");
      } else {
        to.indenter("?");
        this.#node(key, { after: "nothing" });
        this.#comments.begin(value);
        to.startLine();
        to.indenter(":");
      }
      this.#comments.placeKeyLine(value);
      this.#node(value, { after: "comments" });
    }
    if (tail !== "") this.#comments.tail = tail;
    this.#comments.end(node);
    this.#comments.printHead();
  }

  #endFlow(node: YamlNode): void {
    this.#comments.end(node);
    this.#flowLevel--;
    if (this.#flowLevel === 0) this.#comments.besideKey();
  }

  #flowSequence(node: YamlNode, outer: number): void {
    const to = this.#to;
    to.opener("[");
    this.#flowLevel++;
    let comma = false;
    for (const item of node.content) {
      this.#comments.begin(item);
      if (comma) to.closer(",");
      this.#comments.printHead();
      this.#breakFlow();
      comma = !this.#comments.follow;
      this.#node(item, { after: "comma" });
    }
    this.#endFlow(node);
    to.indent = outer;
    if (to.column === 0) to.startLine();
    to.closer("]");
    this.#comments.printLine();
    this.#comments.printFoot();
  }

  #breakFlow(): void {
    const to = this.#to;
    if (to.column === 0) to.startLine();
    if (to.column > WIDTH) to.startLine();
  }

  #flowMapping(node: YamlNode, outer: number): void {
    const to = this.#to;
    to.opener("{");
    this.#flowLevel++;
    let comma = false;
    let tail = "";
    for (let i = 0; i < node.content.length; i += 2) {
      const key = node.content[i];
      const value = node.content[i + 1];
      if (key === undefined || value === undefined) continue;
      this.#comments.begin({ ...key, foot: "" }, tail);
      tail = key.foot;
      if (comma) to.closer(",");
      this.#comments.printHead();
      this.#breakFlow();
      if (isSimpleKey(key)) {
        this.#node(key, { simpleKey: true, after: "nothing" });
        this.#comments.begin(value);
        to.closer(":");
      } else {
        to.sign("?");
        this.#node(key, { after: "nothing" });
        this.#comments.begin(value);
        if (to.column > WIDTH) to.startLine();
        to.sign(":");
      }
      comma = !this.#comments.follow;
      this.#node(value, { after: "comma" });
    }
    if (tail !== "") this.#comments.tail = tail;
    this.#endFlow(node);
    const left = this.#comments.head !== "" || this.#comments.foot !== "" ||
      this.#comments.tail !== "";
    if (left && comma) to.closer(",");
    this.#comments.printHead();
    to.indent = outer;
    to.closer("}");
    this.#comments.printLine();
    this.#comments.printFoot();
  }
}

/** Whether a node can stand before a `:` on its line. */
function isSimpleKey({ kind, value, content, anchor, tag }: YamlNode): boolean {
  if (kind === "alias") return value.length <= MAX_KEY;
  if (kind === "scalar" && /[\n\r\x85\u2028\u2029]/.test(value)) return false;
  if (kind !== "scalar" && content.length > 0) return false;
  const length = anchor.length + value.length + tag.length;
  if (length > MAX_KEY || length * 3 <= MAX_KEY) return length <= MAX_KEY;
  return length - value.length + new TextEncoder().encode(value).length <= MAX_KEY;
}

function printTag(tag: string): string {
  const encoded = encodeURI(tag).replaceAll("#", "%23");
  return encoded.startsWith("!") ? encoded : `!<${encoded}>`;
}
