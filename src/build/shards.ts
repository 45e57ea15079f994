/**
 * Which images of a plan one machine of several builds. All of them come to the same division without
 * a word between them: it depends on nothing but the plan and what is known of the time that images
 * took. Pure.
 * @module
 */
import type { Shard } from "../config/shard.ts";
import type { Emit } from "../events.ts";
import { getOrSet } from "../io/concurrency.ts";

/**
 * Divides images: the one that took longest goes first, and each to the shard that has least to do.
 * Those of which nothing is known take as long as the others do on average.
 *
 * @returns the images of each shard, in the order of their names
 */
export function divide(
  names: readonly string[],
  total: number,
  seconds: ReadonlyMap<string, number>,
): readonly (readonly string[])[] {
  const byName = (a: string, b: string): number => a < b ? -1 : 1;
  const sorted = [...new Set(names)].sort(byName);
  const known = sorted.flatMap((name) => seconds.get(name) ?? []);
  const usual = known.length === 0 ? 1 : known.reduce((sum, one) => sum + one, 0) / known.length;
  const of = (name: string): number => seconds.get(name) ?? usual;
  const shards = Array.from({ length: total }, () => ({ load: 0, names: [] as string[] }));
  for (const name of sorted.toSorted((a, b) => of(b) - of(a) || byName(a, b))) {
    const least = shards.reduce((a, b) =>
      b.load < a.load || (b.load === a.load && b.names.length < a.names.length) ? b : a
    );
    least.load += of(name);
    least.names.push(name);
  }
  return shards.map(({ names }) => names.sort(byName));
}

/** The images of a shard; all of them where there is none. */
export function partOf(
  names: readonly string[],
  shard: Shard | undefined,
): ReadonlySet<string> {
  if (shard === undefined) return new Set(names);
  return new Set(divide(names, shard.total, shard.seconds)[shard.index - 1]);
}

/** What is known of one platform of an image; times in milliseconds. */
interface Measured {
  /** Those that one run of go compiles have the same. */
  run?: number;
  compiling?: number;
  compiled?: number;
  written?: number;
  bytes: number;
}

/**
 * How long images take, by the events of their build: writing their layers, and their part of the run
 * of go that compiled them, which is divided by the sizes of its programs. Images of which nothing was
 * compiled tell nothing.
 */
export class ImageTimes {
  /** By platform and image. */
  readonly #measured = new Map<string, Map<string, Measured>>();
  #runs = 0;
  /** The platform of the event before, where that began to compile. */
  #compiling: string | undefined;

  /** @param clock tells milliseconds */
  constructor(readonly clock: () => number = () => performance.now()) {}

  /** Listens, and passes all on. */
  listen(emit?: Emit): Emit {
    return (event) => {
      emit?.(event);
      const compiling = this.#compiling;
      this.#compiling = undefined;
      if (event.type !== "stage" || event.image === "") return;
      const { image, platform, stage } = event;
      const now = this.clock();
      const images = getOrSet(this.#measured, platform, () => new Map<string, Measured>());
      const measured = getOrSet(images, image, (): Measured => ({ bytes: 1 }));
      if (stage === "compiling") {
        // Those of one run are told of one after the other, with nothing between them.
        if (compiling !== platform) this.#runs++;
        this.#compiling = platform;
        measured.run = this.#runs;
        measured.compiling = now;
      }
      if (stage === "layering") measured.compiled = now;
      if (stage === "writing") {
        measured.written = now;
        measured.bytes = event.bytes || 1;
      }
    };
  }

  /** A line `SECONDS NAME` for each image, in the order of their names. */
  text(nameOf = (importPath: string): string => importPath): string {
    const times = new Map<string, number>();
    for (const images of this.#measured.values()) {
      const whole = [...images].filter(([, one]) =>
        one.compiling !== undefined && one.compiled !== undefined && one.written !== undefined
      ) as [string, Required<Measured>][];
      for (const run of Map.groupBy(whole, ([, { run }]) => run).values()) {
        const all = run.reduce((sum, [, { bytes }]) => sum + bytes, 0);
        const ms = Math.min(...run.map(([, { compiling, compiled }]) => compiled - compiling));
        for (const [image, { compiled, written, bytes }] of run) {
          const own = ms * bytes / all + Math.max(written - compiled, 0);
          times.set(image, (times.get(image) ?? 0) + own);
        }
      }
    }
    return [...times].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([image, ms]) => `${(ms / 1000).toFixed(3)} ${nameOf(image)}\n`).join("");
  }
}
