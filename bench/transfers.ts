/**
 * The rows in which kodeno is compared with something else than ko: what each is called, what must come out, and how the two sides
 * take turns. What a side does, and whether it was done, is with the comparisons.
 * @module
 */
import type { Comparison, Side } from "./comparison.ts";
import { openBundleApply, openBundleCreate, openHauler } from "./compare_bundle.ts";
import { openLoad } from "./compare_load.ts";
import { MANY, openGoBuild, openMany, openTrusted } from "./compare_build.ts";
import { openCopySmall, openPull, openPush, openPushAgain, openPushBuild } from "./compare_push.ts";
import { openCat, openInspect } from "./compare_look.ts";
import { openServe } from "./compare_serve.ts";
import { openVerify, openVerifyKey, SIGNED } from "./compare_verify.ts";
import type { Setting } from "./competitors.ts";
import { environment, output, type Run } from "./process.ts";
import type { Bounds } from "./scenarios.ts";

/** A row of the table. */
export interface Transfer {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** With whom kodeno is compared, and in what the result is told. */
  readonly other: string;
  readonly unit: string;
  readonly time: Bounds;
  readonly repetitions: number;
  /** Memory is looked at in runs that do not count, since these are over too soon. */
  readonly short?: boolean;
  /** The other side's work as a part of kodeno's; 1 unless given. */
  readonly share?: number;
  /** Bounds of the memory, where the row has its own; else it counts with all that is moved. */
  readonly memory?: Bounds;
  /** Where what is run is not kodeno alone, or over at once, its memory tells nothing. */
  readonly anyMemory?: boolean;
  readonly open: (setting: Setting) => Promise<Comparison>;
}

/** What came of a row. */
export interface TransferRuns {
  readonly kodeno: readonly Run[];
  readonly other: readonly Run[];
  /** Most memory of kodeno in each run, in bytes. */
  readonly peaks: readonly number[];
}

const HAULER = Deno.env.get("BENCH_HAULER");
const CRANE = { other: "crane", unit: "of crane", repetitions: 7 } as const;
const REGISTRY = { other: "docker-registry", unit: "of docker-registry" } as const;

/** All rows in which images are moved, in the order of the table. */
export const TRANSFERS: readonly Transfer[] = [
  {
    name: "push",
    title: "push a 300 MB layout (8 manifests) to docker-registry",
    ...CRANE,
    time: { must: 1.15, aim: 1 },
    open: openPush,
  },
  {
    name: "push-same",
    title: "push it again, with nothing to send",
    other: "`kodeno --version`",
    unit: "x",
    time: { must: 1.8, aim: 1.5 },
    repetitions: 15,
    short: true,
    open: openPushAgain,
  },
  {
    name: "pull",
    title: "pull it into a layout",
    ...CRANE,
    time: { must: 1.2, aim: 1 },
    open: openPull,
  },
  {
    name: "copy-small",
    title: "copy a small image from registry to registry",
    ...CRANE,
    repetitions: 15,
    time: { must: 2.5, aim: 2 },
    short: true,
    open: openCopySmall,
  },
  {
    name: "serve-1",
    title: "serve it to one `crane pull`",
    ...REGISTRY,
    time: { must: 1.2, aim: 0.9 },
    repetitions: 7,
    open: (setting) => openServe(setting, 1),
  },
  {
    name: "serve-16",
    title: "serve it to 16 of `crane pull` at once",
    ...REGISTRY,
    time: { must: 1.2, aim: 0.9 },
    repetitions: 3,
    open: (setting) => openServe(setting, 16),
  },
  {
    name: "load",
    title: "load a 300 MB archive into dockerd",
    other: "`docker load`",
    unit: "of docker load",
    time: { must: 1.1, aim: 1 },
    repetitions: 5,
    open: openLoad,
  },
  {
    name: "bundle-create",
    title: "bundle create of a 2 GB layout",
    other: "`tar`, `tee` and `sha256sum`",
    unit: "of tar and sha256sum",
    time: { must: 1.3, aim: 1 },
    memory: { must: 150, aim: 120 },
    repetitions: 5,
    open: openBundleCreate,
  },
  {
    name: "bundle-apply",
    title: "bundle apply of 2 GB",
    other: "`tee`, `sha256sum` and `tar`",
    unit: "of tar and sha256sum",
    time: { must: 1.3, aim: 1 },
    memory: { must: 150, aim: 120 },
    repetitions: 5,
    open: openBundleApply,
  },
  // It comes from no package registry: whoever has built it names it.
  ...HAULER === undefined ? [] : [{
    name: "hauler",
    title: "bundle create and apply of 2 GB, beside hauler",
    other: "`hauler store save` and `load`",
    unit: "of hauler",
    time: { must: 1.3, aim: 1 },
    repetitions: 5,
    anyMemory: true,
    open: (setting: Setting) => openHauler(setting, HAULER),
  }],
  {
    name: "build-push",
    title: "build --push, 1 image x 4 platforms, nothing changed",
    other: "ko",
    unit: "of ko",
    time: { must: 0.5, aim: 0.3 },
    repetitions: 7,
    open: openPushBuild,
  },
  {
    name: "same-go",
    title: "nothing changed, 1 image x 1 platform, beside `go build`",
    other: "`go build`",
    unit: "of go build",
    time: { must: 1.7, aim: 1.4 },
    repetitions: 11,
    open: openGoBuild,
  },
  {
    name: "same-240",
    title: "nothing changed, 240 images x 2 platforms, each image beside each of 30",
    other: "30 images",
    unit: "of one of 30",
    time: { must: 1, aim: 0.8 },
    memory: { must: 160, aim: 120 },
    share: MANY.other / MANY.kodeno,
    repetitions: 5,
    open: openMany,
  },
  {
    name: "verify",
    title: "verify a layout of 1 GB, all bytes of it",
    other: "`sha256sum` of its blobs",
    unit: "of sha256sum",
    time: { must: 1.2, aim: 0.6 },
    memory: { must: 150, aim: 100 },
    repetitions: 5,
    open: openVerify,
  },
  {
    name: "verify-key",
    title: `verify ${SIGNED} signed images x 2 platforms with a key`,
    other: "`sleep 1`",
    unit: "s",
    time: { must: 2, aim: 1 },
    memory: { must: 150, aim: 100 },
    repetitions: 5,
    open: openVerifyKey,
  },
  {
    name: "cat-lower",
    title: "cat a small file of a 1 GB layer in docker-registry, which is read once",
    other: "`crane export` and `tar`",
    unit: "of crane and tar",
    time: { must: 1, aim: 0.6 },
    memory: { must: 150, aim: 120 },
    repetitions: 3,
    open: (setting) => openCat(setting, "lower"),
  },
  {
    name: "cat-upper",
    title: "cat a small file of a layer above it, which alone is read",
    other: "`crane export` and `tar`",
    unit: "of crane and tar",
    time: { must: 0.1, aim: 0.05 },
    repetitions: 3,
    short: true,
    anyMemory: true,
    open: (setting) => openCat(setting, "upper"),
  },
  {
    name: "inspect-index",
    title: "inspect an index of 4 platforms in docker-registry, in 9 requests",
    other: "`skopeo inspect` of one",
    unit: "of skopeo",
    time: { must: 5, aim: 3 },
    repetitions: 15,
    short: true,
    anyMemory: true,
    open: (setting) => openInspect(setting, "trees"),
  },
  {
    name: "inspect-raw",
    title: "inspect --raw of it, in one request",
    other: "`crane manifest`",
    unit: "of crane",
    time: { must: 8, aim: 5 },
    repetitions: 15,
    short: true,
    anyMemory: true,
    open: (setting) => openInspect(setting, "bytes"),
  },
  {
    name: "trusted-30",
    title: "nothing changed, 30 images x 2 platforms, with SBOMs and provenance, signed",
    other: "without",
    unit: "of the same without",
    time: { must: 2, aim: 1.5 },
    // Opening a key of cosign's takes 64 MB.
    memory: { must: 150, aim: 120 },
    repetitions: 5,
    open: openTrusted,
  },
];

/** Bounds of the memory while images are moved, in MB. */
export const MOVING_MEMORY: Bounds = { must: 140, aim: 120 };

/** The same with few runs. */
export function quickTransfer(transfer: Transfer): Transfer {
  return { ...transfer, repetitions: Math.min(2, transfer.repetitions) };
}

/**
 * Measures a row: one run of each that does not count, then turns (A B A B ...).
 *
 * @param say told what is being done
 * @throws when a side does not do the work
 */
export async function measureTransfer(
  setting: Setting,
  { name, repetitions, short = false, open }: Transfer,
  say: (text: string) => void,
): Promise<TransferRuns> {
  const runs: Record<Side, Run[]> = { kodeno: [], other: [] };
  const peaks: number[] = [];
  await using comparison = await open(setting);
  for (let round = -1; round < repetitions; round++) {
    for (const side of ["kodeno", "other"] as const) {
      const watch = side === "kodeno" && (!short || round < 0);
      // The one does not pay for what the other has left to write.
      await output({ program: "sync", args: [], env: environment(), cwd: setting.work });
      const one = await comparison.run(side, watch);
      say(`${name}: ${side} ${(one.ms / 1000).toFixed(2)} s${round < 0 ? " (not counted)" : ""}`);
      // What the first run fills caches with is not the work of the row.
      if (watch && (short || round >= 0)) peaks.push(one.peakBytes);
      if (round >= 0) runs[side].push(one);
    }
  }
  return { ...runs, peaks };
}
