/**
 * Label selectors, as kubectl's `-l`: `app=web,tier in (a,b),!canary,weight>3`.
 * @module
 */
import { KodenoError } from "../errors.ts";

/** Tells whether labels fit. */
export type Selector = (labels: ReadonlyMap<string, string>) => boolean;

const SYMBOLS = "=!()<>,\\s";
const WORD = `[^${SYMBOLS}]+`;
const EXISTS = new RegExp(`^(${WORD})$`);
const ABSENT = new RegExp(`^!\\s*(${WORD})$`);
const COMPARED = new RegExp(`^(${WORD})\\s*(==|=|!=|>|<)\\s*((?:${WORD})?)$`);
const LISTED = new RegExp(`^(${WORD})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

const NAME = /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const INTEGER = /^[-+]?\d+$/;

/**
 * Reads a selector: requirements with commas between, all of which have to hold.
 *
 * @throws {KodenoError} `BAD_OPTION`
 *
 * @example
 * ```ts
 * import { parseSelector } from "./selector.ts";
 * const fits = parseSelector("app=web,!canary");
 * if (!fits(new Map([["app", "web"]]))) throw new Error();
 * ```
 */
export function parseSelector(text: string): Selector {
  if (text.trim() === "") return () => true;
  const parts = splitRequirements(text).map((part) => part.trim());
  const requirements = parts.map((part) => parseRequirement(part, text));
  return (labels) => requirements.every((holds) => holds(labels));
}

/** Parts at each comma that is in no brackets. */
function splitRequirements(text: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let inBrackets = false;
  for (const piece of text.split(/([,()])/)) {
    if (piece === "," && !inBrackets) {
      parts.push(part);
      part = "";
      continue;
    }
    inBrackets = piece === "(" || inBrackets && piece !== ")";
    part += piece;
  }
  return [...parts, part];
}

function parseRequirement(part: string, text: string): Selector {
  const bad = (why: string): KodenoError =>
    new KodenoError("BAD_OPTION", `Cannot use selector ${JSON.stringify(text)}: ${why}`);
  const checked = (key = "", values: readonly string[] = []): string => {
    const [name = "", domain] = key.split("/").reverse();
    const known = NAME.test(name) && (domain === undefined || DOMAIN.test(domain));
    if (!known || key.split("/").length > 2) throw bad(`"${key}" is no name of a label`);
    const wrong = values.find((value) => value !== "" && !NAME.test(value));
    if (wrong !== undefined) throw bad(`"${wrong}" is no value of a label`);
    return key;
  };
  const exists = EXISTS.exec(part);
  if (exists !== null) {
    const key = checked(exists[1]);
    return (labels) => labels.has(key);
  }
  const absent = ABSENT.exec(part);
  if (absent !== null) {
    const key = checked(absent[1]);
    return (labels) => !labels.has(key);
  }
  const listed = LISTED.exec(part);
  if (listed !== null) {
    const values = (listed[3] ?? "").split(",").map((value) => value.trim());
    return among(checked(listed[1], values), values, listed[2] === "notin");
  }
  const compared = COMPARED.exec(part);
  if (compared === null) {
    const what = part === "" ? "a requirement is empty" : `"${part}" is no requirement`;
    throw bad(`${what}; say key=value, key!=value, key in (a,b), key notin (a,b), key or !key`);
  }
  const [, given, operator = "", value = ""] = compared;
  const key = checked(given, operator === ">" || operator === "<" ? [] : [value]);
  if (operator !== ">" && operator !== "<") return among(key, [value], operator === "!=");
  if (!INTEGER.test(value)) throw bad(`"${value}" is no whole number`);
  return ordered(key, BigInt(value.replace("+", "")), operator === ">");
}

function among(key: string, values: readonly string[], not: boolean): Selector {
  return (labels) => {
    const value = labels.get(key);
    return value === undefined ? not : values.includes(value) !== not;
  };
}

function ordered(key: string, bound: bigint, above: boolean): Selector {
  return (labels) => {
    const value = labels.get(key);
    if (value === undefined || !INTEGER.test(value)) return false;
    const number = BigInt(value.replace("+", ""));
    return above ? number > bound : number < bound;
  };
}
