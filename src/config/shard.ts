/**
 * Which part of the images of a build is meant: what `--shard` says, or the CI system that one of
 * several machines works for; and how long images took, by which they are divided.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { readNamedText } from "../io/files.ts";
import { badValue } from "./checks.ts";
import { type Environment, processEnvironment, variable } from "./environment.ts";
import type { CommandOptions } from "./options.ts";

/** One of several parts. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly total: number;
  /** By what images are called in the plan; not all of them have to be there. */
  readonly seconds: ReadonlyMap<string, number>;
}

/** Nobody has so many machines. */
const MOST = 100_000;
const MAX_TIMINGS_BYTES = 16 * 1024 * 1024;
const TIMING = /^(\d+(?:\.\d+)?) +(\S+)$/;

/** What options ask for; nothing where all images are meant. */
export function resolveShard(
  { shard, timings, environment = processEnvironment() }: Pick<
    CommandOptions,
    "environment" | "shard" | "timings"
  >,
): Shard | undefined {
  if (shard === undefined) return undefined;
  const part = shard === "auto" ? shardOfMachine(environment) : parseShard("shard", shard);
  return { ...part, seconds: readTimings(timings) };
}

/** Reads a number of shards. */
export function parseShards(what: string, text: string): number {
  const total = /^[1-9]\d*$/.test(text) ? Number(text) : NaN;
  if (total <= MOST) return total;
  throw badValue(what, text, `it has to be a whole number from 1 to ${MOST}`);
}

function parseShard(what: string, text: string): Pick<Shard, "index" | "total"> {
  const [, index = "0", total = "0"] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const part = { index: Number(index), total: Number(total) };
  if (part.index >= 1 && part.index <= part.total && part.total <= MOST) return part;
  const otherwise = what === "shard" ? ", or auto" : "";
  throw badValue(what, text, `say I/N with I from 1 to N, such as 2/4${otherwise}`);
}

/** Kubernetes counts the pods of an Indexed Job from 0, GitLab its jobs from 1. */
function shardOfMachine(environment: Environment): Pick<Shard, "index" | "total"> {
  const of = (name: string): string | undefined => variable(environment, name);
  const own = of("KODENO_SHARD");
  if (own !== undefined) return parseShard("KODENO_SHARD", own);
  const job = of("JOB_COMPLETION_INDEX");
  const node = of("CI_NODE_INDEX");
  const name = job === undefined ? "CI_NODE_INDEX" : "JOB_COMPLETION_INDEX";
  const totals = ["KODENO_SHARD_TOTAL", ...(job === undefined ? ["CI_NODE_TOTAL"] : [])];
  const totalName = totals.find((one) => of(one) !== undefined);
  const total = totalName && parseShards(totalName, of(totalName) ?? "");
  const index = job ?? node;
  // GitLab says so of a job that is not one of several.
  if (index === undefined && totalName === "CI_NODE_TOTAL" && total === 1) {
    return { index: 1, total };
  }
  if (index === undefined) {
    const next = "set KODENO_SHARD=I/N, or say --shard I/N";
    const names = "KODENO_SHARD, JOB_COMPLETION_INDEX and CI_NODE_INDEX";
    throw badValue("shard", "auto", `none of ${names} is set; ${next}`);
  }
  if (!total) {
    const next = job === undefined
      ? "set CI_NODE_TOTAL"
      : "set KODENO_SHARD_TOTAL to the completions of the Job";
    throw badValue("shard", "auto", `${name} is ${index}, and nothing says of how many; ${next}`);
  }
  const [first, last] = job === undefined ? [1, total] : [0, total - 1];
  const number = /^\d+$/.test(index) ? Number(index) : NaN;
  if (number >= first && number <= last) return { index: number - first + 1, total };
  const why = `it has to be from ${first} to ${last}, since ${totalName} is ${total}`;
  throw badValue(name, index, why);
}

/**
 * Reads files of a line for each image, `SECONDS NAME`, as `--write-timings` writes them; of two lines
 * for an image the later one counts.
 */
export function readTimings(paths: readonly string[] = []): ReadonlyMap<string, number> {
  const seconds = new Map<string, number>();
  for (const path of paths) {
    const text = readNamedText("timings", path, MAX_TIMINGS_BYTES);
    for (const [i, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const [, count, name = ""] = TIMING.exec(line.trim()) ?? [];
      if (count === undefined) {
        const why = `line ${i + 1} is not SECONDS NAME, such as "12.5 example.com/app"`;
        throw new KodenoError("BAD_OPTION", `Cannot use timings ${path}: ${why}`);
      }
      seconds.set(name, Number(count));
    }
  }
  return seconds;
}
