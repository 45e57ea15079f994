/**
 * Resolving Kubernetes objects: 500 files that name 30 images of the thirty small programs, nothing
 * changed, images pushed to a registry of this machine, with kodeno and with ko in turns.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseAllDocuments } from "../src/npm/yaml.ts";
import { baseFolder } from "./base.ts";
import type { Setting } from "./competitors.ts";
import { makeModule, moduleFolder } from "./fixtures.ts";
import { type Command, environment, output, type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import { type Bounds, MEMORY } from "./scenarios.ts";
import { formatMemory, formatTimes, spreadOf } from "./statistics.ts";

/** For `--only`. */
export const RESOLVE = "resolve";
/** Bounds of the wall time, as a part of ko's. */
export const RESOLVE_TIME: Bounds = { must: 0.08 };

const FILES = 500;
const IMAGES = 30;
const TITLE = `\`kodeno resolve\`, ${FILES} files that name ${IMAGES} images, nothing changed`;

/** Runs that count of both. */
export interface ResolveRuns {
  readonly kodeno: readonly Run[];
  readonly ko: readonly Run[];
}

/**
 * Measures both.
 *
 * @param host of a registry
 * @throws when a program fails, or the two print other objects but for digests
 */
export async function measureResolve(
  setting: Setting,
  host: string,
  repetitions: number,
  say: (text: string) => void,
): Promise<ResolveRuns> {
  const { work } = setting;
  await makeModule(work, "mains");
  const folder = join(work, "runs", RESOLVE);
  await writeManifests(join(folder, "config"));
  const commands = {
    kodeno: kodenoCommand(setting, folder, host),
    ko: koCommand(setting, folder, host),
  };
  const runs: Record<keyof ResolveRuns, Run[]> = { kodeno: [], ko: [] };
  try {
    await assertSame(commands);
    for (let round = 0; round < repetitions; round++) {
      for (const who of ["kodeno", "ko"] as const) {
        await output({ program: "sync", args: [], env: environment(), cwd: work });
        const one = await run(commands[who]);
        say(`${RESOLVE}: ${who} ${(one.ms / 1000).toFixed(2)} s`);
        runs[who].push(one);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return runs;
}

/** The runs that do not count tell whether both do the same work. */
async function assertSame(commands: Readonly<Record<keyof ResolveRuns, Command>>): Promise<void> {
  const objects = (text: string): unknown =>
    [parseAllDocuments(text.replaceAll(/@sha256:[0-9a-f]{64}/g, ""))].flat()
      .map((one) => one.toJS()).filter((one) => one !== null);
  const [ours, theirs] = [await output(commands.kodeno), await output(commands.ko)];
  assert.deepEqual(objects(ours), objects(theirs), "what is printed");
  const images = new Set(ours.match(/\S+@sha256:[0-9a-f]{64}/g));
  assert.equal(images.size, IMAGES, "images");
}

function kodenoCommand({ work, kodeno }: Setting, folder: string, host: string): Command {
  const base = ["--base-image", `oci:${baseFolder(work)}`];
  const args = ["resolve", "--sbom=none", ...base, "-f", join(folder, "config")];
  const env = environment({
    GOCACHE: join(work, "go-cache"),
    KODENO_CACHE: join(folder, "cache"),
    KO_DOCKER_REPO: `${host}/bench/images`,
  });
  return { program: kodeno, args, env, cwd: moduleFolder(work, "mains") };
}

function koCommand({ work, ko, baseReference }: Setting, folder: string, host: string): Command {
  const args = ["resolve", "--sbom=none", "-f", join(folder, "config")];
  const env = environment({
    GOCACHE: join(work, "go-cache"),
    KO_DOCKER_REPO: `${host}/bench/images`,
    KO_DEFAULTBASEIMAGE: baseReference,
  });
  return { program: ko, args, env, cwd: moduleFolder(work, "mains") };
}

async function writeManifests(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let i = 0; i < FILES; i++) {
    const text = i % 5 === 0 ? deployment(i) : i % 5 === 1 ? service(i) : configMap(i);
    await Deno.writeTextFile(join(folder, `${String(i).padStart(3, "0")}.yaml`), text);
  }
}

function deployment(i: number): string {
  const app = String((i / 5) % IMAGES + 1).padStart(2, "0");
  return `# Deployment ${i}.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${i}
  labels: {app: app-${i}, tier: backend}
spec:
  replicas: 2 # at least
  selector:
    matchLabels:
      app: app-${i}
  template:
    metadata:
      labels:
        app: app-${i}
    spec:
      containers:
      - name: main
        image: ko://example.com/mains/cmd/app${app}
        args: ["--port=8080", --verbose]
        env:
        - name: NAME
          value: "app-${i}"
        resources:
          limits:
            cpu: 100m
            memory: 64Mi
`;
}

function service(i: number): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: app-${i}
spec:
  selector:
    app: app-${i}

  ports:
  - name: http
    port: 80
    targetPort: 8080
`;
}

function configMap(i: number): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: config-${i}
data:
  config.json: |
    {
      "name": "app-${i}",
      "values": [1, 2, 3]
    }
  # How much is said.
  level: "info"
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app-${i}
`;
}

/** The rows of the report: time and memory. */
export function resolveRows({ result, problem }: Attempt<ResolveRuns>): readonly Row[] {
  const time = { work: TITLE, unit: "of ko", bounds: RESOLVE_TIME } as const;
  const memory = { work: `peak memory, ${TITLE}`, unit: "MB", bounds: MEMORY } as const;
  if (result === undefined) {
    const nothing = { kodeno: "-", other: "-", value: undefined, problem } as const;
    return [{ ...time, ...nothing }, { ...memory, ...nothing }];
  }
  const [own, ko] = [result.kodeno.map(({ ms }) => ms), result.ko.map(({ ms }) => ms)];
  const peaks = (runs: readonly Run[]): readonly number[] => runs.map((one) => one.peakBytes);
  return [
    {
      ...time,
      kodeno: formatTimes(own),
      other: `ko ${formatTimes(ko)}`,
      value: spreadOf(own).median / spreadOf(ko).median,
    },
    {
      ...memory,
      kodeno: formatMemory(peaks(result.kodeno)),
      other: `ko ${formatMemory(peaks(result.ko))}`,
      value: spreadOf(peaks(result.kodeno)).max / 1e6,
    },
  ];
}
