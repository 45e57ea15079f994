/**
 * Templates in configuration: the language of Go's `text/template`, with the functions of whoever
 * reads the configuration.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { fieldNames, mayRead } from "./ast.ts";
import { builtinFunctions } from "./builtins.ts";
import { evaluate } from "./evaluator.ts";
import { excerpt, TemplateFault } from "./fault.ts";
import { parse } from "./parser.ts";
import { type Functions, toValue } from "./value.ts";

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

/**
 * Parses a template; `where` says in errors whose it is, such as `ldflags[0] of .ko.yaml`. What is
 * none is `BAD_CONFIG`, with `line` and `column` in its detail.
 */
export function compileTemplate(
  text: string,
  where: string,
  { functions = new Map(), missingKey = "error" }: TemplateOptions = {},
) {
  const all: Functions = new Map([...builtinFunctions, ...functions]);
  const knows = (name: string): boolean => all.has(name) || name === "and" || name === "or";
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof TemplateFault) throw failure(text, where, error);
      if (!(error instanceof RangeError)) throw error;
      // A text that is too long for the runtime.
      throw failure(text, where, new TemplateFault("it becomes too large"));
    }
  };
  const tree = guarded(() => {
    if (text.length > MAX_TEMPLATE) throw new TemplateFault("it is longer than 1 MiB", 0);
    return parse(text, knows);
  });
  return {
    /**
     * Prints it with plain values: a whole number is an `int`, an object a map, and only what an
     * object has of its own can be read. What it cannot do, or does for too long, is `BAD_CONFIG`.
     */
    run: (data: unknown): string =>
      guarded(() => evaluate(tree, all, missingKey === "nothing", toValue(data))),
    /** Whether it may read a field of the data, such as `Git`; if not, none has to be prepared. */
    mayRead: (field: string): boolean => mayRead(tree, field),
    /** The names that it is made of, as Skaffold finds the components of a customTemplate. */
    fieldNames: (): readonly string[] => fieldNames(tree),
  };
}

function failure(text: string, where: string, { message, at = 0 }: TemplateFault): KodenoError {
  const before = text.slice(0, at).split("\n");
  const line = before.length;
  const column = [...before.at(-1) ?? ""].length + 1;
  const place = text.includes("\n") ? ` (line ${line}, column ${column})` : "";
  const what = `${actionAt(text, at)}${place} in ${where}`;
  const told = `Cannot read ${what}: ${message.slice(0, MAX_FAULT)}`;
  return new KodenoError("BAD_CONFIG", told, { where, line, column });
}

/** The action that a place lies in, as it is written. */
function actionAt(text: string, at: number): string {
  const open = text.startsWith("{{", at) ? at : text.lastIndexOf("{{", at);
  const close = text.indexOf("}}", Math.max(at, open));
  if (open < 0 || text.slice(open, at).includes("}}")) return excerpt(text);
  const action = text.slice(open, close < 0 ? undefined : close + 2);
  return /^[ -~]{1,80}$/.test(action) ? action : excerpt(action);
}
