/**
 * `kodeno man`: the pages, as the two programs read them that show manuals: mandoc and groff.
 * @module
 */
import assert from "node:assert/strict";
import { commandPath } from "../../src/cli/manual.ts";
import { allCommands } from "../../src/cli/program.ts";
import type { Command } from "../../src/npm/commander.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { kodeno } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { names, tempDir } from "../support/temp.ts";

Deno.test({
  name: "man: writes a page of each command, which mandoc and groff have nothing to say against",
  ...needs("mandoc", "groff"),
  fn: async () => {
    await using dir = await tempDir();
    const how = { cwd: dir.path };
    await dir.write("share/man1/kodeno.1", "that of an older one");
    const { code, stdout, stderr } = await kodeno(["man", "share/man1"], how);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "" }, stderr);
    assert.match(stderr, /^Wrote \d+ pages into share\/man1$/m);
    const everyOne = (one: Command): readonly Command[] => [one, ...one.commands.flatMap(everyOne)];
    const all = everyOne(await allCommands());
    const pages = all.map((one) => `${commandPath(one).replaceAll(" ", "-")}.1`);
    assert.deepEqual(await names(dir.join("share/man1")), pages.toSorted());

    const paths = pages.map((page) => `share/man1/${page}`);
    const lint = await run("mandoc", ["-T", "lint", "-W", "warning", ...paths], how);
    const said = lint.stdout.split("\n").filter((line) =>
      !/: missing date, using "": TH$/.test(line)
    );
    assert.equal(said.join("\n").trim(), "");
    const shown = await run("groff", ["-ww", "-mandoc", "-Tutf8", ...paths], how);
    assert.deepEqual({ code: shown.code, stderr: shown.stderr }, { code: 0, stderr: "" });

    for (const command of all) {
      const page = `share/man1/${commandPath(command).replaceAll(" ", "-")}.1`;
      const { stdout } = await run("mandoc", ["-T", "ascii", "-O", "width=200", page], how);
      // What a terminal shows bold is struck twice.
      const text = stdout.replaceAll(/.[\b]/g, "");
      assert.match(text, new RegExp(`^NAME\\n +${page.slice(11, -2)} - [a-z].+[^.]$`, "m"), page);
      const flags = command.options.filter(({ hidden, long }) => !hidden && long !== "--help");
      for (const { flags: flag } of flags) {
        {
          assert.ok(
            text.split("\n").some((line) => line.trimStart().startsWith(flag)),
            `${page} ${flag}`,
          );
        }
      }
    }
  },
});

Deno.test("man: says what it cannot write", async () => {
  await using dir = await tempDir();
  await dir.write("file", "");
  await assertFails(dir, ["man"], { code: 2, message: /missing required argument 'dir'/ });
  await assertFails(dir, ["man", "file"], {
    code: 1,
    message: /^Cannot write the pages of the manual into file: /,
  });
});
