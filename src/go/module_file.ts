/**
 * What differs between two states of a go.mod, and whom that concerns (`go help mod edit`).
 * @module
 */
import { type GoCommand, goFailure, runGo } from "./command.ts";
import type { UsedModule } from "./modules.ts";

/** A go.mod, as go tells it. */
interface ModuleFile {
  readonly Go?: string;
  readonly Require?: readonly Versioned[] | null;
  readonly Replace?: readonly { readonly Old: Versioned; readonly New: Versioned }[] | null;
  readonly [field: string]: unknown;
}

interface Versioned {
  readonly Path: string;
  readonly Version?: string;
}

/** Fields that say nothing of what programs are built from. */
const OTHER = ["Retract", "Tool"];
/** Since this version a go.mod names all modules that packages are from (`go help modules`, pruning). */
const PRUNED = 17;

/**
 * Reads a go.mod.
 *
 * @throws {KodenoError} `GO_FAILED` for one that go cannot read
 */
export async function readModuleFile(how: GoCommand, path: string): Promise<ModuleFile> {
  const output = await runGo(how, ["mod", "edit", "-json", path]);
  if (output.code !== 0) throw goFailure(`read ${path}`, output);
  return JSON.parse(output.stdout);
}

/** Why a program of some modules is built from others than before; nothing where it is not. */
export function moduleDifference(
  before: ModuleFile,
  after: ModuleFile,
  modules: readonly UsedModule[],
): string | undefined {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of names) {
    if (OTHER.includes(name) || name === "Require" || name === "Replace") continue;
    if (isSame(before[name], after[name])) continue;
    const [was, is] = [before[name], after[name]];
    const isText = typeof (was ?? is) === "string";
    return isText
      ? `${name.toLowerCase()} ${was ?? "none"} -> ${is ?? "none"}`
      : `its ${name.toLowerCase()}`;
  }
  const of = ({ Require, Replace }: ModuleFile) => [Require, Replace];
  if (![before, after].every(isPruned)) {
    return isSame(of(before), of(after)) ? undefined : "its modules";
  }
  for (const { asked: { path } } of modules) {
    const [was, is] = [before, after].map((file) => chosen(file, path));
    if (was !== is) return `${path} ${was} -> ${is}`;
  }
  return undefined;
}

function isPruned({ Go = "" }: ModuleFile): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(Go) ?? [];
  return Number(major) > 1 || Number(minor) >= PRUNED;
}

/** The version of a module, and what stands in its place. */
function chosen({ Require, Replace }: ModuleFile, path: string): string {
  const version = Require?.find(({ Path }) => Path === path)?.Version ?? "none";
  const by = Replace?.filter(({ Old }) => Old.Path === path)
    .map(({ Old, New }) => `${Old.Version ?? ""} => ${New.Path} ${New.Version ?? ""}`.trim());
  return [version, ...by ?? []].join(" ");
}

const isSame = (a: unknown, b: unknown): boolean =>
  JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
