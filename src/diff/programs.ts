/**
 * In what the programs of two images differ that go has built: the version of go, modules and settings, as
 * go tells of them.
 * @module
 */
import { join } from "node:path";
import type { Blobs } from "../content/places.ts";
import type { WorkOptions } from "../events.ts";
import { type BuildInfo, buildInfosIn, type GoModule } from "../go/build_info.ts";
import type { GoCommand } from "../go/command.ts";
import { type LayerReading, readLayer } from "../image/layer_entries.ts";
import { pathInImage } from "../image/layer_files.ts";
import { ioFailure, writeAll } from "../io/files.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Change, changes } from "./documents.ts";

/** A program of an image: its path there, and the layer that has it. */
interface ProgramAt {
  readonly source: Blobs;
  readonly layer: Descriptor;
  readonly path: string;
}

/** More of them are not looked into, nor those that have more bytes together. */
const MOST_PROGRAMS = 64;
const MOST_BYTES = 4 * 1024 ** 3;

/**
 * In what pairs of programs differ, in their order: nothing for a pair of which go has not built both.
 * Layers are read once more for it, and programs kept in a temporary folder.
 *
 * @throws {KodenoError} `GO_FAILED` without go
 */
export async function programChanges(
  pairs: readonly (readonly [ProgramAt, ProgramAt])[],
  go: Pick<GoCommand, "command" | "environment">,
  { signal, foreign, emit }: WorkOptions & LayerReading,
): Promise<readonly (readonly Change[] | undefined)[]> {
  if (pairs.length === 0) return [];
  const folder = await Deno.makeTempDir({ prefix: "kodeno-" });
  try {
    if (pairs.length > MOST_PROGRAMS) {
      const message = `Left out what programs are made of but for ${MOST_PROGRAMS} of them: ` +
        `${pairs.length} differ`;
      emit?.({ type: "note", level: "info", message });
    }
    const looked = pairs.slice(0, MOST_PROGRAMS);
    const named = looked.flatMap(([a, b], i) => [[`a${i}`, a], [`b${i}`, b]] as const);
    const byLayer = Map.groupBy(named, ([, { layer }]) => layer);
    const room = { bytes: MOST_BYTES };
    for (const all of byLayer.values()) await keepPrograms(folder, all, room, { signal, foreign });
    const infos = await buildInfosIn({ ...go, directory: folder, signal });
    return pairs.map((_, i) => {
      const [a, b] = [infos.get(`a${i}`), infos.get(`b${i}`)];
      return a && b && infoChanges(a, b);
    });
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Writes programs of one layer into a folder, by their names there. */
async function keepPrograms(
  folder: string,
  all: readonly (readonly [name: string, ProgramAt])[],
  room: { bytes: number },
  options: LayerReading,
): Promise<void> {
  const [[, at] = []] = all;
  if (at === undefined) return;
  let open: Deno.FsFile | undefined;
  try {
    await readLayer(at.source, at.layer, (entry) => {
      const path = pathInImage(entry.path);
      const [name] = all.find(([, one]) => one.path === path) ?? [];
      if (name === undefined || !entry.isFile || entry.size > room.bytes) return undefined;
      room.bytes -= entry.size;
      // go passes over what cannot be run.
      const how = { write: true, create: true, truncate: true, mode: 0o700 };
      const file = open = Deno.openSync(join(folder, name), how);
      return { write: (chunk) => writeAll(file, chunk), end: () => file.close() };
    }, options);
  } catch (error) {
    try {
      open?.close();
    } catch {
      // It was closed when all of it was there.
    }
    throw ioFailure(`keep a program in ${folder} (TMPDIR) while it is read`, error);
  }
}

function infoChanges(a: BuildInfo, b: BuildInfo): readonly Change[] {
  const [x, y] = [modulesOf(a), modulesOf(b)];
  const told = (info: BuildInfo, own: typeof x, other: typeof x) => ({
    go: info.goVersion,
    package: info.importPath,
    modules: Object.fromEntries(
      own.entries().map(([path, module]) => {
        const [text, otherText] = [moduleText(module), moduleText(other.get(path))];
        const isOther = text === otherText && module.sum !== other.get(path)?.sum;
        return [path, isOther ? `${text} ${module.sum ?? "without a sum"}` : text];
      }),
    ),
    settings: info.settings,
  });
  return changes(told(a, x, y), told(b, y, x));
}

/** All modules of a program, its own first, by the paths that were asked for. */
function modulesOf({ main, modules }: BuildInfo): ReadonlyMap<string, GoModule> {
  const all = [...(main ? [main] : []), ...modules];
  return new Map(all.map((module) => [module.replaces?.path ?? module.path, module]));
}

/** `v1.2.3`, `v1.2.3 => example.com/fork v1.0.0`, `=> ./folder`. */
function moduleText(module: GoModule | undefined): string | undefined {
  if (module === undefined) return undefined;
  const { path, version = "(devel)", replaces, folder } = module;
  if (replaces !== undefined) return `${replaces.version ?? "(devel)"} => ${path} ${version}`;
  return folder === undefined ? version : `=> ${folder}`;
}
