/**
 * What Skaffold gives its templates: `cmd`, and the functions of sprig 2.22 that make sense in a
 * configuration (none for keys and certificates, none that change a map).
 * @module
 */
import { randomInt } from "node:crypto";
import { GoTime, isZone, parseDuration } from "./go_time.ts";
import { sprigFunctions } from "./sprig.ts";
import { type Functions, goFunctions, GoInt, type Value } from "./value.ts";

/** What the functions may ask of the world around them. */
export interface SkaffoldWorld {
  /** What `env` and `expandenv` read. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Runs a program for `cmd` and gives what it prints; throws an Error when it fails. Without it,
   * `cmd` is refused.
   */
  readonly run?: (name: string, args: readonly string[]) => string;
  /** The present; default that of the clock. */
  readonly now?: () => Date;
}

const DAY = "2006-01-02";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
/** How many characters a random text may have. */
const MAX_RANDOM = 4096;

/** Go's `os.ExpandEnv`: `$NAME` and `${NAME}`. */
function expandEnvironment(text: string, get: (name: string) => string): string {
  return text.replace(
    /\$(?:\{([^{}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[0-9*#$@!?-]))/g,
    (_, braced?: string, bare?: string) => get(braced ?? bare ?? ""),
  );
}

function random(count: number, from: string): string {
  if (count < 0 || count > MAX_RANDOM) {
    throw new Error(`a random text has up to ${MAX_RANDOM} letters`);
  }
  return Array.from({ length: count }, () => from[randomInt(from.length)]).join("");
}

/** The functions of Skaffold's templates. */
export function skaffoldFunctions(world: SkaffoldWorld): Functions {
  const { environment, run, now = () => new Date() } = world;
  const get = (name: string): string =>
    Object.hasOwn(environment, name) ? environment[name] ?? "" : "";
  /** Whatever is neither a time nor seconds is the present, as for sprig. */
  const timeOf = (value: Value): number => {
    if (value instanceof GoTime) return value.milliseconds;
    return value instanceof GoInt ? Number(value.value) * 1000 : now().getTime();
  };
  const date = (layout: string, value: Value, zone: string): string =>
    new GoTime(timeOf(value), zone === "Local" || isZone(zone) ? zone : "UTC").format(layout);
  // As sprig: what is no length of time changes nothing.
  const modify = (by: string, time: GoTime): GoTime =>
    new GoTime(time.milliseconds + (parseDuration(by) ?? 0), time.zone);
  const own = goFunctions({
    "": { now: () => new GoTime(now().getTime(), "Local"), uuidv4: () => crypto.randomUUID() },
    "int": {
      randAlpha: (count) => random(count, LETTERS),
      randNumeric: (count) => random(count, DIGITS),
      randAlphaNum: (count) => random(count, LETTERS + DIGITS),
    },
    "string": { env: get, expandenv: (text) => expandEnvironment(text, get) },
    "string ...string": {
      cmd: (name, ...args) => {
        if (run === undefined) throw new Error("no programs are run here");
        return run(name, args).trim();
      },
    },
    "string any": { date: (layout, value) => date(layout, value, "Local") },
    "string any string": { dateInZone: date, date_in_zone: date },
    "any": { htmlDate: (value) => date(DAY, value, "Local") },
    "any string": { htmlDateInZone: (value, zone) => date(DAY, value, zone) },
    "time": { unixEpoch: (time) => String(Math.floor(time.milliseconds / 1000)) },
    "string time": { dateModify: modify, date_modify: modify },
  });
  return new Map([...sprigFunctions, ...own]);
}
