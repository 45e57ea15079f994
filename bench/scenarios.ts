/**
 * What is measured: the work of each row, how often it is done, and what must come out.
 * @module
 */
import type { Module } from "./fixtures.ts";

/** What happens before each run. */
export type Preparation =
  /** Nothing: the run before has done everything. */
  | "none"
  /** A constant of one main package changes. */
  | "change"
  /** Go's cache, the layer cache and the layout are new. */
  | "all-new"
  /** The layer cache and the layout are new. */
  | "layers-new";

/** Bounds of a row: what must hold, and what is aimed at. */
export interface Bounds {
  readonly must: number;
  readonly aim?: number;
}

/** One piece of work that kodeno and ko both do. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly module: Module;
  readonly images: number;
  readonly platforms: readonly string[];
  readonly prepare: Preparation;
  /** Runs that count, and runs before them that do not; of ko, where fewer are enough. */
  readonly repetitions: number;
  readonly discarded: number;
  readonly koRepetitions?: number;
  /** Bounds of the wall time, as a part of ko's. Without them, only memory counts. */
  readonly time?: Bounds;
  /** Whether ko is run with KOCACHE, too, for information. */
  readonly withKoCache?: boolean;
}

const ONE = ["linux/amd64"];
const TWO = [...ONE, "linux/arm64"];
const FOUR = [...TWO, "linux/arm/v7", "linux/s390x"];

/** Every platform that a row needs; the base image is made for these. */
export const ALL_PLATFORMS: readonly string[] = FOUR;

/** Bounds of the memory that kodeno's process holds at most, in MB. */
export const MEMORY: Bounds = { must: 200, aim: 120 };
/** Bounds of the compressed size of a layer, as a part of ko's. */
export const LAYER_SIZE: Bounds = { must: 1 };
/** Bounds of the time of `kodeno --version`, in times of a program that does nothing. */
export const STARTUP: Bounds = { must: 5, aim: 3 };

const CRANE = { module: "crane", images: 1 } as const;
const MAINS = { module: "mains", images: 30, platforms: TWO } as const;
const SAME = { prepare: "none", discarded: 1, withKoCache: true } as const;
const COLD = { prepare: "all-new", repetitions: 3, discarded: 0 } as const;

/** The rows with work for both programs, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "same-1",
    title: "nothing changed, 1 image x 1 platform",
    ...CRANE,
    platforms: ONE,
    ...SAME,
    repetitions: 7,
    time: { must: 0.4, aim: 0.25 },
  },
  {
    name: "same-4",
    title: "nothing changed, 1 image x 4 platforms",
    ...CRANE,
    platforms: FOUR,
    ...SAME,
    repetitions: 7,
    time: { must: 0.4, aim: 0.25 },
  },
  {
    name: "same-30",
    title: "nothing changed, 30 images x 2 platforms",
    ...MAINS,
    ...SAME,
    repetitions: 3,
    time: { must: 0.06, aim: 0.03 },
  },
  {
    name: "changed-30",
    title: "1 of 30 images changed, x 2 platforms",
    ...MAINS,
    prepare: "change",
    repetitions: 3,
    discarded: 1,
    time: { must: 0.1, aim: 0.05 },
  },
  {
    name: "cold-30",
    title: "cold go cache, 30 images x 2 platforms",
    ...MAINS,
    ...COLD,
    time: { must: 0.85, aim: 0.75 },
  },
  {
    name: "cold-1",
    title: "cold go cache, 1 image x 1 platform",
    ...CRANE,
    platforms: ONE,
    ...COLD,
    time: { must: 1.05, aim: 1 },
  },
  {
    name: "kodata",
    title: "1 GB of kodata, cold layer cache",
    module: "kodata",
    images: 1,
    platforms: ONE,
    prepare: "layers-new",
    repetitions: 3,
    discarded: 1,
    koRepetitions: 1,
  },
];

/** The same with few runs: to see that the bench works, not to tell what is fast. */
export function quick(scenario: Scenario): Scenario {
  const few = scenario.prepare === "all-new" ? 1 : 2;
  return {
    ...scenario,
    repetitions: Math.min(few, scenario.repetitions),
    discarded: Math.min(1, scenario.discarded),
    withKoCache: false,
  };
}
