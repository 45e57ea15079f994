/**
 * Asks the real Go what templates and times come to: fixtures/templateoracle (needs `go`).
 * @module
 */
import assert from "node:assert/strict";
import { KodenoError } from "../../src/errors.ts";
import type { Functions } from "../../src/template/value.ts";
import { compileTemplate } from "../../src/template/template.ts";
import { askOracle } from "./go_oracle.ts";

/** A template with its data. */
export interface TemplateCase {
  readonly template: string;
  readonly data: unknown;
  readonly missingKey: "error" | "default";
  /** Whether it has the functions of sprig, as Skaffold's templates do. */
  readonly sprig: boolean;
}

/** A time to be written by a layout. */
export interface TimeCase {
  readonly milliseconds: number;
  readonly layout: string;
  readonly zone: string;
}

/** What Go made of a case; the error is empty where there is none. */
export interface OracleResult {
  readonly output: string;
  readonly error: string;
}

interface Results {
  readonly templates: readonly OracleResult[];
  readonly times: readonly OracleResult[];
}

/** Asks once for many cases; the answers stand in the same order. */
export async function askGo(
  cases: { readonly templates?: readonly TemplateCase[]; readonly times?: readonly TimeCase[] },
): Promise<Results> {
  return await askOracle("templateoracle", cases);
}

/** What a template came to here: an output, or a message. */
function outcome(
  { template, data, missingKey }: TemplateCase,
  functions: Functions | undefined,
): { readonly output: string | undefined; readonly message: string } {
  try {
    const compiled = compileTemplate(template, "a test", {
      missingKey: missingKey === "error" ? "error" : "nothing",
      ...(functions ? { functions } : {}),
    });
    return { output: compiled.run(data), message: "" };
  } catch (error) {
    assert.ok(error instanceof KodenoError, `not a KodenoError for ${template}: ${error}`);
    assert.equal(error.code, "BAD_CONFIG");
    return { output: undefined, message: error.message };
  }
}

/** Checks that templates print what they print in Go, and fail where they fail there. */
export async function compareWithGo(
  templates: readonly TemplateCase[],
  functions?: Functions,
): Promise<{ readonly printed: number; readonly failed: number }> {
  const results = (await askGo({ templates })).templates;
  assert.equal(results.length, templates.length);
  const differences: string[] = [];
  const counts = { printed: 0, failed: 0 };
  for (const [i, one] of templates.entries()) {
    const { output, error } = results[i] ?? { output: "", error: "no answer" };
    const ours = outcome(one, functions);
    const theirs = error === "" ? output : undefined;
    counts[theirs === undefined ? "failed" : "printed"]++;
    if (ours.output === theirs) continue;
    differences.push(
      `${one.missingKey} ${JSON.stringify(one.template)}\n  go:   ${
        error || JSON.stringify(output)
      }\n` +
        `  ours: ${ours.message || JSON.stringify(ours.output)}`,
    );
  }
  assert.equal(differences.length, 0, `${differences.length} differ:\n${differences.join("\n")}`);
  return counts;
}
