/**
 * Reading and checking a skaffold.yaml of 5,000 lines, beside what the YAML library takes to parse
 * the same text; both in this process, in turns, once they are warm.
 * @module
 */
import { skaffoldSchema } from "../src/config/skaffold/schema.ts";
import { checkYaml } from "../src/config/yaml/check.ts";
import { parseYaml } from "../src/config/yaml/document.ts";
import { parseAllDocuments } from "../src/npm/yaml.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { formatTimes, spreadOf } from "./statistics.ts";

/** For `--only`. */
export const YAML = "skaffold-yaml";
/** Bounds of the time, in times of the library's. */
const BOUNDS: Bounds = { must: 2 };

const LINES = 5000;
const RUNS = 21;
const WARM = 5;

/** Times in milliseconds. */
export interface YamlRuns {
  readonly kodeno: readonly number[];
  readonly library: readonly number[];
}

/**
 * Measures both.
 *
 * @throws when the text does not fit its schema
 */
export function measureYaml(): YamlRuns {
  const text = makeText();
  const runs = { kodeno: [] as number[], library: [] as number[] };
  for (let round = 0; round < RUNS + WARM; round++) {
    const library = timed(() => parseAllDocuments(text));
    const kodeno = timed(() => {
      checkYaml(parseYaml(text, "skaffold.yaml"), skaffoldSchema);
    });
    if (round < WARM) continue;
    runs.library.push(library);
    runs.kodeno.push(kodeno);
  }
  return runs;
}

function timed(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function makeText(): string {
  const artifact = (i: number): string =>
    `  - image: app-${i}
    ko:
      main: ./cmd/app-${i}
      fromImage: registry.local/base:v1
      flags: [-v, -tags=netgo]
      ldflags:
      - -s
      - -X main.version={{.IMAGE_TAG}}
      labels:
        number: "${i}"
`;
  const head = "apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts:\n";
  return head + Array.from({ length: (LINES - 4) / 10 }, (_, i) => artifact(i)).join("");
}

/** The row of the report. */
export function yamlRow({ result, problem }: Attempt<YamlRuns>): Row {
  const row = {
    work: `a skaffold.yaml of ${LINES} lines, read and checked`,
    unit: "of the library",
    bounds: BOUNDS,
  };
  if (result === undefined) {
    return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  }
  const { kodeno, library } = result;
  return {
    ...row,
    kodeno: formatTimes(kodeno),
    other: `yaml ${formatTimes(library)}`,
    value: spreadOf(kodeno).median / spreadOf(library).median,
  };
}
