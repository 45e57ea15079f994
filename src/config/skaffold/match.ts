/**
 * How Skaffold compares a text with what a configuration says it should be.
 * @module
 */
import { RE2JS, RE2JSException } from "re2js";

/** Whether a text is another, or a regular expression finds something in it; not so after `!`. */
export function regexpEqual(expected: string, actual: string): boolean {
  if (expected.startsWith("!")) return !regexpEqual(expected.slice(1), actual);
  if (expected === actual) return true;
  try {
    return RE2JS.compile(expected).matcher(actual).find();
  } catch (error) {
    // As in Skaffold: what is no expression is only a text.
    if (error instanceof RE2JSException) return false;
    throw error;
  }
}
