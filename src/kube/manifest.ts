/**
 * A file of Kubernetes objects: which Go packages it names as `ko://` references, and how it reads
 * with images in their stead. Pure.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { undisturbed } from "../undisturbed.ts";
import { selects } from "./select.ts";
import type { Selector } from "./selector.ts";
import { YamlError } from "./yaml/failure.ts";
import { eachNode, isString, type YamlNode } from "./yaml/node.ts";
import { parseDocuments } from "./yaml/parse.ts";
import { printDocuments } from "./yaml/print.ts";

const SCHEME = "ko://";
/** Most documents of a file; those of real ones are some hundred. */
const MAX_DOCUMENTS = 10_000;

/** A `ko://` reference and where it stands. */
export interface KoReference {
  /** The import path, without the scheme. */
  readonly importPath: string;
  /** Name of the file. */
  readonly file: string;
  /** Line in it, from 1. */
  readonly line: number;
}

/** A file that was read. */
export interface Manifest {
  /** Name of the file. */
  readonly file: string;
  /** Its references, in the order of the text; each as often as it stands there. */
  readonly references: readonly KoReference[];
  /**
   * The text with images instead of references. But for these it is byte for byte what ko prints:
   * comments, key order, anchors and quotes stay, empty lines go, two spaces indent.
   *
   * @param images the reference of an image for each import path
   */
  print(images: ReadonlyMap<string, string>): string;
}

/**
 * Reads a file. Every string that starts with `ko://` is a reference, be it a value, a key, or an
 * item of a list; comments and longer strings with one inside are left alone.
 *
 * @param file its name, for messages
 * @param selector picks documents by their labels
 * @throws {KodenoError} `BAD_CONFIG` with file, line and column of what is wrong
 *
 * @example
 * ```ts
 * import { readManifest } from "./manifest.ts";
 * const text = "kind: Pod\nspec:\n  image: ko://example.com/app # built\n";
 * const manifest = readManifest(text, "pod.yaml");
 * const images = new Map([["example.com/app", "reg.local/app@sha256:00"]]);
 * if (!manifest.print(images).includes("  image: reg.local/app@sha256:00 # built\n")) {
 *   throw new Error();
 * }
 * ```
 */
export function readManifest(text: string, file: string, selector?: Selector): Manifest {
  return undisturbed(() => readNow(text, file, selector));
}

function readNow(text: string, file: string, selector: Selector | undefined): Manifest {
  const documents: YamlNode[] = [];
  try {
    let count = 0;
    for (const document of parseDocuments(text)) {
      if (++count > MAX_DOCUMENTS) {
        throw new YamlError(`over ${MAX_DOCUMENTS} documents; split the file`, document.row, 1);
      }
      if (selector === undefined || selects(selector, document)) documents.push(document);
    }
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const place = `${file}:${error.line}:${error.column}`;
    throw new KodenoError("BAD_CONFIG", `Cannot read ${place}: ${error.problem}`, { file }, {
      cause: error,
    });
  }
  const found: (readonly [YamlNode, KoReference])[] = [];
  // A tree is bigger than its text; one without references need not wait.
  if (!text.includes(SCHEME) && !text.includes("\\")) return finished(file, documents);
  for (const node of documents.flatMap((document) => [...eachNode(document)])) {
    if (!node.value.startsWith(SCHEME) || !isString(node)) continue;
    const importPath = node.value.trim().slice(SCHEME.length);
    found.push([node, { importPath, file, line: node.row }]);
  }
  if (found.length === 0) return finished(file, documents);
  return {
    file,
    references: found.map(([, reference]) => reference),
    print: (images) => {
      for (const [node, { importPath, line }] of found) {
        const image = images.get(importPath);
        if (image === undefined) throw new Error(`${file}:${line}: ${importPath} was not built`);
        node.value = image;
      }
      return undisturbed(() => printDocuments(documents));
    },
  };
}

function finished(file: string, documents: readonly YamlNode[]): Manifest {
  const text = printDocuments(documents);
  return { file, references: [], print: () => text };
}
