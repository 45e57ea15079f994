/**
 * Skaffold's `skaffold.env`: variables for a run, from a file in the current folder, read by the rules
 * of the parser that Skaffold has (godotenv). Libraries pass over lines that they cannot read.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { exists } from "../../io/files.ts";
import { type Environment, processEnvironment } from "../environment.ts";
import { readText } from "../text.ts";
import { faultsError, Places } from "../yaml/faults.ts";

const FILE_NAME = "skaffold.env";
const MAX_BYTES = 1024 * 1024;

/**
 * Which programs kodeno itself runs, what is loaded into them, and which programs git runs is no matter
 * of a file in a checkout: these say so, or where such settings are read from.
 */
const NOT_OF_A_FILE =
  /^(?:PATH|HOME|XDG_CONFIG_HOME|KO_GO_PATH|GOENV|GIT_(?:CONFIG.*|EXEC_PATH)|(?:LD|DYLD)_.+)$/;

/**
 * Adds what a folder's `skaffold.env` says to an environment; what is set already stays, also where
 * it is set to nothing. As in Skaffold, a file that cannot be read is left out as a whole, which
 * `notes` tell of.
 */
export async function withSkaffoldEnv(
  folder = ".",
  environment: Environment = processEnvironment(),
): Promise<{ readonly environment: Environment; readonly notes: readonly string[] }> {
  const path = join(folder, FILE_NAME);
  if (!exists(path)) return { environment, notes: [] };
  try {
    const values = parseDotenv(await readText(path, FILE_NAME, MAX_BYTES));
    const added = [...values].filter(([name]) => !NOT_OF_A_FILE.test(name));
    const all = Object.freeze({ ...Object.fromEntries(added), ...environment });
    const notes = [...values.keys()].filter((name) => !Object.hasOwn(all, name)).map((name) =>
      `${FILE_NAME}: ${name} is left out, since it can say which programs are run; set it yourself`
    );
    return { environment: all, notes };
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    return { environment, notes: [`${error.message}; nothing of ${FILE_NAME} is used`] };
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

const VARIABLE = /(\\)?\$\(?\{?([A-Z0-9_]+)?\}?/g;

/** Values by name, in the order of the text. */
function parseDotenv(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let [at, start, left] = [0, 0, MAX_CHARACTERS];
  const bad = (message: string, offset = start): KodenoError =>
    faultsError([{ file: FILE_NAME, ...new Places(text).of(offset), message }]);
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const [found = ""] = pattern.exec(text) ?? [];
    at += found.length;
    return found;
  };
  const bounded = (value: string): string => {
    if ((left -= value.length) < 0) throw bad(`found values of over ${MAX_CHARACTERS} characters`);
    return value;
  };
  /** `$NAME` and `${NAME}` of names further up in the file; one that is not there is nothing. */
  const expanded = (value: string): string =>
    bounded(value).replaceAll(VARIABLE, (all: string, backslash?: string, name?: string) => {
      if (backslash !== undefined) return all.slice(1);
      return name === undefined ? all : bounded(values.get(name) ?? "");
    });
  for (;;) {
    take(NOTHING_TO_READ);
    if (at >= text.length) return values;
    take(EXPORT);
    start = at;
    const name = take(NAME).trim();
    if (take(AFTER_NAME) === "") {
      const [next] = text.slice(at, at + 2);
      const found = next === undefined ? "the end" : JSON.stringify(next);
      throw bad(`found ${found} where "=" is wanted; NAME=VALUE is allowed`);
    }
    if (name === "") throw bad("found no name; NAME=VALUE is allowed");
    const quote = text.charAt(at);
    if (quote !== '"' && quote !== "'") {
      const line = take(LINE);
      values.set(name, expanded((COMMENT.exec(line)?.[1] ?? line).replaceAll(SPACES_AROUND, "")));
      continue;
    }
    // One behind a backslash does not end it.
    let end = at;
    do end = text.indexOf(quote, end + 1); while (end > 0 && text[end - 1] === "\\");
    if (end < 0) throw bad(`found no second ${quote} to the one here`, at);
    const quoted = text.slice(at + 1, end).replaceAll("\r\n", "\n");
    // The parser takes off all quotes at the end, also one behind a backslash.
    const value = quoted.endsWith(quote) ? quoted.slice(0, -1) : quoted;
    values.set(name, quote === "'" ? bounded(value) : expanded(unescaped(value)));
    at = end + 1;
  }
}

function unescaped(text: string): string {
  const meaning = new Map([["n", "\n"], ["r", "\r"], ["$", "\\$"]]);
  return text.replaceAll(/\\([\s\S])/g, (_, one: string) => meaning.get(one) ?? one);
}
