/**
 * Provenance that others may have written: what is none is told in one line.
 * @module
 */
import assert from "node:assert/strict";
import { hasCode } from "../errors.ts";
import { BUILD_TYPE } from "./provenance.ts";
import { isRecordedBuild, readRecordedBuild } from "./recorded_build.ts";
import { PROVENANCE } from "./statement.ts";

const subject = [{ digest: { sha256: "0".repeat(64) } }];

Deno.test("recorded build: what another builder has written is none", () => {
  const builds: readonly unknown[] = [
    undefined,
    null,
    "text",
    { buildDefinition: 1 },
    { buildDefinition: { buildType: "https://example.com/other" } },
  ];
  for (const predicate of builds) {
    assert.ok(!isRecordedBuild({ subject, predicateType: PROVENANCE, predicate }));
  }
  const predicate = { buildDefinition: { buildType: BUILD_TYPE } };
  assert.ok(
    !isRecordedBuild({ subject, predicateType: "https://slsa.dev/verification", predicate }),
  );
  assert.ok(isRecordedBuild({ subject, predicateType: PROVENANCE, predicate }));
});

Deno.test("recorded build: what is not as kodeno writes it is refused by its place", () => {
  const definition = { buildType: BUILD_TYPE, resolvedDependencies: [] };
  const cases: readonly (readonly [definition: unknown, why: RegExp])[] = [
    [definition, /buildDefinition\.externalParameters: /],
    [{ ...definition, externalParameters: { platforms: [] } }, /externalParameters\.\w+: /],
    [{ ...definition, resolvedDependencies: [1] }, /buildDefinition\./],
  ];
  for (const [buildDefinition, why] of cases) {
    const statement = { subject, predicateType: PROVENANCE, predicate: { buildDefinition } };
    assert.throws(() => readRecordedBuild(statement, "provenance X"), (error) => {
      assert.ok(hasCode(error, "BAD_CONTENT"));
      assert.match(error.message, /^Cannot use provenance X: /);
      assert.match(error.message, why);
      return true;
    });
  }
});
