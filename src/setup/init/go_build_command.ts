/**
 * A `go build` of a Dockerfile: what of it belongs into `.ko.yaml`.
 * @module
 */
import { posix } from "node:path";
import { LeftAlone } from "./left_alone.ts";

/** Stands for what the builder says of the platform, such as `TARGETARCH`. */
export const TARGET = "\0target";

/** A `go build`, with paths of the container. */
export interface GoBuild {
  /** Where it runs. */
  readonly directory: string;
  /** The package: an import path, a folder or a file, as it is written. */
  readonly pattern: string;
  /** File of the binary. */
  readonly output: string;
  /** Variables of Go that shape the binary. */
  readonly env: readonly string[];
  /** `os/arch`, where it is for one other than the default. */
  readonly platform: string | undefined;
  /** Less those that kodeno gives by itself, and those without effect on the binary. */
  readonly flags: readonly string[];
  readonly ldflags: readonly string[];
}

/** Flags with a value, which may be the next word. */
const WITH_VALUE = new Set(
  ("C asmflags buildmode compiler covermode coverpkg gccgoflags gcflags installsuffix ldflags mod " +
    "modfile o overlay p pgo pkgdir tags toolexec").split(" "),
);
/** What does nothing to the binary, or is done anyway. */
const IDLE = new Set(["a", "installsuffix", "p", "trimpath", "v", "x"]);
const REFUSED: Readonly<Record<string, string>> = {
  asan: "needs cgo",
  cover: "is for tests",
  msan: "needs cgo",
  race: "needs cgo",
  toolexec: "runs another program",
};
/** Variables that name places in the container, or that only fetching looks at. */
const LOCAL = /^(?:GOPATH|GOCACHE|GOMODCACHE|GOBIN|GOROOT|GOTMPDIR|GO111MODULE|GOTOOLCHAIN)$/;
const PLATFORM = ["GOOS", "GOARCH", "GOARM"];

/**
 * Reads the words behind `go build`.
 *
 * @param directory of the container that it runs in
 * @param env all variables it gets
 * @throws {LeftAlone}
 */
export function readGoBuild(
  words: readonly string[],
  directory: string,
  env: ReadonlyMap<string, string>,
  line: number,
): GoBuild {
  const flags: string[] = [];
  const patterns: string[] = [];
  let ldflags: readonly string[] = [];
  let output: string | undefined;
  let at = directory;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const [, name = "", given] = /^--?([A-Za-z][\w]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === "") {
      patterns.push(word);
      continue;
    }
    const value = given ?? (WITH_VALUE.has(name) ? words[++i] ?? "" : undefined);
    const why = REFUSED[name];
    if (why !== undefined && value !== "false") throw new LeftAlone(`-${name} ${why}`, line);
    if (name === "C") at = posix.resolve(at, value ?? "");
    else if (name === "o") output = value;
    else if (name === "ldflags") ldflags = splitLdflags(value ?? "");
    else if (!IDLE.has(name)) flags.push(value === undefined ? `-${name}` : `-${name}=${value}`);
  }
  const [pattern = ".", ...others] = patterns;
  if (others.length > 0 || pattern.includes("...")) {
    throw new LeftAlone("its go build makes several programs", line);
  }
  const { own, platform } = shaping(env, line);
  const name = posix.basename(pattern === "." ? at : pattern).replace(/\.go$/, "");
  const file = output === undefined || output.endsWith("/") ? `${output ?? ""}${name}` : output;
  const said = [...flags, ...ldflags, ...own, pattern, file, at].join("\n");
  if (said.includes(TARGET)) throw new LeftAlone("its go build differs by platform", line);
  return {
    directory: at,
    pattern,
    output: posix.resolve(at, file),
    env: own,
    platform,
    flags,
    ldflags,
  };
}

/** Without quotes a list is easier to read; `-X` and what it sets stay together. */
function splitLdflags(text: string): readonly string[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  if (/["']/.test(trimmed)) return [trimmed];
  return trimmed.split(/\s+(?=-)/).map((part) => part.replaceAll(/\s+/g, " "));
}

function shaping(env: ReadonlyMap<string, string>, line: number) {
  const own: string[] = [];
  for (const [name, value] of env) {
    if (!/^(?:GO[A-Z0-9]*|CGO_\w+)$/.test(name) || LOCAL.test(name)) continue;
    if (PLATFORM.includes(name)) continue;
    if (name === "CGO_ENABLED") {
      if (value !== "0") throw new LeftAlone("it builds with cgo", line);
    } else own.push(`${name}=${value}`);
  }
  const [os = "", arch = "", arm = ""] = PLATFORM.map((name) => env.get(name) ?? "");
  const isNamed = (text: string): boolean => text !== "" && text !== TARGET;
  if (isNamed(os) && os !== "linux") throw new LeftAlone(`it builds for ${os}`, line);
  // Without a word the platform is linux/amd64.
  const named = isNamed(arch) && arch !== "amd64";
  const variant = arch === "arm" && isNamed(arm) ? `/v${arm}` : "";
  return { own, platform: named ? `linux/${arch}${variant}` : undefined };
}
