/**
 * Every row of `docs/interop.md` is tried, with the tool itself or with what it writes, and the page
 * says what held: `KODENO_WRITE=1 deno test -A test/interop/page_test.ts` writes it.
 * @module
 */
import assert from "node:assert/strict";
import { filledIn, formatted } from "../../tasks/docs/pages.ts";
import { needs } from "../parts/tools.ts";
import { ROOT } from "../support/kodeno.ts";
import { fixtureRows } from "./fixtures.ts";
import { openLab } from "./lab.ts";
import { programRows } from "./programs.ts";
import type { Row } from "./row.ts";

const PAGE = `${ROOT}docs/interop.md`;
const rows = [...programRows, ...fixtureRows];
const parts = new Set(rows.flatMap(({ needs = [] }) => needs));
const held = new Set<Row>();

for (const row of rows) {
  const direction = row.reader === "kodeno" ? "kodeno reads of" : "what kodeno writes is read by";
  Deno.test({
    name: `interop: ${direction} ${row.tool}: ${row.what.replaceAll("`", "")}`,
    ...needs(...row.needs ?? []),
    async fn() {
      await using lab = await openLab();
      await row.run(lab);
      held.add(row);
    },
  });
}

Deno.test({
  name: "interop: the page says what was tried and held",
  ...needs(...parts),
  async fn() {
    const failed = rows.filter((row) => !held.has(row)).map(({ tool, what }) => `${tool}: ${what}`);
    assert.deepEqual(failed, [], "these rows do not hold");
    const there = await Deno.readTextFile(PAGE);
    const versions = new Map<Row, string>();
    for (const row of rows) {
      versions.set(row, typeof row.version === "string" ? row.version : await row.version());
    }
    const page = await formatted(
      (["kodeno", "tool"] as const).reduce(
        (text, reader) => filledIn(text, reader, table(reader, versions)),
        there,
      ),
    );
    if (Deno.env.get("KODENO_WRITE")) await Deno.writeTextFile(PAGE, page);
    // A machine may have other versions of the programs that its package manager brings.
    else {assert.equal(
        withoutVersions(there),
        withoutVersions(page),
        "write it anew: KODENO_WRITE=1",
      );}
  },
});

function table(reader: Row["reader"], versions: ReadonlyMap<Row, string>): string {
  const head = reader === "kodeno"
    ? ["Tool", "Version", "It writes", "For kodeno it is"]
    : ["Tool", "Version", "It reads", "With this outcome"];
  const lines = rows.filter((row) => row.reader === reader).map((row) => {
    const by = typeof row.version === "string" && !isProgram(row) ? "as it writes" : "itself";
    return [row.tool, versions.get(row) ?? "", row.what, row.outcome, by];
  });
  return [[...head, "Tried with"], head.concat("").map(() => "---"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const isProgram = (row: Row): boolean => programRows.includes(row);

/** A page without what its tables say of versions, and without padding. */
function withoutVersions(page: string): string {
  return page.replace(/^\|([^|]*)\|[^|]*\|/gm, "|$1|").replace(/ {2,}|-{4,}/g, " ");
}
