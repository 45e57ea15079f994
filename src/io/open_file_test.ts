/**
 * Opening files under a limit of open files.
 * @module
 */
import assert from "node:assert/strict";
import { run } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";

Deno.test("open files: one that is too many waits for another to be closed", async () => {
  await using dir = await tempDir();
  const script = await dir.write(
    "many.ts",
    `import { openPatiently } from ${JSON.stringify(new URL("open_file.ts", import.meta.url).href)};
    const path = new URL(import.meta.url).pathname;
    const files = [];
    let failed;
    try {
      for (;;) files.push(await Deno.open(path));
    } catch (error) {
      failed = error;
    }
    const last = openPatiently(path);
    setTimeout(() => files[0].close(), 200);
    (await last).close();
    console.log(/os error 24/.test(failed.message), files.length > 1);`,
  );
  const command = `ulimit -n 64; exec '${Deno.execPath()}' run -A --no-check '${script}'`;
  const { code, stdout, stderr } = await run("bash", ["-c", command]);
  assert.deepEqual([code, stdout], [0, "true true\n"], stderr);
});
