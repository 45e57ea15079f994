/**
 * The library as JSR gets it: its types are told without looking into bodies, and nothing else goes along.
 * @module
 */
import assert from "node:assert/strict";
import { ROOT } from "../support/kodeno.ts";
import { run } from "../support/process.ts";

Deno.test("library: it can be published, and no tests go along", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty"];
  const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
  const { code, stderr } = await run(Deno.execPath(), args, { cwd: ROOT, env });
  assert.equal(code, 0, stderr);
  const files = [...stderr.matchAll(/file:\/\/(\S+) \(/g)].map(([, path]) =>
    path?.slice(ROOT.length) ?? ""
  );
  for (const file of ["mod.ts", "deno.json", "LICENSE", "README.md", "src/build/builder.ts"]) {
    assert.ok(files.includes(file), `${file} is left out`);
  }
  const others = files.filter((file) => !file.startsWith("src/") || file.endsWith("_test.ts"));
  assert.deepEqual(others.toSorted(), ["LICENSE", "README.md", "deno.json", "mod.ts"]);
});
