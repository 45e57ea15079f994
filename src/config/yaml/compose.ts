/**
 * The YAML library, fed piece by piece: what is too much for it is noticed while it is read, since
 * a node of its trees takes some hundred times the memory of its text.
 * @module
 */
import { Composer, type Document, Lexer, Parser, type YAMLError } from "yaml";

/** How much of a text is read. */
export interface YamlBounds {
  /** Most pieces: keys, values, comments, line breaks and signs such as `-` each count as one. */
  readonly pieces: number;
  /** Most pieces of one document, where that is less: only one at a time is in memory. */
  readonly documentPieces?: number;
  readonly documents: number;
  /** Most lines: a text over many lines is put together from as many parts. */
  readonly lines: number;
  /** Ends the message about a text that has more. */
  readonly advice: string;
}

/** Where reading ended, and why. */
export class YamlFailure extends Error {
  override readonly name = "YamlFailure";

  /** @param offset in UTF-16 units from the start of the text */
  constructor(readonly offset: number, message: string) {
    super(message);
  }
}

/** After so many faults nobody wants to know the next one. */
const MAX_FAULTS = 1000;
/** Most lists and maps in each other; the library's recursion takes some 800. */
const MAX_DEPTH = 500;
const TOO_DEEP = "found lists or maps nested too deeply to read; say it with fewer levels";

/** Keys that are there twice are found by `plainValue`: the library takes a square of the time. */
const OPTIONS = { prettyErrors: false, uniqueKeys: false, logLevel: "silent" } as const;

/**
 * Parses a text, one document after the other; their errors are in them.
 *
 * @param keepTokens whether nodes are to know the tokens they are made of
 * @throws {YamlFailure} for what is beyond the bounds
 */
export function* composeYaml(
  text: string,
  bounds: YamlBounds,
  keepTokens = false,
): Generator<Document.Parsed> {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (++lines > bounds.lines) throw tooMuch(at, `${bounds.lines} lines`, bounds);
  }
  const { pieces: most, documentPieces = most } = bounds;
  const parser = new Parser();
  const composer = new Composer({ ...OPTIONS, keepSourceTokens: keepTokens });
  let [pieces, before, documents, faults] = [0, 0, 0, 0];
  try {
    for (const piece of lenientLexer().lex(text)) {
      for (const token of parser.next(piece)) {
        if (token.type === "error") faults++;
        if (token.type === "document") before = pieces;
        for (const document of composer.next(token)) {
          if (++documents > bounds.documents) {
            throw tooMuch(parser.offset, `${bounds.documents} documents`, bounds);
          }
          yield document;
        }
      }
      if (faults > MAX_FAULTS) break;
      if (parser.stack.length > MAX_DEPTH) throw new YamlFailure(parser.offset, TOO_DEEP);
      if (++pieces > most || pieces - before > documentPieces) {
        const limit = pieces > most ? most : documentPieces;
        throw tooMuch(parser.offset, `${limit} keys, values, comments and lines`, bounds);
      }
    }
    for (const token of parser.end()) yield* composer.next(token);
    yield* composer.end();
  } catch (error) {
    if (error instanceof RangeError) throw new YamlFailure(parser.offset, TOO_DEEP);
    throw error;
  }
}

/**
 * Lines within brackets and quotes may begin anywhere, as for Go's parser: files of people have such
 * lines. The library wants them farther in than the key they belong to, and has no option for that.
 */
function lenientLexer(): Lexer {
  const lexer = new Lexer();
  for (const name of ["parseFlowCollection", "parseQuotedScalar"]) {
    const parse: () => Generator<string, unknown> = Reflect.get(lexer, name);
    Reflect.set(lexer, name, function* () {
      const indent: unknown = Reflect.get(lexer, "indentNext");
      Reflect.set(lexer, "indentNext", 0);
      const next = yield* parse.call(lexer);
      Reflect.set(lexer, "indentNext", indent);
      return next;
    });
  }
  return lexer;
}

function tooMuch(offset: number, what: string, { advice }: YamlBounds): YamlFailure {
  return new YamlFailure(offset, `found over ${what}; ${advice}`);
}

/** What the library's codes mean to a person. */
const MEANINGS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "found a tab as indentation; spaces are allowed",
  BAD_INDENT: "found text that is not indented as the lines around it; indent it as they are",
  BLOCK_AS_IMPLICIT_KEY: "found a key in a place of a value; " +
    "give it a line of its own, as far in as its neighbours, or put quotes around the value",
};

/** An error of the library as a person understands it, and where its cause stands. */
export function explainYamlError({ code, message, pos: [at] }: YAMLError, text: string) {
  // The library names some tabs by what they break.
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const indent = /^[ \t]*/.exec(text.slice(start, start + 200))?.[0] ?? "";
  const tab = indent.indexOf("\t");
  if (tab >= 0) return new YamlFailure(start + tab, MEANINGS["TAB_AS_INDENT"] ?? message);
  if (message.startsWith("Maximum call stack")) return new YamlFailure(at, TOO_DEEP);
  const [first = message] = message.split("\n");
  const plain = `found YAML that does not parse: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
  // The library says "indented" of brackets that are not closed, too.
  return new YamlFailure(at, first.startsWith("Flow ") ? plain : MEANINGS[code] ?? plain);
}
