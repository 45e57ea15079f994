/**
 * What a Dockerfile makes, where it only runs `go build` and copies the binary: the main package and
 * everything that shapes its image. Pure.
 * @module
 */
import { posix } from "node:path";
import { ContainerPaths } from "./container_paths.ts";
import { type Instruction, parseDockerfile, type Stage } from "./dockerfile.ts";
import { type GoBuild, readGoBuild } from "./go_build_command.ts";
import { LeftAlone } from "./left_alone.ts";
import { type LastStage, readLastStage } from "./last_stage.ts";
import { splitCommands, splitWords } from "./shell_words.ts";
import { type Chain, chainOf, stageOf } from "./stage_chain.ts";
import { listOf, pairOf, type StageVariables, Variables } from "./stage_variables.ts";

/** What a Dockerfile makes. */
export interface DockerBuild extends Omit<LastStage, "binaryFrom" | "stage"> {
  /** Path in the context, of a folder or a Go file; or an import path. */
  readonly main: { readonly path: string } | { readonly importPath: string };
  readonly go: Pick<GoBuild, "env" | "flags" | "ldflags" | "platform">;
  /** What is not the same in kodeno's image, a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a Dockerfile.
 *
 * @param isFolder whether a path of the build context is a folder
 * @throws {LeftAlone} when it does anything else
 */
export function readDockerBuild(text: string, isFolder: (path: string) => boolean): DockerBuild {
  const dockerfile = parseDockerfile(text);
  const variables = new Variables(dockerfile);
  const { stages } = dockerfile;
  const last = stages.at(-1) as Stage;
  const chain = chainOf(stages, last, variables);
  const runs = chain.instructions.find(({ name }) => name === "RUN");
  if (runs !== undefined && stages.length === 1) {
    throw new LeftAlone(
      "it has one stage, so that its image holds what it was built with",
      runs.line,
    );
  }
  const { binaryFrom, stage, ...image } = readLastStage(chain, variables.stage());
  const builder = stageOf(stages, stage, stages.length - 1);
  if (builder === undefined) {
    throw new LeftAlone(`it copies from ${stage}, which is no stage of it`);
  }
  const built = readBuilder(chainOf(stages, builder, variables), variables.stage(), isFolder);
  const program = built.programs.find(({ output }) => output === binaryFrom);
  if (program === undefined) throw new LeftAlone(`no go build in it makes ${binaryFrom}`);
  const { directory, pattern, env, flags, ldflags, platform } = program;
  const local = /^(?:\.|\/)/.test(pattern) || pattern.endsWith(".go");
  const at = posix.resolve(directory, pattern);
  // "cmd/app" without a dot is no folder to go, but a standard package.
  const path = local ? built.paths.find(at) : undefined;
  if (local && path === undefined) throw new LeftAlone(`nothing is copied to ${at}`);
  return {
    ...image,
    main: path === undefined ? { importPath: pattern } : { path },
    go: { env, flags, ldflags, platform },
    notes: [...variables.notes, ...image.notes],
  };
}

interface Built {
  readonly programs: readonly GoBuild[];
  readonly paths: ContainerPaths;
}

function readBuilder(
  { instructions }: Chain,
  variables: StageVariables,
  isFolder: (path: string) => boolean,
): Built {
  const programs: GoBuild[] = [];
  const paths = new ContainerPaths(isFolder);
  let directory = "/";
  for (const instruction of instructions) {
    const { name, text, line, flags } = instruction;
    if (name === "ARG" || name === "ENV") variables.set(instruction);
    else if (name === "WORKDIR") {
      directory = posix.resolve(directory, splitWords(text, variables.get, line)[0] ?? ".");
    } else if (name === "COPY" || name === "ADD") {
      const from = flags.find(([flag]) => flag === "from")?.[1];
      if (from !== undefined) throw new LeftAlone(`its build copies from ${from}`, line);
      const words = text.startsWith("[")
        ? listOf(instruction)
        : splitWords(text, variables.get, line);
      if (name === "ADD" && words.some((word) => /:\/\/|\.(?:tar|tgz)/.test(word))) {
        throw new LeftAlone("its ADD fetches or unpacks", line);
      }
      paths.copy(words.slice(0, -1), words.at(-1) ?? "", directory);
    } else if (name === "RUN") {
      mount(instruction, paths, directory);
      programs.push(...runOf(instruction, variables, directory));
    } else if (name === "SHELL" || name === "ONBUILD") {
      throw new LeftAlone(`its build uses ${name}`, line);
    }
    // EXPOSE, CMD and the like of a stage that only builds shape nothing.
  }
  return { programs, paths };
}

/** `RUN --mount=type=bind,target=.` lets the context be seen. */
function mount({ flags, line }: Instruction, paths: ContainerPaths, directory: string): void {
  for (const [flag, value] of flags) {
    const options = new Map(value.split(",").map(pairOf));
    const type = options.get("type") ?? "bind";
    if (flag !== "mount") throw new LeftAlone(`its RUN uses --${flag}`, line);
    if (type !== "bind") continue;
    if (options.has("from")) throw new LeftAlone("its RUN mounts another stage", line);
    const source = options.get("source") ?? options.get("src") ?? ".";
    const target = options.get("target") ?? options.get("dst") ?? options.get("destination");
    paths.copy([source], target ?? ".", directory);
  }
}

/** The `go build` commands of a `RUN`; all else but fetching modules is refused. */
function runOf(
  instruction: Instruction,
  variables: StageVariables,
  directory: string,
): readonly GoBuild[] {
  const { text, line } = instruction;
  const commands = text.startsWith("[")
    ? [listOf(instruction)]
    : splitCommands(text, variables.get, line);
  const built: GoBuild[] = [];
  let at = directory;
  const shell = new Map(variables.values);
  for (const words of commands) {
    const start = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
    const own = words.slice(0, start < 0 ? undefined : start).map(pairOf);
    const [program = "", verb = "", ...rest] = start < 0 ? [] : words.slice(start);
    const env = new Map([...shell, ...own.map(([name, value]) => [name, value ?? ""] as const)]);
    if (program === "cd" && verb !== "" && rest.length === 0) at = posix.resolve(at, verb);
    else if (program === "export" && verb.includes("=")) {
      for (const [name, value = ""] of [verb, ...rest].map(pairOf)) shell.set(name, value);
    } else if (program !== "go") {
      throw new LeftAlone(`it runs ${[program, verb].join(" ").trim() || text}`, line);
    } else if (verb === "build") built.push(readGoBuild(rest, at, env, line));
    else if (
      !(verb === "mod" && /^(?:download|verify)$/.test(rest[0] ?? "")) && verb !== "version"
    ) {
      throw new LeftAlone(`it runs go ${[verb, rest[0]].join(" ").trim()}`, line);
    }
  }
  return built;
}
