/**
 * Values of variables whose names say that they are secrets: they are left out of what others get to read.
 * @module
 */
import { HIDDEN, SECRET } from "../errors.ts";

/** Short words count alone: "DB_PASS", and not "COMPASS". */
const SECRET_NAME = new RegExp(`${SECRET}|(?<![a-z0-9])(?:PASS|PWD|PAT|AUTH)(?![a-z0-9])`, "i");

/** The value of a variable, unless its name says that it is a secret. */
export function openValue(name: string, value: string): string {
  return SECRET_NAME.test(name) ? HIDDEN : value;
}
