/**
 * What is in layers: how many files of which sizes, and the programs that go has built among them. A layer
 * that many images share is read once; programs are in a temporary file while they are looked at.
 * @module
 */
import { join } from "node:path";
import type { Blobs, CallOptions } from "../content/places.ts";
import { hasCode } from "../errors.ts";
import type { BuildInfo, GoModule } from "../go/build_info.ts";
import { KeptProgram } from "../go/kept_program.ts";
import { readProgram } from "../go/program.ts";
import { readLayer } from "../image/layer_entries.ts";
import { pathInImage } from "../image/layer_files.ts";
import { getOrSet } from "../io/concurrency.ts";
import { type Descriptor, isForeign } from "../oci/descriptor.ts";
import { problemOf } from "./documents.ts";

/** A module, as a report names it. */
export interface ReportModule {
  /** Path that is asked for. */
  readonly path: string;
  /** Nothing of what has none. */
  readonly version?: string | undefined;
  /** What stands in its place: another module with its version, or a folder. */
  readonly by?: string | undefined;
}

/** A program that go has built. */
export interface ReportProgram {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly goVersion: string;
  /** Import path of its main package. */
  readonly package: string;
  /** Its main module; nothing where single files were built. */
  readonly main?: ReportModule | undefined;
  /** Commit that it was built from, and whether there was more than that. */
  readonly revision?: string | undefined;
  readonly isDirty?: boolean | undefined;
  readonly modules: readonly ReportModule[];
  /** Bytes of code by the paths of modules, the largest first; `std` is Go's own library. */
  readonly code: readonly { readonly module: string; readonly bytes: number }[];
}

/** A layer. */
export interface ReportLayer {
  readonly digest: string;
  /** Bytes as it is carried, and of the files in it. */
  readonly size: number;
  readonly unpacked: number;
  readonly files: number;
  /** The largest files that are none of {@link programs}. */
  readonly largest: readonly { readonly path: string; readonly size: number }[];
  readonly programs: readonly ReportProgram[];
  /** Why nobody knows what is in it. */
  readonly problem?: string | undefined;
}

/** Files of a layer that are named. */
const LARGEST = 8;
/** A larger file is no program. */
const MOST_PROGRAM_BYTES = 2 * 1024 ** 3;

/** Looks into layers, each once. */
export class LayerLooker implements AsyncDisposable {
  readonly #seen = new Map<string, Promise<ReportLayer>>();
  #folder: Promise<string> | undefined;
  #kept = 0;

  constructor(readonly options: CallOptions) {}

  /** Looks into a layer; what is wrong with it is told in its place. */
  of(source: Blobs, layer: Descriptor): Promise<ReportLayer> {
    return getOrSet(this.#seen, layer.digest, () => this.#look(source, layer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder === undefined) return;
    await Deno.remove(await this.#folder, { recursive: true }).catch(() => {});
  }

  async #look(source: Blobs, layer: Descriptor): Promise<ReportLayer> {
    const { digest, size } = layer;
    const found = { digest, size, unpacked: 0, files: 0 };
    const sizes = new LargestFiles();
    const kept: { file: string; path: string; size: number }[] = [];
    const folder = await (this.#folder ??= Deno.makeTempDir({ prefix: "kodeno-" }));
    try {
      await readLayer(source, layer, (entry) => {
        if (!entry.isFile) return undefined;
        found.files++;
        found.unpacked += entry.size;
        const path = pathInImage(entry.path);
        if (entry.size > MOST_PROGRAM_BYTES) return void sizes.add(path, entry.size);
        const program = new KeptProgram(join(folder, String(this.#kept++)));
        return {
          write: (chunk) => program.write(chunk),
          end: () => {
            if (!program.end()) sizes.add(path, entry.size);
            else kept.push({ file: program.path, path, size: entry.size });
          },
        };
      }, this.options);
      const programs: ReportProgram[] = [];
      for (const { file, path, size } of kept) {
        const program = await readProgram(file);
        if (program === undefined) sizes.add(path, size);
        else programs.push({ path, size, ...programFacts(program.info), code: codeOf(program) });
      }
      return { ...found, largest: sizes.all, programs };
    } catch (error) {
      const why = problemOf(error, this.options);
      const isElsewhere = isForeign(layer) && hasCode(error, "NOT_FOUND");
      const problem = isElsewhere ? "foreign, and not here" : why;
      return { ...found, unpacked: 0, files: 0, largest: [], programs: [], problem };
    } finally {
      for (const { file } of kept) await Deno.remove(file).catch(() => {});
    }
  }
}

class LargestFiles {
  readonly all: { readonly path: string; readonly size: number }[] = [];

  add(path: string, size: number): void {
    this.all.push({ path, size });
    this.all.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
    this.all.splice(LARGEST);
  }
}

function programFacts({ goVersion, importPath, main, modules, settings }: BuildInfo) {
  const revision = settings["vcs.revision"];
  return {
    goVersion,
    package: importPath,
    main: main && moduleFacts(main),
    ...(revision === undefined ? {} : { revision, isDirty: settings["vcs.modified"] === "true" }),
    modules: modules.map(moduleFacts),
  };
}

function moduleFacts({ path, version, replaces, folder }: GoModule): ReportModule {
  if (folder !== undefined) return { path, by: folder };
  if (replaces === undefined) return { path, version };
  return { ...replaces, by: version === undefined ? path : `${path}@${version}` };
}

/** What Go's own library is called. */
export const STANDARD = "std";

/** Code by modules: a package is of the module with the longest path that begins its own. */
function codeOf({ info, code }: NonNullable<Awaited<ReturnType<typeof readProgram>>>) {
  const main = info.main?.path ?? info.importPath;
  const paths = new Set([main, ...info.modules.map((one) => one.replaces?.path ?? one.path)]);
  const found = new Map<string, number>();
  for (const [path, bytes] of code) {
    const module = path === "main" ? main : moduleOf(path, paths);
    found.set(module, (found.get(module) ?? 0) + bytes);
  }
  return Array.from(found, ([module, bytes]) => ({ module, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.module < b.module ? -1 : 1));
}

function moduleOf(path: string, modules: ReadonlySet<string>): string {
  for (let at = path; at !== "";) {
    if (modules.has(at)) return at;
    at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
  }
  return STANDARD;
}
