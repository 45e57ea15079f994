/**
 * Does the work of one row: the competitors take turns (A B A B ...), so that what else the machine
 * does hits both, and after each run its layout is checked. Files are synced before each run: the
 * one does not pay for what the other has left to write.
 * @module
 */
import {
  commandOf,
  type Competitor,
  type Folders,
  foldersOf,
  runsFolder,
  type Setting,
} from "./competitors.ts";
import { changeMain } from "./fixtures.ts";
import { type BinaryLayer, checkLayout } from "./layouts.ts";
import { environment, output, type Run, run } from "./process.ts";
import type { Scenario } from "./scenarios.ts";

/** Packed sizes of one layer, in bytes. */
export interface LayerSizes {
  readonly kodeno: number;
  readonly ko: number;
}

/** What came of a scenario. */
export interface Measured {
  /** The runs that count, by who did them. */
  readonly runs: ReadonlyMap<Competitor, readonly Run[]>;
  /** Sizes of the program's layer that is worst against ko's, where both packed the same programs. */
  readonly worstLayer: LayerSizes | undefined;
}

/**
 * Measures a scenario.
 *
 * @param say told what is being done
 * @throws when a program fails, or makes something else than it should
 */
export async function measure(
  setting: Setting,
  scenario: Scenario,
  say: (text: string) => void,
): Promise<Measured> {
  const runs = new Map<Competitor, Run[]>([["kodeno", []], ["ko", []]]);
  if (scenario.withKoCache) runs.set("ko with KOCACHE", []);
  const layers = new Map<Competitor, readonly BinaryLayer[]>();
  await remove(runsFolder(setting.work, scenario));
  try {
    for (let round = -scenario.discarded; round < scenario.repetitions; round++) {
      for (const [who, done] of runs) {
        const most = who === "kodeno" ? undefined : scenario.koRepetitions;
        if (most !== undefined && round >= most) continue;
        await prepare(setting, scenario, foldersOf(setting, scenario, who), `${who} ${round}`);
        const one = await run(commandOf(setting, scenario, who));
        say(
          `${scenario.name}: ${who} ${(one.ms / 1000).toFixed(2)} s${
            round < 0 ? " (not counted)" : ""
          }`,
        );
        if (round >= 0) done.push(one);
        layers.set(who, await check(setting, scenario, who, layers.get(who)));
      }
    }
  } finally {
    if (scenario.prepare === "change") await changeMain(setting.work);
    await remove(runsFolder(setting.work, scenario));
  }
  // The last changes of the two differ, so their programs do, too.
  const comparable = scenario.prepare !== "change";
  const worstLayer = comparable
    ? compareLayers(layers.get("kodeno") ?? [], layers.get("ko") ?? [])
    : undefined;
  return { runs, worstLayer };
}

async function prepare(
  { work }: Setting,
  { prepare: how }: Scenario,
  folders: Folders,
  turn: string,
): Promise<void> {
  // A value that was never built before, in this run of the bench or in another one.
  if (how === "change") await changeMain(work, `${turn} ${Date.now()}`);
  if (how === "all-new") await remove(folders.goCache);
  if (how === "all-new" || how === "layers-new") {
    await remove(folders.cache);
    await remove(folders.layout);
  }
  await Deno.mkdir(folders.goCache, { recursive: true });
  await output({ program: "sync", args: [], env: environment(), cwd: work });
}

async function check(
  setting: Setting,
  scenario: Scenario,
  who: Competitor,
  before: readonly BinaryLayer[] | undefined,
): Promise<readonly BinaryLayer[]> {
  const { layout } = foldersOf(setting, scenario, who);
  const { images, platforms } = scenario;
  const layers = await checkLayout(layout, images, platforms.length).catch((error) => {
    throw new Error(`${who} did not make what it should: ${error.message}`);
  });
  if (before !== undefined) {
    const known = new Set(before.map(({ diffId }) => diffId));
    const changed = layers.filter(({ diffId }) => !known.has(diffId)).length;
    const expected = scenario.prepare === "change" ? platforms.length : 0;
    if (changed !== expected) {
      throw new Error(`${who} made ${changed} other programs than before, not ${expected}`);
    }
  }
  return layers;
}

/** Layers are laid side by side by what they unpack to. */
function compareLayers(own: readonly BinaryLayer[], ko: readonly BinaryLayer[]): LayerSizes {
  const sizes = new Map(ko.map(({ diffId, bytes }) => [diffId, bytes]));
  const pairs = own.map(({ diffId, bytes }) => ({ kodeno: bytes, ko: sizes.get(diffId) ?? 0 }));
  const [worst] = pairs.toSorted((a, b) => b.kodeno / b.ko - a.kodeno / a.ko);
  if (!worst || worst.ko === 0) throw new Error("kodeno and ko packed different programs");
  return worst;
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
