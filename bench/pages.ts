/**
 * What `kodeno report` takes for a layout of thirty programs, and for one of 2,000 images that stand on
 * these: time, memory and the size of the page. No other tool makes such a page.
 * @module
 */
import { join } from "node:path";
import { encodeJson } from "../src/oci/manifest.ts";
import { digestOf } from "../src/io/hash.ts";
import { makeModule, moduleFolder, PATTERNS } from "./fixtures.ts";
import { environment, output, type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import { formatMemory, formatTimes, spreadOf } from "./statistics.ts";

/** The name of the rows, for `--only`. */
export const PAGES = "pages";
const RUNS = 5;
const MANY = 2000;

/** How often a page was made of so many images, and its bytes. */
interface PageRuns {
  readonly images: number;
  readonly runs: readonly Run[];
  readonly bytes: number;
}

/** Measures both. */
export async function measurePages(kodeno: string, work: string): Promise<readonly PageRuns[]> {
  await makeModule(work, "mains");
  const cwd = moduleFolder(work, "mains");
  const some = join(work, "report-30");
  await Deno.remove(some, { recursive: true }).catch(() => {});
  const build = ["build", ...PATTERNS.mains, "--oci-layout", some, "--sbom", "spdx"];
  await output({ program: kodeno, args: build, env: environment(), cwd });
  const many = join(work, "report-2000");
  await Deno.remove(many, { recursive: true }).catch(() => {});
  await output({ program: "cp", args: ["-r", some, many], env: environment(), cwd: work });
  await multiply(many);
  const page = join(work, "report.html");
  const found: PageRuns[] = [];
  for (const [images, folder] of [[PATTERNS.mains.length, some], [MANY, many]] as const) {
    const report = {
      program: kodeno,
      args: ["report", folder, "-o", page],
      env: environment(),
      cwd,
    };
    const runs: Run[] = [];
    for (let i = 0; i < RUNS; i++) runs.push(await run(report));
    found.push({ images, runs, bytes: (await Deno.stat(page)).size });
  }
  return found;
}

/** Gives a layout so many images, each with a config and a small layer of its own. */
async function multiply(folder: string): Promise<void> {
  const path = (digest: string) => join(folder, "blobs", ...digest.split(":"));
  const read = async (digest: string) => JSON.parse(await Deno.readTextFile(path(digest)));
  const write = async (mediaType: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    await Deno.writeFile(path(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const index = JSON.parse(await Deno.readTextFile(join(folder, "index.json")));
  const named = index.manifests.filter((one: { annotations?: Record<string, string> }) =>
    one.annotations?.["org.opencontainers.image.ref.name"] !== undefined
  );
  const kodata = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let i = named.length; i < MANY; i++) {
    const manifest = await read(named[i % named.length].digest);
    const config = await read(manifest.config.digest);
    const [base, data, ...rest] = manifest.layers;
    const gzip = kodata.get(data.digest) ?? await Deno.readFile(path(data.digest));
    kodata.set(data.digest, gzip);
    // The same files, packed at another time (RFC 1952, MTIME).
    new DataView(gzip.buffer).setUint32(4, i);
    const env = [...config.config.Env, `NUMBER=${i}`];
    const own = { ...config, config: { ...config.config, Env: env } };
    const made = {
      ...manifest,
      config: await write(manifest.config.mediaType, encodeJson(own)),
      layers: [base, await write(data.mediaType, gzip), ...rest],
    };
    const annotations = { "org.opencontainers.image.ref.name": `registry.local/team/app:v${i}` };
    index.manifests.push({ ...await write(manifest.mediaType, encodeJson(made)), annotations });
  }
  await Deno.writeTextFile(join(folder, "index.json"), JSON.stringify(index));
}

/** The rows of the report. */
export function pageRows({ result, problem }: Attempt<readonly PageRuns[]>): readonly Row[] {
  if (result === undefined) {
    const row = { work: "`kodeno report`", unit: "s", bounds: { must: 2 } };
    return [{ ...row, kodeno: "-", other: "-", value: undefined, problem }];
  }
  return result.flatMap(({ images, runs, bytes }) => {
    const isMany = images === MANY;
    const times = runs.map(({ ms }) => ms);
    const peaks = runs.map(({ peakBytes }) => peakBytes);
    const row = { other: "-", problem: undefined };
    const work = `report of ${images} images`;
    return [
      {
        ...row,
        work,
        kodeno: formatTimes(times),
        value: spreadOf(times).median / 1000,
        unit: "s",
        bounds: isMany ? { must: 20, aim: 10 } : { must: 2, aim: 1 },
      },
      {
        ...row,
        work: `size of the page, ${work}`,
        kodeno: `${(bytes / 1e6).toFixed(2)} MB`,
        value: bytes / 1e6,
        unit: "MB",
        bounds: { must: 20, aim: 10 },
      },
      {
        ...row,
        work: `peak memory, ${work}`,
        kodeno: formatMemory(peaks),
        value: spreadOf(peaks).median / 1e6,
        unit: "MB",
        bounds: { must: 300, aim: 150 },
      },
    ];
  });
}
