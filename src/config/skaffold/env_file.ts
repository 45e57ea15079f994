/**
 * Skaffold's `skaffold.env`: variables for a run, from a file in the current folder, read by the rules
 * of the parser that Skaffold has (godotenv). Libraries pass over lines that they cannot read.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { type Environment, processEnvironment } from "../environment.ts";
import { faultsError, Places, readText } from "../yaml/faults.ts";

const FILE_NAME = "skaffold.env";
const MAX_BYTES = 1024 * 1024;

/**
 * Which programs kodeno itself runs, what is loaded into them, and which programs git runs is no matter
 * of a file in a checkout: these say so, or where such settings are read from.
 */
const NOT_OF_A_FILE =
  /^(?:PATH|HOME|XDG_CONFIG_HOME|KO_GO_PATH|GOENV|GIT_(?:CONFIG.*|EXEC_PATH)|(?:LD|DYLD)_.+)$/;

/** An environment, and what there is to tell of the file. */
interface SkaffoldEnvironment {
  readonly environment: Environment;
  /** Lines for a person. */
  readonly notes: readonly string[];
}

/** The process's environment with what the `skaffold.env` of the current folder adds, and its notes. */
export async function readSkaffoldEnvironment(): Promise<SkaffoldEnvironment> {
  return await withSkaffoldEnv(".", processEnvironment());
}

/**
 * Adds what a folder's `skaffold.env` says to an environment; what is set already stays, also where
 * it is set to nothing. As in Skaffold, a file that cannot be read is left out as a whole, and told
 * of.
 */
export async function withSkaffoldEnv(
  folder: string,
  environment: Environment,
): Promise<SkaffoldEnvironment> {
  const path = join(folder, FILE_NAME);
  if (await Deno.stat(path).catch(() => undefined) === undefined) return { environment, notes: [] };
  try {
    const values = read(await readText(path, FILE_NAME, MAX_BYTES));
    const refused = [...values.keys()].filter((name) =>
      NOT_OF_A_FILE.test(name) && !Object.hasOwn(environment, name)
    );
    const added = [...values].filter(([name]) => !NOT_OF_A_FILE.test(name));
    const notes = refused.map((name) =>
      `${FILE_NAME}: ${name} is left out, since it can say which programs are run; set it yourself`
    );
    return { environment: Object.freeze({ ...Object.fromEntries(added), ...environment }), notes };
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    return { environment, notes: [`${error.message}; nothing of ${FILE_NAME} is used`] };
  }
}

function read(text: string): ReadonlyMap<string, string> {
  try {
    return parseDotenv(text);
  } catch (error) {
    if (!(error instanceof DotenvError)) throw error;
    const place = new Places(text).of(error.offset);
    throw faultsError([{ file: FILE_NAME, ...place, message: error.message }]);
  }
}

/** A text that is no dotenv file. */
class DotenvError extends Error {
  /**
   * Says what is wrong.
   *
   * @param message what was found, and what is allowed
   * @param offset where it is in the text
   */
  constructor(message: string, readonly offset: number) {
    super(message);
  }
}

/** A line break is none of these. */
const SPACE = "[\\t\\v\\f\\r \\x85\\xa0]";
// Without the look behind, each space of many would be tried as the first of the end.
const SPACES_AROUND = new RegExp(`^${SPACE}+|(?<!${SPACE})${SPACE}+$`, "g");
/** Most characters of all values; names of other values multiply them. */
const MAX_CHARACTERS = 2 * 1024 * 1024;
const NOTHING_TO_READ = /(?:[\s\x85]|#[^\n]*(?:\n|$))*/y;
const EXPORT = new RegExp(`export${SPACE}+`, "y");
const NAME = new RegExp(`(?:[\\p{L}\\p{N}_.]|${SPACE})*`, "uy");
const AFTER_NAME = new RegExp(`[=:]${SPACE}*`, "y");
const LINE = /[^\n\r]*/y;
const COMMENT = new RegExp(`^(.*${SPACE})#`, "s");

/**
 * Reads a text.
 *
 * @returns values by name, in the order of the text
 * @throws {DotenvError} for what is no `NAME=VALUE`
 */
function parseDotenv(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let at = 0;
  let left = MAX_CHARACTERS;
  const set = (name: string, value: string, start: number, expands: boolean): void => {
    const size = expands ? expandedSize(value, values) : value.length;
    if ((left -= size) < 0) {
      throw new DotenvError(`found values of over ${MAX_CHARACTERS} characters`, start);
    }
    values.set(name, expands ? withVariables(value, values) : value);
  };
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  for (;;) {
    take(NOTHING_TO_READ);
    if (at >= text.length) return values;
    take(EXPORT);
    const start = at;
    const name = take(NAME).trim();
    if (take(AFTER_NAME) === "") {
      const found = at < text.length ? JSON.stringify(charAt(text, at)) : "the end";
      throw new DotenvError(`found ${found} where "=" is wanted; NAME=VALUE is allowed`, start);
    }
    if (name === "") throw new DotenvError("found no name; NAME=VALUE is allowed", start);
    const quote = text.charAt(at);
    if (quote !== '"' && quote !== "'") {
      const line = take(LINE);
      const value = (COMMENT.exec(line)?.[1] ?? line).replaceAll(SPACES_AROUND, "");
      set(name, value, start, true);
      continue;
    }
    const end = closing(text, quote, at);
    if (end < 0) throw new DotenvError(`found no second ${quote} to the one here`, at);
    const value = trimmed(text.slice(at, end).replaceAll("\r\n", "\n"), quote);
    if (quote === "'") set(name, value, start, false);
    else set(name, unescaped(value), start, true);
    at = end + 1;
  }
}

function charAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0);
}

/** The end of a quoted text; one behind a backslash does not end it. */
function closing(text: string, quote: string, start: number): number {
  let end = start;
  do end = text.indexOf(quote, end + 1); while (end > 0 && text[end - 1] === "\\");
  return end;
}

/** Without the quotes at its ends, however many there are. */
function trimmed(text: string, quote: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === quote) start++;
  while (end > start && text[end - 1] === quote) end--;
  return text.slice(start, end);
}

function unescaped(text: string): string {
  const breaks = text.replaceAll(/\\[nr]|\\./g, (one) => {
    if (one === "\\n") return "\n";
    return one === "\\r" ? "\r" : one;
  });
  return breaks.replaceAll(/\\([^$])/g, "$1");
}

const VARIABLE = /(\\)?\$\(?\{?([A-Z0-9_]+)?\}?/g;

/** `$NAME` and `${NAME}` of names further up in the file; one that is not there is nothing. */
function withVariables(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(VARIABLE, (all: string, backslash?: string, name?: string) => {
    if (backslash !== undefined) return all.slice(1);
    return name === undefined ? all : values.get(name) ?? "";
  });
}

/** Not less than the length of the text with its variables. */
function expandedSize(text: string, values: ReadonlyMap<string, string>): number {
  let size = text.length;
  for (const [, , name = ""] of text.matchAll(VARIABLE)) size += values.get(name)?.length ?? 0;
  return size;
}
