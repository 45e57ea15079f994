/**
 * How building grows over machines: 240 images for two platforms, cold, by 1, 2, 4 and 8 shards. Each
 * shard is a process that is kept to one core, with caches of its own, as on a machine that has just
 * come up; as many run at once as there are cores. Its time is that of its processor, which feels
 * less of what else the machine does. What they make is merged, and has to be what one of them makes
 * alone.
 * @module
 */
import { join } from "node:path";
import { availableParallelism } from "node:os";
import { baseFolder } from "./base.ts";
import type { Setting } from "./competitors.ts";
import { makeModule, moduleFolder, PATTERNS } from "./fixtures.ts";
import { checkLayout } from "./layouts.ts";
import { environment, output } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { significant } from "./statistics.ts";

/** The name of the rows, for `--only`. */
export const SCALE = "scale";
/** How many shards there are, one after the other. */
const COUNTS = [1, 2, 4, 8];
const PLATFORMS = ["linux/amd64", "linux/arm64"];
const IMAGES = PATTERNS.many.length;

/** Bounds of what all shards take, as a part or in times of what one machine takes. */
const LONGEST: Bounds = { must: 0.35, aim: 0.25 };
const SUM: Bounds = { must: 2.5, aim: 2 };
const READ: Bounds = { must: 1.5, aim: 1.3 };

/** What one shard took. */
interface Shard {
  readonly images: number;
  /** Of its processor, go's commands included. */
  readonly seconds: number;
  /** By the clock. */
  readonly elapsed: number;
  /** What it and the go commands have read, from wherever it came. */
  readonly readBytes: number;
}

/** All shards of one division, and how long it took to merge what they made, in seconds. */
interface Division {
  readonly shards: readonly Shard[];
  readonly mergeSeconds: number;
}

/** Divisions by the number of their shards. */
export type Divisions = ReadonlyMap<number, Division>;

/**
 * What a shard takes as a line: so many seconds before the first image, and so many for each.
 */
interface Line {
  readonly fixed: number;
  readonly each: number;
}

/**
 * Measures all divisions.
 *
 * @param counts how many shards each has
 * @throws when a shard fails, or all of them together make something else than one
 */
export async function measureScale(
  { work, kodeno }: Setting,
  say: (text: string) => void,
  counts: readonly number[] = COUNTS,
): Promise<Divisions> {
  await makeModule(work, "many");
  const cwd = moduleFolder(work, "many");
  const folder = join(work, "runs", SCALE);
  await remove(folder);
  await Deno.mkdir(folder, { recursive: true });
  const what = ["--platform", PLATFORMS.join(","), "--base-image", `oci:${baseFolder(work)}`];
  const plan = join(folder, "plan.json");
  const env = environment();
  const planned = await output({
    program: kodeno,
    args: ["plan", "./...", ...what, "--json"],
    env,
    cwd,
  });
  await Deno.writeTextFile(plan, planned);
  const divisions = new Map<number, Division>();
  let expected: string | undefined;
  for (const count of counts) {
    const layouts = Array.from({ length: count }, (_, i) => join(folder, `${count}`, `${i + 1}`));
    const waiting = layouts.entries().toArray();
    const shards: Shard[] = [];
    const core = async (number: number): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [i, layout] = next;
        const args = ["build", "./...", ...what, "--shard", `${i + 1}/${count}`];
        const command = [kodeno, ...args, "--oci-layout", join(layout, "out")];
        const shard = await runShard(command, cwd, layout, number);
        say(
          `${SCALE}: ${i + 1}/${count}, ${shard.images} images, ${shard.seconds.toFixed(1)} s of ${
            shard.elapsed.toFixed(1)
          } s`,
        );
        shards.push(shard);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, (_, i) => core(i)));
    const merged = join(folder, `${count}`, "merged");
    const args = ["merge", "--complete", plan, merged, ...layouts.map((one) => join(one, "out"))];
    const began = performance.now();
    await output({ program: kodeno, args, env, cwd });
    const mergeSeconds = (performance.now() - began) / 1000;
    await checkLayout(merged, IMAGES, PLATFORMS.length);
    const digests = await digestsIn(merged);
    expected ??= digests;
    if (digests !== expected) throw new Error(`${count} shards make other images than one`);
    divisions.set(count, { shards, mergeSeconds });
    await remove(join(folder, `${count}`));
  }
  return divisions;
}

/** One shard from nothing, on one core; bash adds up the time and the bytes of all its processes. */
async function runShard(
  command: readonly string[],
  cwd: string,
  folder: string,
  core: number,
): Promise<Shard> {
  await Deno.mkdir(folder, { recursive: true });
  const script = `TIMEFORMAT='%R %U %S'
{ time taskset --cpu-list ${core} "$@" 2> "$LOG" | wc -l; } 2>&1 || { cat "$LOG" >&2; exit 1; }
sed -n 's/rchar: //p' /proc/$$/io`;
  const own = ["GOCACHE", "KODENO_CACHE"].map((name) => [name, join(folder, name)]);
  const env = environment({ ...Object.fromEntries(own), LOG: join(folder, "log") });
  const args = ["-o", "pipefail", "-ec", script, "bash", ...command];
  const printed = await output({ program: "bash", args, env, cwd });
  const [images = NaN, elapsed = NaN, user = NaN, system = NaN, readBytes = NaN] = printed
    .split(/\s+/).map(Number);
  return { images, seconds: user + system, elapsed, readBytes };
}

/** Names and digests of a layout, in an order of their own. */
async function digestsIn(layout: string): Promise<string> {
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const manifests: readonly { digest: string; annotations: Record<string, string> }[] =
    index.manifests;
  return manifests.map(({ digest, annotations }) =>
    `${annotations["io.containerd.image.name"]} ${digest}`
  ).sort().join("\n");
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

const longest = ({ shards }: Division): number => Math.max(...shards.map((one) => one.seconds));
const all = ({ shards }: Division): number => shards.reduce((sum, one) => sum + one.seconds, 0);
const read = ({ shards }: Division): number => shards.reduce((sum, one) => sum + one.readBytes, 0);

/** The rows of the report: the most shards beside one. */
export function scaleRows({ result, problem }: Attempt<Divisions>): readonly Row[] {
  const counts = [...result?.keys() ?? COUNTS];
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const [one, last] = [result?.get(least), result?.get(most)];
  const work = `${IMAGES} images x ${PLATFORMS.length} platforms, cold, ${most} shards:`;
  const row = (
    name: string,
    bounds: Bounds,
    of: (division: Division) => number,
    written: (value: number) => string,
  ): Row => {
    const row = { work: `${work} ${name}`, unit: "of one machine", bounds } as const;
    if (one === undefined || last === undefined) {
      return { ...row, kodeno: "-", other: "-", value: undefined, problem };
    }
    const [own, other] = [of(last), of(one)];
    return { ...row, kodeno: written(own), other: `one ${written(other)}`, value: own / other };
  };
  const inSeconds = (value: number): string => `${significant(value)} s`;
  return [
    row("time of the longest", LONGEST, longest, inSeconds),
    row("time of all", SUM, all, inSeconds),
    row("bytes read by all", READ, read, (bytes) => `${significant(bytes / 1e9)} GB`),
  ];
}

/** The line that fits shards best, by least squares. */
function lineOf(divisions: Divisions): Line {
  const shards = [...divisions.values()].flatMap((one) => one.shards);
  const mean = (of: (shard: Shard) => number): number =>
    shards.reduce((sum, one) => sum + of(one), 0) / shards.length;
  const [images, seconds] = [mean((one) => one.images), mean((one) => one.seconds)];
  const above = mean((one) => (one.images - images) * (one.seconds - seconds));
  const each = above / mean((one) => (one.images - images) ** 2);
  return { fixed: seconds - each * images, each };
}

/** What is drawn of a division. */
interface Point {
  readonly count: number;
  readonly longest: number;
  readonly all: number;
  readonly read: number;
  readonly merge: number;
}

const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [760, 420, 60, 50, 740, 300] as const;

/** The curve as a picture, with its numbers below. */
export function scaleSvg(divisions: Divisions): string {
  const counts = [...divisions.keys()];
  const points = [...divisions].map(([count, division]): Point => ({
    count,
    longest: longest(division),
    all: all(division),
    read: read(division),
    merge: division.mergeSeconds,
  }));
  const one = points[0];
  if (one === undefined) throw new Error("nothing was measured");
  const { fixed, each } = lineOf(divisions);
  const top = Math.ceil(Math.max(...points.map((point) => point.all)) / 20) * 20;
  const x = (count: number): number =>
    LEFT + (counts.indexOf(count) + 0.5) * (RIGHT - LEFT) / counts.length;
  const y = (seconds: number): number => BOTTOM - seconds / top * (BOTTOM - TOP);
  const text = (at: number, down: number, words: string, more = ""): string =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" ${more}>${words}</text>`;
  const curve = (of: (point: Point) => number, color: string, more = ""): string => {
    const path = points.map((point) => `${x(point.count).toFixed(1)},${y(of(point)).toFixed(1)}`);
    return `<polyline points="${path.join(" ")}" fill="none" stroke="${color}" ${more}/>`;
  };
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const down = y(part * top).toFixed(1);
    return `<path d="M${LEFT} ${down}H${RIGHT}" stroke="#ddd"/>` +
      text(LEFT - 8, y(part * top) + 4, `${part * top} s`, 'text-anchor="end"');
  });
  const numbers = points.flatMap((point) =>
    [
      [BOTTOM + 20, `${point.count} shard${point.count > 1 ? "s" : ""}`],
      [BOTTOM + 40, `${point.longest.toFixed(1)} s`],
      [BOTTOM + 58, `${point.all.toFixed(0)} s`],
      [BOTTOM + 76, `${(point.read / 1e9).toFixed(2)} GB`],
      [BOTTOM + 94, `${point.merge.toFixed(1)} s`],
    ].map(([down, words]) => text(x(point.count), Number(down), `${words}`, 'text-anchor="middle"'))
  );
  const names = ["longest", "all", "read", "merge"].map((name, i) =>
    text(4, BOTTOM + 40 + 18 * i, name, 'fill="#666"')
  );
  const legend = [
    ["#0969da", "time of the longest shard"],
    ["#bf5700", "time of all shards together"],
    ["#999", "one machine's time, divided"],
  ].map(([color, words], i) => {
    const at = LEFT + i * 220;
    return `<path d="M${at} 34h24" stroke="${color}" stroke-width="2"/>${
      text(at + 30, 38, `${words}`)
    }`;
  });
  const title =
    `${IMAGES} images x ${PLATFORMS.length} platforms, nothing in any cache, a core for ` +
    `each shard: ${fixed.toFixed(1)} s + ${each.toFixed(2)} s an image`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(4, 16, title, 'font-size="13"'),
    ...legend,
    ...grid,
    curve((point) => one.longest / point.count, "#999", 'stroke-dasharray="4 4" stroke-width="2"'),
    curve((point) => point.all, "#bf5700", 'stroke-width="2"'),
    curve((point) => point.longest, "#0969da", 'stroke-width="2"'),
    ...numbers,
    ...names,
    "</svg>\n",
  ].join("\n");
}
