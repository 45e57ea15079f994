/**
 * Dockerfiles of the usual shape (one `go build`, its binary copied onto a base image): which main
 * package each builds, and what shapes its image. All others are left alone, and it is said why.
 * @module
 */
import { join, posix } from "node:path";
import { messageOf } from "../../errors.ts";
import { readSmallText } from "../../io/files.ts";
import { DockerfileParser, type ModifiableInstruction } from "../../npm/dockerfile_ast.ts";
import { parse } from "../../npm/shell_quote.ts";
import type { GoProgram, RepositoryFiles } from "./repository.ts";

/** Why kodeno's configuration cannot say what a Dockerfile does; line 0 where none is to blame. */
export class UnsupportedDockerfile extends Error {
  constructor(message: string, readonly line: number = 0) {
    super(message);
  }
}

function refuse(why: string, line?: number): never {
  throw new UnsupportedDockerfile(why, line);
}

/** A Dockerfile that was read: its path, relative to the repository, and what it makes. */
export interface DockerProgram {
  readonly path: string;
  readonly build: ReturnType<typeof readDockerBuild>;
}

type Variables = Map<string, string>;
type IsFolder = (path: string) => boolean;
type Instruction = ReturnType<typeof instructionOf>;

/** Of an image; the instructions stand behind those of the stage that it is made from. */
interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: Instruction[];
}

/** Stands for what the builder says of the platform, such as `TARGETARCH`. */
const TARGET = "\0target";
const AUTOMATIC = /^(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)$/;
const IMAGE = "; an image has the program, the files of a folder kodata beside its package, and " +
  'all else from its base (the built-in "static" has certificates and time zones)';
/** What is read of the stage that builds, what shapes nothing there, and what is read of the last. */
const OF_BUILD = /^(?:ARG|COPY|ENV|RUN|WORKDIR)$/;
const IDLE = /^(?:CMD|ENTRYPOINT|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|STOPSIGNAL|USER|VOLUME)$/;
const OF_LAST = /^(?:ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|LABEL|MAINTAINER|USER|WORKDIR)$/;
/** Flags of `go build` with a value, which may be the next word. */
const WITH_VALUE =
  /^(?:C|\w+flags|buildmode|compiler|installsuffix|mod|modfile|o|overlay|p|pgo|pkgdir|tags)$/;
/** Those that do nothing to the binary, or that kodeno gives anyway. */
const WITHOUT_EFFECT = /^(?:a|installsuffix|p|trimpath|v|x)$/;
const REFUSED = /^(?:asan|cover|covermode|coverpkg|msan|race|toolexec)$/;
/** Variables of Go less those that name places, that only fetching looks at, or that are read here. */
const SHAPING =
  /^(?!GO(?:PATH|\w*CACHE|BIN|ROOT|TMPDIR|111MODULE|TOOLCHAIN|OS|ARCH|ARM)$|CGO_ENABLED$)C?GO/;
/** What stands between quotes, or is a variable. */
const QUOTED = /\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$\{[^{}]*\}/g;

/**
 * Reads the Dockerfiles of a repository: the programs by import path, and what is to be told. The build
 * context is not in them: it is taken to be their folder, the repository, or the module they lie in,
 * whichever makes sense first.
 */
export function readDockerfiles(
  root: string,
  { dockerfiles, folders, modules }: RepositoryFiles,
  programs: readonly GoProgram[],
) {
  const byImportPath = new Map<string, DockerProgram>();
  const notes: string[] = [];
  for (const path of dockerfiles) {
    try {
      const text = readSmallText(join(root, path), 256 * 1024);
      const folder = contextPath(posix.dirname(path));
      const above = modules.filter((one) => one === "" || folder.startsWith(`${one}/`));
      const contexts = [folder, "", ...above];
      const isFolder = (path: string) => contexts.some((one) => folders.has(posix.join(one, path)));
      const build = readDockerBuild(text, isFolder);
      const main = build.main.replace(/[^/]*\.go$/, "");
      const mains = contexts.map((one) => contextPath(posix.join(one, main)));
      const found = mains.map((main) => programs.find(({ folder }) => folder === main));
      const { importPath } = found.find((one) => one !== undefined) ?? {};
      if (!importPath) refuse(`it builds ${main || "."}, which is no main package here`);
      const other = byImportPath.get(importPath);
      if (other) refuse(`it builds ${importPath}, as ${other.path} does`);
      byImportPath.set(importPath, { path, build });
      notes.push(
        ...build.notes.map((note) => `${path}: ${note}`),
        `${path}: the program is /ko-app/${posix.basename(importPath)} in the image; ` +
          'leave "command" out of objects that name it otherwise',
      );
    } catch (error) {
      const line = error instanceof UnsupportedDockerfile ? error.line : 0;
      notes.push(`${path}${line > 0 ? `:${line}` : ""} is left alone: ${messageOf(error)}`);
    }
  }
  return { byImportPath, notes };
}

/**
 * Reads a Dockerfile; `isFolder` is asked of paths of the build context. Its `main` is one, too, of a
 * folder or a Go file; or an import path.
 */
export function readDockerBuild(text: string, isFolder: IsFolder) {
  const { stages, globals } = parseDockerfile(text);
  const final = stages.at(-1) as Stage;
  if (stages.length < 2) refuse("it has one stage: its image holds what it was built with");
  const last = readStage(final, OF_LAST, globals, isFolder);
  const { copied, expose, labels, variables, starts: { ENTRYPOINT = [], CMD = [], USER = [] } } =
    last;
  if (copied === undefined) refuse("its last stage copies no binary");
  const [program = "", ...entrypointArgs] = [...ENTRYPOINT, ...CMD];
  if (program === "") refuse("it does not say what to start");
  // Without a slash it is looked for on PATH.
  const started = program.includes("/") ? posix.resolve(last.directory, program) : program;
  const names = [copied.target, posix.basename(copied.target)];
  if (!names.includes(started)) refuse(`it starts ${program}, not what it copies`);
  const builder = stageOf(stages.slice(0, -1), copied.stage);
  if (!builder) refuse(`it copies from ${copied.stage}, which is no stage of it`);
  const { programs, root, notes } = readStage(builder, OF_BUILD, globals, isFolder);
  const built = programs.find(({ output }) => output === copied.source);
  if (!built) refuse(`no go build in it makes ${copied.source}`);
  const { directory, pattern, output: _, ...go } = built;
  const at = posix.resolve(directory, pattern);
  const main = posix.relative(root ?? "/", at);
  if (root === undefined || main.startsWith("..")) refuse(`nothing is copied to ${at}`);
  if (last.directory !== "/") {
    notes.add(`its WORKDIR ${last.directory} is not kept: the program starts where the base says`);
  }
  if (ENTRYPOINT.length > 0 && CMD.length > 0) {
    notes.add("the arguments of its CMD follow those of its ENTRYPOINT: a run cannot replace them");
  }
  const image = { base: final.base, user: USER[0] || undefined, expose, entrypointArgs, labels };
  return { ...image, imageEnv: variables, main, go, notes: [...notes] };
}

function readStage(stage: Stage, known: RegExp, globals: Variables, isFolder: IsFolder) {
  const values: Variables = new Map();
  const notes = new Set<string>();
  const programs: ReturnType<typeof readGoBuild>[] = [];
  const expose: string[] = [];
  const labels: Variables = new Map();
  const variables: Variables = new Map();
  const starts: Record<string, readonly string[]> = {};
  let copied: { stage: string; source: string; target: string } | undefined;
  /** Where the build context stands in the container. */
  let root: string | undefined;
  let directory = "/";
  for (const instruction of stage.instructions) {
    const { name, text, line, flags } = instruction;
    const [what, hint] = known === OF_BUILD ? ["build", ""] : ["last stage", IMAGE];
    if (known === OF_BUILD && IDLE.test(name)) continue;
    if (!known.test(name)) refuse(`its ${what} uses ${name}${hint}`, line);
    const words = name === "RUN" ? [] : commandsOf(instruction, values).flat();
    if (name === "RUN") {
      const odd = flags.find((flag) => !flag.startsWith("--mount=type=cache,"));
      if (odd !== undefined) refuse(`its RUN uses ${odd}`, line);
      programs.push(...goBuilds(instruction, values, directory));
    } else if (name === "ARG" || name === "ENV" || name === "LABEL") {
      for (const [key, own] of words.map(pairOf)) {
        const value = name !== "ARG" ? own : AUTOMATIC.test(key) ? TARGET : own ?? globals.get(key);
        if (value !== undefined) (name === "LABEL" ? labels : values).set(key, value);
        else if (name !== "ARG") refuse(`its ${name} has no "="`, line);
        if (name === "ENV") variables.set(key, value ?? "");
        if (name !== "ARG" || value === undefined || value === TARGET) continue;
        notes.add(
          `build argument ${key}: its default ${JSON.stringify(value)} is taken; in flags ` +
            `and ldflags {{.Env.${key}}} stands for a variable`,
        );
      }
    } else if (name === "WORKDIR") directory = posix.resolve(directory, words[0] ?? ".");
    else if (/^(?:USER|ENTRYPOINT|CMD)$/.test(name)) {
      if (name !== "USER" && !text.startsWith("[")) refuse(`its ${name} needs a shell`, line);
      starts[name] = words;
    } else if (name === "EXPOSE") {
      const odd = words.find((port) => !/^\d{1,5}(?:\/(?:tcp|udp|sctp))?$/i.test(port));
      if (odd) refuse(`its EXPOSE names ${odd}, which is no single port`, line);
      expose.push(...words.map((port) => port.toLowerCase()));
    } else if (name === "COPY") {
      const stage = flags.find((flag) => flag.startsWith("--from="))?.slice("--from=".length);
      const [sources, target = ""] = [words.slice(0, -1), words.at(-1)];
      const to = posix.resolve(directory, target);
      for (const source of sources) {
        const from = contextPath(source);
        const intoFolder = /(?:^|\/)\.{0,2}$/.test(target) || sources.length > 1;
        const isFile = intoFolder && !to.endsWith(`/${from}`) && (stage || !isFolder(from));
        const file = isFile ? posix.join(to, posix.basename(from)) : to;
        if (known === OF_LAST) {
          if (stage === undefined) refuse(`it copies ${source} into the image${IMAGE}`, line);
          if (copied) refuse(`its last stage copies more than the binary${IMAGE}`, line);
          copied = { stage, source: posix.resolve("/", source), target: file };
          continue;
        }
        if (stage !== undefined) refuse(`its build copies from ${stage}`, line);
        const above = posix.resolve(file, posix.relative(`/${from}`, "/"));
        if (posix.join(above, from) !== file || (root ?? above) !== above) {
          refuse(`its build has ${source} at ${file}, another place than in the context`, line);
        }
        root = above;
      }
    }
  }
  const own = { labels: Object.fromEntries(labels), variables: Object.fromEntries(variables) };
  const set = { ...own, expose, starts, directory };
  return { programs, root, notes, copied, ...set };
}

/** A path of the context without what says nothing: "" is its root. */
function contextPath(path: string): string {
  return posix.relative("/", posix.resolve("/", path));
}

/** The `go build` commands of a `RUN`; all else but fetching modules is refused. */
function* goBuilds(instruction: Instruction, values: Variables, directory: string) {
  const { line } = instruction;
  for (const words of commandsOf(instruction, values)) {
    const env = new Map(values);
    for (; /^[A-Za-z_]\w*=/.test(words[0] ?? ""); words.shift()) {
      const [name, value = ""] = pairOf(words[0] ?? "");
      env.set(name, value);
    }
    const what = words.slice(0, words[0] === "go" ? 3 : 2).join(" ");
    if (/^go build\b/.test(what)) {
      yield readGoBuild(words.slice(2), directory, env, line);
    } else if (!/^go mod (?:download|verify)$/.test(what)) {
      refuse(`it runs ${what}`, line);
    }
  }
}

/** Reads the words behind `go build`; paths are those of the container. */
function readGoBuild(words: readonly string[], directory: string, env: Variables, line: number) {
  const flags: string[] = [];
  const patterns: string[] = [];
  let [at, output, linked] = [directory, "", ""];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const [, name = "", given] = /^--?([A-Za-z]\w*)(?:=(.*))?$/s.exec(word) ?? [];
    const value = given ?? (WITH_VALUE.test(name) ? words[++i] ?? "" : undefined);
    if (name === "") patterns.push(word);
    else if (REFUSED.test(name) && value !== "false") {
      refuse(`-${name} needs cgo, is for tests, or runs another program`, line);
    } else if (name === "C") at = posix.resolve(at, value ?? "");
    else if (name === "o") output = value ?? "";
    else if (name === "ldflags") linked = (value ?? "").trim();
    else if (!WITHOUT_EFFECT.test(name)) flags.push([`-${name}`, value ?? []].flat().join("="));
  }
  const [pattern = ".", ...others] = patterns;
  if (others.length > 0 || pattern.includes("...")) refuse("it builds several programs", line);
  if (!/^[./]|\.go$/.test(pattern)) refuse(`it builds ${pattern}, which is no folder`, line);
  if (!/^0?$/.test(env.get("CGO_ENABLED") ?? "")) refuse("it builds with cgo", line);
  const own = [...env].filter(([name]) => SHAPING.test(name)).map((pair) => pair.join("="));
  const target = ["GOOS", "GOARCH"].map((name) => env.get(name) ?? "").join("/");
  const isDefault = /^(?:linux|\0target)?\/(?:amd64|\0target)?$/.test(target);
  if (!isDefault) refuse(`it builds for ${target.replace(TARGET, "")}`, line);
  const name = posix.basename(pattern === "." ? at : pattern).replace(/\.go$/, "");
  const file = /(?:^|\/)$/.test(output) ? `${output}${name}` : output;
  const all = [...flags, linked, ...own, pattern, file, at].join("\n");
  if (all.includes(TARGET)) refuse("its go build differs by platform", line);
  // Without quotes a list is easier to read; `-X` and what it sets stay together.
  const ldflags = linked === "" ? [] : linked.split(/["']/.test(linked) ? /$/ : /\s+(?=-)/);
  output = posix.resolve(at, file);
  return { directory: at, pattern, output, env: own, flags, ldflags };
}

function parseDockerfile(text: string) {
  const parsed = DockerfileParser.parse(text.replace(/^\ufeff/, ""));
  if (parsed.getEscapeCharacter() !== "\\") refuse("it has another escape character than \\", 1);
  const globals: Variables = new Map();
  const stages: Stage[] = [];
  for (const one of parsed.getInstructions()) {
    const instruction = instructionOf(one as ModifiableInstruction);
    const { name, line } = instruction;
    if (name === "FROM") {
      const [image = "", , alias = ""] = commandsOf(instruction, globals).flat();
      const { base, instructions } = stageOf(stages, image) ?? { base: image, instructions: [] };
      stages.push({ name: alias.toLowerCase(), base, instructions: [...instructions] });
    } else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (name === "ARG") {
      const pairs = commandsOf(instruction, globals).flat().map(pairOf);
      for (const [key, value] of pairs) if (value !== undefined) globals.set(key, value);
    } else refuse(`${name} stands before the first FROM`, line);
  }
  return { globals, stages };
}

/** One that has no flags has no `getFlags` either. */
function instructionOf(one: ModifiableInstruction) {
  // The library keeps a comment in the middle of an instruction when it is indented.
  const text = (one.getRawArgumentsContent() ?? "")
    .replaceAll(/\n[ \t]*(?:#.*)?(?=\r?\n)/g, "").replaceAll(/\\[ \t]*\r?\n/g, " ").trim();
  const line = one.getRange().start.line + 1;
  const isHere = text.includes("\n") || /<<-?\s*["']?[A-Za-z_]/.test(text);
  if (isHere) refuse("it uses a here-document", line);
  return { name: one.getKeyword(), flags: (one.getFlags?.() ?? []).map(String), text, line };
}

/** The stage of a name or number. */
function stageOf(stages: readonly Stage[], name: string): Stage | undefined {
  const named = stages.findLastIndex((stage) => stage.name === name.toLowerCase());
  return stages[/^\d+$/.test(name) ? Number(name) : named];
}

/** `NAME=VALUE`, or a name alone. */
function pairOf(word: string): readonly [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** The words of an instruction without their quotes: of a `RUN` by command, of others in one list. */
function commandsOf({ name, text, line }: Instruction, variables: Variables): string[][] {
  const isRun = name === "RUN";
  if (text.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(text);
      if (Array.isArray(list) && list.every((one) => typeof one === "string")) return [list];
    } catch {
      // The same as for a list of something else.
    }
    refuse(`its ${name} is no list of texts`, line);
  }
  // The library passes over a quote without an end, and over what only some shells know.
  const bare = text.replaceAll(QUOTED, "");
  if (/["']/.test(bare)) refuse("it has a quote without an end", line);
  if (/\$\{(?![^{}]+\})/.test(text)) refuse("it uses a brace without an end", line);
  if (isRun && text.includes("`")) refuse("it uses the output of a command", line);
  if (isRun && /[[\]{}~!]/.test(bare)) refuse("its shell command uses a pattern", line);
  const commands: string[][] = [[]];
  const valueOf = (key: string): string => {
    const [, name = "", colon, other] = /^([A-Za-z_]\w*)(?:(:?)-([^$]*))?$/.exec(key) ?? [];
    const value = variables.get(name);
    const known = colon === ":" ? value || other : value ?? other;
    if (key === "") refuse("it uses the output of a command", line);
    return known ??
      refuse(`it uses ${name || key}, which it does not set, without a default`, line);
  };
  for (const entry of parse(text, valueOf, { splitUnquoted: isRun })) {
    const { op = "#", pattern = op } = entry as { readonly op?: string; readonly pattern?: string };
    if (typeof entry === "string") commands.at(-1)?.push(entry);
    else if (isRun && /^(?:&&|;)$/.test(op)) commands.push([]);
    else if (!isRun && op === "glob") commands.at(-1)?.push(pattern);
    else refuse(`its ${isRun ? "shell command" : name} uses ${pattern}`, line);
  }
  return commands.filter((words) => words.length > 0);
}
