/**
 * The files that go reads for packages, by what `go list -deps` says of them and of all that they
 * depend on.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../errors.ts";
import type { ListedPackage } from "./packages.ts";
import { selectListFlags } from "./arguments.ts";
import { type GoCommand, runGo } from "./command.ts";

/** Fields of `go list` that name files of a package. */
const FILES = [
  "GoFiles",
  "CgoFiles",
  "CFiles",
  "CXXFiles",
  "MFiles",
  "HFiles",
  "FFiles",
  "SFiles",
  "SwigFiles",
  "SwigCXXFiles",
  "SysoFiles",
  "EmbedFiles",
  // What go cannot read now is what somebody is about to mend.
  "InvalidGoFiles",
] as const;
/** The others; asking for few of them makes go faster, too. */
const FIELDS = ["ImportPath", "Name", "Dir", "Match", "Standard", "Module", "Error"];
/** What tells which package is in which image; only asked for where there are several. */
const GRAPH = ["Imports", "ImportMap"];

/** A module, as `go list` tells it; see `go help list`. */
export interface ListedModule {
  readonly Path: string;
  readonly Main?: boolean;
  readonly Dir?: string;
  readonly GoMod?: string;
  readonly Replace?: { readonly Version?: string; readonly GoMod?: string };
}

/** A package with its files. */
export interface SourcePackage
  extends ListedPackage, Partial<Record<typeof FILES[number], string[]>> {
  readonly Module?: ListedModule;
  readonly EmbedPatterns?: readonly string[];
  readonly Imports?: readonly string[];
  readonly ImportMap?: Readonly<Record<string, string>>;
}

/** What one run of `go list` is asked. */
export interface ListRequest {
  /** Flags of `go build`. */
  readonly flags: readonly string[];
  readonly patterns: readonly string[];
  /** Whether imports are wanted. */
  readonly graph: boolean;
}

/** The packages of a run that are the user's own, in the order of go: what is imported first. */
export interface SourceList {
  /** By import path. */
  readonly packages: ReadonlyMap<string, SourcePackage>;
  /** What is wrong with packages, a line each. */
  readonly faults: readonly string[];
}

/**
 * Lists packages and all that they depend on, less those of Go itself and of the module cache: what
 * is there never changes.
 *
 * @throws {KodenoError} `BAD_PACKAGE` when go cannot read the module, `GO_FAILED` without go
 */
export async function listSources(how: GoCommand, request: ListRequest): Promise<SourceList> {
  const { flags, patterns, graph } = request;
  const fields = [...FIELDS, ...FILES, "EmbedPatterns", ...(graph ? GRAPH : [])].join(",");
  const packages = new Map<string, SourcePackage>();
  const faults: string[] = [];
  const splitter = new ObjectSplitter((text) => {
    // Most of a list are packages of Go itself: these are not worth reading.
    if (text.includes('\n\t"Standard": true')) return;
    const found = JSON.parse(text) as SourcePackage;
    if (found.Error) faults.push(`${found.ImportPath}: ${oneLine(found.Error.Err)}`);
    if (isOwn(found) || found.Match) packages.set(found.ImportPath, found);
  });
  const args = ["list", "-e", "-deps", `-json=${fields}`, ...selectListFlags(flags), "--"];
  const output = await runGo(how, [...args, ...patterns], (text) => splitter.add(text));
  if (output.code === 0) return { packages, faults };
  throw new KodenoError(
    "BAD_PACKAGE",
    `Cannot list ${patterns.join(" ")} in ${how.directory}: ` +
      oneLine(output.stderr).replace(/^go: /, ""),
  );
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}

/** Whether a package is of a main module, of a folder that stands for a module, or vendored. */
export function isOwn({ Module }: SourcePackage): boolean {
  if (Module === undefined || Module.Main) return true;
  if (Module.Replace !== undefined && !Module.Replace.Version) return true;
  // A vendored package has a module, but that has no folder of its own.
  return Module.Dir === undefined;
}

/** The files of a package that shape what is built of it; absolute. */
export function filesOf(found: SourcePackage): readonly string[] {
  const { Dir = "" } = found;
  return FILES.flatMap((field) => found[field] ?? [])
    .map((name) => name.startsWith("/") ? name : join(Dir, name));
}

/**
 * A package and all of a list that it depends on.
 *
 * @param packages listed with their graph
 */
export function closureOf(
  packages: ReadonlyMap<string, SourcePackage>,
  importPath: string,
): readonly SourcePackage[] {
  const found = new Map<string, SourcePackage>();
  const open = [importPath];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const one = packages.get(path);
    if (one === undefined || found.has(path)) continue;
    found.set(path, one);
    for (const name of one.Imports ?? []) open.push(one.ImportMap?.[name] ?? name);
  }
  return [...found.values()];
}

/** Most characters that go says of one package; the largest name some thousand files. */
const MAX_OBJECT = 16 * 1024 * 1024;

/** Cuts what `go list -json` prints, one indented object after the other, while it comes. */
export class ObjectSplitter {
  #rest = "";

  /** @param take gets the text of each object */
  constructor(readonly take: (text: string) => void) {}

  /** Adds a piece of the text, wherever it was cut. */
  add(text: string): void {
    this.#rest += text;
    let start = 0;
    for (
      let end = this.#rest.indexOf("\n}\n");
      end >= 0;
      end = this.#rest.indexOf("\n}\n", start)
    ) {
      this.take(this.#rest.slice(start, end + 2));
      start = end + 3;
    }
    this.#rest = this.#rest.slice(start);
    if (this.#rest.length > MAX_OBJECT) {
      throw new KodenoError("GO_FAILED", "Cannot run go list: it prints an object without end");
    }
  }
}
