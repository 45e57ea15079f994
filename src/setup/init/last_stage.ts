/**
 * The last stage of a Dockerfile: a base image, the binary, and how it starts. Pure.
 * @module
 */
import { posix } from "node:path";
import type { Instruction } from "./dockerfile.ts";
import { TARGET } from "./go_build_command.ts";
import { LeftAlone } from "./left_alone.ts";
import { splitWords } from "./shell_words.ts";
import type { Chain } from "./stage_chain.ts";
import { listOf, pairsOf, type StageVariables } from "./stage_variables.ts";

/** What it says. */
export interface LastStage {
  readonly base: string;
  /** The binary's path in the stage that builds it. */
  readonly binaryFrom: string;
  /** Name or number of that stage. */
  readonly stage: string;
  readonly user: string | undefined;
  readonly expose: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypointArgs: readonly string[];
  readonly notes: readonly string[];
}

/** What cannot be said of an image of kodeno's, and why that matters. */
const REFUSED: Readonly<Record<string, string>> = {
  ADD: "adds files; a folder kodata beside the main package brings files along",
  ENV: "sets variables, which images get from their base alone",
  HEALTHCHECK: "has a HEALTHCHECK",
  ONBUILD: "uses ONBUILD",
  RUN: "runs a command in the last stage",
  SHELL: "uses SHELL",
  STOPSIGNAL: "sets a STOPSIGNAL",
  VOLUME: "has a VOLUME",
};

/**
 * Reads it.
 *
 * @throws {LeftAlone}
 */
export function readLastStage({ base, instructions }: Chain, variables: StageVariables): LastStage {
  const copies: { from: string; source: string; target: string }[] = [];
  const expose: string[] = [];
  const labels: Record<string, string> = {};
  const notes: string[] = [];
  const starts: Partial<Record<"ENTRYPOINT" | "CMD", readonly string[]>> = {};
  let user: string | undefined;
  let directory = "/";
  if (base.includes(TARGET)) throw new LeftAlone("its base image differs by platform");
  for (const instruction of instructions) {
    const { name, text, line } = instruction;
    const words = (): readonly string[] => splitWords(text, variables.get, line);
    const why = REFUSED[name];
    if (why !== undefined) throw new LeftAlone(`it ${why}`, line);
    if (name === "ARG") variables.set(instruction);
    else if (name === "COPY") copies.push(copyOf(instruction, directory, variables));
    else if (name === "USER") user = words()[0];
    else if (name === "EXPOSE") expose.push(...words().map((port) => portOf(port, line)));
    else if (name === "LABEL") {
      Object.assign(labels, Object.fromEntries(pairsOf(instruction, variables.get)));
    } else if (name === "ENTRYPOINT" || name === "CMD") {
      if (!text.startsWith("[")) throw new LeftAlone(`its ${name} goes through a shell`, line);
      starts[name] = listOf(instruction);
    } else if (name === "WORKDIR") {
      directory = posix.resolve(directory, words()[0] ?? ".");
    } else if (name !== "MAINTAINER") throw new LeftAlone(`it uses ${name}`, line);
  }
  if (directory !== "/") {
    notes.push(`its WORKDIR ${directory} is not kept: the program starts where the base says`);
  }
  const [copied, ...others] = copies;
  if (copied === undefined) throw new LeftAlone("its last stage copies no binary");
  if (others.length > 0) {
    throw new LeftAlone(
      'its last stage copies more than the binary; the built-in base "static" ' +
        "has certificates and time zones, and a folder kodata brings other files along",
    );
  }
  const { ENTRYPOINT: entrypoint = [], CMD: cmd = [] } = starts;
  const [program = "", ...args] = [...entrypoint, ...cmd];
  if (!isProgram(program, copied.target, directory)) {
    throw new LeftAlone(
      program === "" ? "it does not say what to start" : `it starts ${program}, not what it copies`,
    );
  }
  if (entrypoint.length > 0 && cmd.length > 0) {
    notes.push(
      "the arguments of its CMD follow those of its ENTRYPOINT: a run cannot replace them",
    );
  }
  return {
    base,
    binaryFrom: copied.source,
    stage: copied.from,
    user: user === "" ? undefined : user,
    expose,
    labels,
    entrypointArgs: args,
    notes,
  };
}

function copyOf(instruction: Instruction, directory: string, variables: StageVariables) {
  const { flags, text, line } = instruction;
  const from = flags.find(([flag]) => flag === "from")?.[1];
  const words = text.startsWith("[") ? listOf(instruction) : splitWords(text, variables.get, line);
  const [source = "", target = "", ...others] = words;
  if (from === undefined) {
    throw new LeftAlone(
      `it copies ${source} into the image; a folder kodata beside the main package brings files ` +
        "along",
      line,
    );
  }
  if (others.length > 0) throw new LeftAlone("it copies several files into the image", line);
  const intoFolder = /(?:^|\/)\.{0,2}$/.test(target);
  const to = posix.resolve(directory, target);
  // What a stage that builds calls its file is absolute, wherever its WORKDIR is.
  return {
    from,
    source: posix.resolve("/", source),
    target: intoFolder ? posix.join(to, posix.basename(source)) : to,
  };
}

function isProgram(word: string, target: string, directory: string): boolean {
  if (word === "") return false;
  // Without a slash it is looked for on PATH.
  if (!word.includes("/")) return word === posix.basename(target);
  const path = posix.resolve(directory, word);
  return path === target || path === posix.join(target, posix.basename(path));
}

function portOf(text: string, line: number): string {
  if (/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/i.test(text)) return text.toLowerCase();
  throw new LeftAlone(`its EXPOSE names ${text}, which is no single port`, line);
}
