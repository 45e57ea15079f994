/**
 * The YAML library, fed piece by piece: what is too much for it is noticed while it is read, since
 * a node of its trees takes some hundred times the memory of its text.
 * @module
 */
import { Composer, type Document, Lexer, Parser } from "yaml";

/**
 * Most pieces of a text: keys, values, comments, line breaks and signs such as `-` each count as one.
 * Some 25,000 lines of keys and values have as many.
 */
export const MAX_YAML_PIECES = 180_000;
/** Most documents of a text; each is checked by itself. */
export const MAX_YAML_DOCUMENTS = 1000;
/** Most lines of a text; a text over many lines is put together from as many pieces. */
const MAX_LINES = 100_000;
/** After so many faults nobody wants to know the next one. */
const MAX_FAULTS = 1000;

/** What there was of a text. */
export interface Composed {
  readonly documents: readonly Document.Parsed[];
  /** Set when reading stopped: why, and before which offset. */
  readonly stopped?: { readonly offset: number; readonly why: string };
}

/** Keys that are there twice are found by `plainValue`: the library takes a square of the time. */
const OPTIONS = { prettyErrors: false, uniqueKeys: false, logLevel: "silent" } as const;

/**
 * Parses a text as far as bounds allow.
 *
 * @throws {RangeError} where what lies in each other goes too deep
 */
export function composeYaml(text: string): Composed {
  const stop = (offset: number, why: string): Composed => ({
    documents: [],
    stopped: { offset, why },
  });
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (++lines > MAX_LINES) return stop(at, `over ${MAX_LINES} lines`);
  }
  const parser = new Parser();
  const composer = new Composer(OPTIONS);
  const documents: Document.Parsed[] = [];
  let pieces = 0;
  let faults = 0;
  for (const piece of new Lexer().lex(text)) {
    for (const token of parser.next(piece)) {
      if (token.type === "error") faults++;
      documents.push(...composer.next(token));
    }
    if (faults > MAX_FAULTS) break;
    if (documents.length > MAX_YAML_DOCUMENTS) {
      return stop(parser.offset, `over ${MAX_YAML_DOCUMENTS} documents`);
    }
    if (++pieces > MAX_YAML_PIECES) {
      return stop(parser.offset, `over ${MAX_YAML_PIECES} keys, values, comments and lines`);
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end());
  return { documents };
}
