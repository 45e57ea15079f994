/**
 * Templates in configuration: the language of Go's `text/template`, with the functions of whoever
 * reads the configuration.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { builtinFunctions } from "./builtins.ts";
import { evaluate } from "./evaluator.ts";
import type { Functions } from "./functions.ts";
import { excerpt, fieldNames, mayRead, TemplateFault, type Tree } from "./tree.ts";
import { parse } from "./parser.ts";
import { toValue } from "./value.ts";

/** How long a template may be, in UTF-16 units. */
const MAX_TEMPLATE = 1 << 20;
/** How much of a fault is told: names in a template may have any length. */
const MAX_FAULT = 2000;

/** What a template is compiled with. */
interface TemplateOptions {
  /** Functions beside those of Go; default ko's, which are none. */
  readonly functions?: Functions;
  /**
   * What a key is that the data does not have: an error (as for ko, and for Skaffold's
   * customTemplate), or nothing, which prints as `<no value>` (the rest of Skaffold).
   */
  readonly missingKey?: "error" | "nothing";
}

/** A template that can be run with data. */
interface Template {
  /**
   * Prints it.
   *
   * @param data plain values; a whole number is an `int`, an object a map, and only what an object
   * has of its own can be read
   * @throws {KodenoError} `BAD_CONFIG` when a field is not there, a function refuses its arguments,
   * or it goes on for too long
   */
  run(data: unknown): string;
  /** Whether it may read a field of the data, such as `Git`; if not, none has to be prepared. */
  mayRead(field: string): boolean;
  /** The names that it is made of, as Skaffold finds the components of a customTemplate. */
  fieldNames(): readonly string[];
}

/**
 * Parses a template.
 *
 * @param where says in errors whose it is, such as `ldflags[0] of .ko.yaml`
 * @throws {KodenoError} `BAD_CONFIG`, with `line` and `column` in its detail
 *
 * @example Linker flags with the commit in them
 * ```ts
 * import { compileTemplate } from "./template.ts";
 * const flags = compileTemplate("-X main.commit={{.Git.ShortCommit}}", "ldflags[0] of .ko.yaml");
 * if (!flags.mayRead("Git") || flags.mayRead("Env")) throw new Error();
 * const text = flags.run({ Git: { ShortCommit: "8a2c125" } });
 * if (text !== "-X main.commit=8a2c125") throw new Error(text);
 * ```
 */
export function compileTemplate(
  text: string,
  where: string,
  { functions = new Map(), missingKey = "error" }: TemplateOptions = {},
): Template {
  const all: Functions = new Map([...builtinFunctions, ...functions]);
  const knows = (name: string): boolean => all.has(name) || name === "and" || name === "or";
  const tree = guarded(text, where, (): Tree => {
    if (text.length > MAX_TEMPLATE) throw new TemplateFault("it is longer than 1 MiB", 0);
    return parse(text, knows);
  });
  return {
    run: (data) =>
      guarded(text, where, () => evaluate(tree, { functions: all, missingKey }, toValue(data))),
    mayRead: (field) => mayRead(tree, field),
    fieldNames: () => fieldNames(tree),
  };
}

/** Gives a fault the form of all errors. */
function guarded<T>(text: string, where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateFault) throw failure(text, where, error);
    // A text that is too long for the runtime.
    if (error instanceof RangeError) {
      throw failure(text, where, new TemplateFault("it becomes too large"));
    }
    throw error;
  }
}

function failure(text: string, where: string, { message, at = 0 }: TemplateFault): KodenoError {
  const before = text.slice(0, at).split("\n");
  const line = before.length;
  const column = [...before.at(-1) ?? ""].length + 1;
  const place = text.includes("\n") ? ` (line ${line}, column ${column})` : "";
  const what = actionAt(text, at);
  return new KodenoError(
    "BAD_CONFIG",
    `Cannot read ${what}${place} in ${where}: ${message.slice(0, MAX_FAULT)}`,
    { where, line, column },
  );
}

/** The action that a place lies in, as it is written. */
function actionAt(text: string, at: number): string {
  const open = text.startsWith("{{", at) ? at : text.lastIndexOf("{{", at);
  const close = text.indexOf("}}", Math.max(at, open));
  if (open < 0 || text.slice(open, at).includes("}}")) return excerpt(text);
  const action = text.slice(open, close < 0 ? undefined : close + 2);
  return /^[ -~]{1,80}$/.test(action) ? action : excerpt(action);
}
