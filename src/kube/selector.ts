/**
 * Label selectors, as kubectl's `-l`: `app=web,tier in (a,b),!canary,weight>3`.
 * @module
 */
import { KodenoError } from "../errors.ts";

/** Tells whether labels fit. */
export type Selector = (labels: ReadonlyMap<string, string>) => boolean;

const WORD = "[^=!()<>,\\s]+";
/** `key`, `!key`, `key=value` and the like, `key in (a,b)`. */
const REQUIREMENT = new RegExp(
  `^(?:(?<not>!?)\\s*(?<key>${WORD})` +
    `|(?<key>${WORD})\\s*(?<operator>==|=|!=|>|<)\\s*(?<value>(?:${WORD})?)` +
    `|(?<key>${WORD})\\s+(?<operator>in|notin)\\s*\\((?<list>[^()]*)\\))$`,
);

const NAME = /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;
const DOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const INTEGER = /^[-+]?\d+$/;

/** Reads a selector: requirements with commas between, all of which have to hold. */
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
  const found = REQUIREMENT.exec(part)?.groups;
  if (found === undefined) {
    const what = part === "" ? "a requirement is empty" : `"${part}" is no requirement`;
    throw bad(`${what}; say key=value, key!=value, key in (a,b), key notin (a,b), key or !key`);
  }
  const { not, key = "", operator, value = "", list } = found;
  const [name = "", domain, ...more] = key.split("/").reverse();
  const isName = NAME.test(name) && (domain === undefined || DOMAIN.test(domain));
  if (!isName || more.length > 0) throw bad(`"${key}" is no name of a label`);
  if (operator === undefined) return (labels) => labels.has(key) === (not === "");
  if (operator === ">" || operator === "<") {
    if (!INTEGER.test(value)) throw bad(`"${value}" is no whole number`);
    return ordered(key, BigInt(value.replace("+", "")), operator === ">");
  }
  const values = list?.split(",").map((one) => one.trim()) ?? [value];
  const wrong = values.find((one) => one !== "" && !NAME.test(one));
  if (wrong !== undefined) throw bad(`"${wrong}" is no value of a label`);
  return among(key, values, operator === "!=" || operator === "notin");
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
