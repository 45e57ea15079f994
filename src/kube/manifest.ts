/**
 * A file of Kubernetes objects: which Go packages it names as `ko://` references, and how it reads
 * with images in their stead. Pure.
 *
 * The text is not printed anew from what was parsed: images are put where the references stand, and
 * what a selector leaves out is cut out, so every other byte stays as the user wrote it.
 * @module
 */
import { koPath } from "../config/checks.ts";
import {
  composeYaml,
  explainYamlErrors,
  type YamlBounds,
  YamlFailure,
} from "../config/yaml/document.ts";
import { Places } from "../config/yaml/faults.ts";
import { KodenoError } from "../errors.ts";
import { type Document, isScalar, type Node, type Scalar, visit } from "../npm/yaml.ts";
import { uninterruptible } from "../signals.ts";
import { type Range, takeOut } from "./filter.ts";
import type { Selector } from "./selector.ts";

/** Real files have some hundred documents of some hundred lines. */
const BOUNDS: YamlBounds = {
  pieces: 750_000,
  documentPieces: 350_000,
  documents: 10_000,
  lines: 300_000,
  advice: "split the file",
};
/** What cannot stand in YAML: control characters, and halves of characters. */
const FOREIGN = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** Tags of text, beside none. */
const TEXT_TAGS: readonly (string | undefined)[] = [undefined, "!", "tag:yaml.org,2002:str"];

/**
 * A `ko://` reference: an import path, or a folder from the current one, without the scheme, and the
 * line where it stands, from 1.
 */
export interface KoReference {
  readonly importPath: string;
  readonly file: string;
  readonly line: number;
}

/** A file that was read. */
export interface KubeManifest {
  readonly file: string;
  /** In the order of the text; each as often as it stands there. */
  readonly references: readonly KoReference[];
  /** What each document names first, of those that name something. */
  readonly heads: readonly string[];
  /** The file with those documents alone that are chosen by all that they name, in their order. */
  only(takes: TakesDocument): KubeManifest;
  /** The text with the images of import paths for references; other bytes are the user's. */
  print(images: ReadonlyMap<string, string>): string;
}

/** Chooses a document by the import paths that it names. */
export type TakesDocument = (importPaths: readonly string[]) => boolean;

/** What comes instead of a part of the text. */
interface Edit extends Range {
  readonly write: (images: ReadonlyMap<string, string>) => string;
}

/**
 * Reads a file. Every string that starts with `ko://` is a reference, be it a value, a key, or an
 * item of a list; comments and longer strings with one inside are left alone. A selector picks
 * documents by their labels; what is wrong is `BAD_CONFIG` with file, line and column.
 */
export function readManifest(
  text: string,
  file: string,
  selector?: Selector,
  takes?: TakesDocument,
): KubeManifest {
  const reader = new Reader(text, file, selector, takes);
  try {
    uninterruptible(() => reader.read());
  } catch (error) {
    if (!(error instanceof YamlFailure)) throw error;
    const { line, column } = reader.places.of(error.offset);
    const message = `Cannot read ${file}:${line}:${column}: ${error.message}`;
    throw new KodenoError("BAD_CONFIG", message, { file }, { cause: error });
  }
  const { references, heads, edits } = reader;
  const print = (images: ReadonlyMap<string, string>): string => {
    let [printed, at] = ["", 0];
    for (const { start, end, write } of edits) {
      printed += text.slice(at, start) + write(images);
      at = end;
    }
    return printed + text.slice(at);
  };
  const only = (chosen: TakesDocument) => readManifest(text, file, selector, chosen);
  return { file, references, heads, only, print };
}

/** Goes through the documents of a text, one after the other. */
class Reader {
  readonly references: KoReference[] = [];
  readonly heads: string[] = [];
  /** In the order of the text. */
  edits: Edit[] = [];
  readonly places: Places;

  constructor(
    readonly text: string,
    readonly file: string,
    readonly selector: Selector | undefined,
    readonly takes: TakesDocument | undefined,
  ) {
    this.places = new Places(text);
  }

  read(): void {
    const foreign = FOREIGN.exec(this.text);
    if (foreign !== null) {
      throw new YamlFailure(foreign.index, "a control character cannot stand in YAML");
    }
    let start = 0;
    // Whether `...` stands behind the last document that is kept, or there is none yet.
    let ended = true;
    let kept = 0;
    for (const document of composeYaml(this.text, BOUNDS, this.selector !== undefined)) {
      const [error] = explainYamlErrors(document.errors, this.text, 1);
      if (error !== undefined) throw error;
      const [, , at] = document.range;
      const end = this.text.indexOf("\n", Math.max(at - 1, 0)) + 1 || this.text.length;
      const { docEnd = false } = document.directives;
      const cuts = this.selector === undefined ? [] : takeOut(this.selector, document, this.text);
      const names = namesIn(document);
      if (cuts === undefined || this.takes?.(names) === false) {
        // What comes next may need the end: directives, or a document without `---`.
        this.edits.push(cut({ start, end }, docEnd && !ended ? "...\n" : ""));
        ended ||= docEnd;
      } else {
        this.#take(document, cuts);
        this.heads.push(...names.slice(0, 1));
        ended = docEnd;
        kept++;
      }
      start = end;
    }
    if ((this.selector ?? this.takes) !== undefined && kept === 0) {
      this.edits = [cut({ start: 0, end: this.text.length })];
    }
  }

  /** Notes the references of a document, and the parts that were taken out of it. */
  #take(document: Document.Parsed, cuts: readonly Range[]): void {
    const edits = cuts.map((range) => cut(range));
    const anchors = new Set<string>();
    visit(document, {
      Alias: (_, { source, range }) => {
        if (anchors.has(source)) return;
        throw new YamlFailure(range?.[0] ?? 0, `there is no anchor "${source}" before`);
      },
      Value: (_, node) => {
        if (node.anchor !== undefined) anchors.add(node.anchor);
        if (isReference(node)) edits.push(this.#reference(node));
      },
    });
    for (const edit of edits.sort((a, b) => a.start - b.start)) this.edits.push(edit);
  }

  #reference(node: Scalar<string>): Edit {
    const { type, range } = node;
    const importPath = nameOf(node);
    const [start, end] = range ?? [0, 0];
    const { file } = this;
    const { line } = this.places.of(start);
    this.references.push({ importPath, file, line });
    const source = this.text.slice(start, end);
    return {
      start,
      end,
      write: (images) => {
        const image = images.get(importPath);
        if (image === undefined) throw new Error(`${file}:${line}: ${importPath} was not built`);
        return written(image, source, type);
      },
    };
  }
}

/** What a document names, in its order. */
function namesIn(document: Document.Parsed): readonly string[] {
  const names: string[] = [];
  visit(document, {
    Value: (_, node) => {
      if (isReference(node)) names.push(nameOf(node));
    },
  });
  return names;
}

const nameOf = ({ value }: Scalar<string>): string => koPath(value.trim()) ?? "";

function cut(range: Range, instead = ""): Edit {
  return { ...range, write: () => instead };
}

function isReference(node: Node): node is Scalar<string> {
  if (!isScalar(node)) return false;
  const { value, tag } = node;
  return typeof value === "string" && koPath(value) !== undefined && TEXT_TAGS.includes(tag);
}

/** Images that are text without quotes wherever they stand; `1:2` is a number for some. */
const PLAIN = /^(?=.*[/@])[A-Za-z0-9][\w.:/@-]*\w$/;
/** A scalar of lines: style, indicators, the rest of its first line, blanks, text, blank lines. */
const LINES = /^([|>])([-+1-9]*)([^\n]*\n[ ]*)(.*?)(\s*)$/s;

/** A scalar with another value, written in the same way. */
function written(image: string, source: string, type: Scalar.Type | undefined): string {
  if (type === "PLAIN") return PLAIN.test(image) ? image : `"${image}"`;
  const [, style, indicators = "", head = "", , tail = ""] = LINES.exec(source) ?? [];
  if (style === undefined) return `${source[0]}${image}${source[0]}`;
  // The end of the line is no part of an image, so the header has to say that it does not count.
  const chomped = indicators.includes("-") ? indicators : `${indicators.replace("+", "")}-`;
  return `${style}${chomped}${head}${image}${tail.replaceAll(/[^\r\n]/g, "")}`;
}
