/**
 * The workflows on GitHub, as actionlint and shellcheck judge them; and what they run, as far as it has a
 * name here.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { ROOT } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { names } from "../support/temp.ts";

const FOLDER = ".github/workflows";
/** Steps of action.yml. */
const SETUP = "tasks/setup";
/** What others copy. */
const EXAMPLES = ["examples/scale/github.yml"];

Deno.test({
  name: "workflows: actionlint finds nothing, nor shellcheck in what they run",
  ...needs("shellcheck"),
  async fn() {
    const files = (await names(join(ROOT, FOLDER))).map((name) => join(FOLDER, name));
    assert.ok(files.length >= 2, files.join());
    files.push(...EXAMPLES);
    const actionlint = await goTool("actionlint");
    const args = ["-shellcheck", rootTool("shellcheck") ?? "", "-pyflakes", "", "-no-color"];
    const { code, stdout, stderr } = await run(actionlint, [...args, ...files], { cwd: ROOT });
    assert.equal(code, 0, stdout + stderr);
    const scripts = (await names(join(ROOT, SETUP))).map((name) => join(SETUP, name));
    assert.ok(scripts.length >= 3, scripts.join());
    const judged = await run(rootTool("shellcheck") ?? "", scripts, { cwd: ROOT });
    assert.equal(judged.code, 0, judged.stdout + judged.stderr);
  },
});

Deno.test("workflows: tasks that they run are there, and actions are pinned", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const name of await names(join(ROOT, FOLDER))) {
    const text = await Deno.readTextFile(join(ROOT, FOLDER, name));
    for (const [, task = ""] of text.matchAll(/deno@\S+ task (\S+)/g)) {
      assert.ok(task in tasks, `${name}: task ${task}`);
    }
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g)) {
      assert.match(action, /^\.\/|@[0-9a-f]{40}$/, name);
    }
  }
});
