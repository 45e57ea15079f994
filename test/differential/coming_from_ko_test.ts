/**
 * The page for those who come from ko: it has each command and each flag of the real ko, what it calls
 * the same is there, and what it says of references is what both print.
 * @module
 */
import assert from "node:assert/strict";
import { allCommands } from "../../src/cli/program.ts";
import { goTool, needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodeno, ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { openLab, succeeded } from "./lab.ts";

const COMMANDS = ["build", "resolve", "apply", "create", "delete", "run", "login", "completion"];
const PAGE = await Deno.readTextFile(`${ROOT}docs/coming-from-ko.md`);

/** The row of a flag: what kodeno has in its stead. */
const rowOf = (flag: string): string | undefined =>
  PAGE.split("\n").find((line) => line.startsWith(`| \`${flag}\``))?.split("|")[2]?.trim();

Deno.test("coming from ko: each command and each flag of ko is told of", async () => {
  const ko = await goTool("ko");
  const help = await succeed(ko, ["--help"]);
  const [, listed = ""] = /Available Commands:\n([^]*?)\n\n/.exec(help) ?? [];
  const names = [...listed.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name);
  assert.ok(names.length >= 10, help);
  for (const name of names) assert.ok(PAGE.includes(`| \`ko ${name}\``), name);

  const program = await allCommands();
  const found = new Set<string>();
  for (const name of COMMANDS) {
    const own = program.commands.find((one) => one.name() === name);
    assert.ok(own, name);
    const options = own.createHelp().visibleOptions(own);
    const flags = (await succeed(ko, [name, "--help"])).matchAll(/^ +(?:(-\w), )?(--[\w-]+) /gm);
    for (const [, short, long = ""] of flags) {
      found.add(long);
      const said = rowOf(long);
      assert.ok(said, `${name} ${long}`);
      if (short) assert.ok(PAGE.includes(`| \`${long}\`, \`${short}\``), `${long} ${short}`);
      // These pass on all that they are given.
      if (name === "delete" || name === "completion") continue;
      const isThere = options.some((one) => one.long === long && (!short || one.short === short));
      assert.equal(isThere, said === "the same", `${name} ${long}: ${said}`);
    }
  }
  const rows = [...PAGE.matchAll(/^\| `(--[\w-]+)`/gm)].map(([, flag = ""]) => flag);
  assert.deepEqual(rows.sort(), [...found].sort());
});

Deno.test({
  name: "coming from ko: references are as the page says",
  ...needs("docker-registry"),
  async fn() {
    await using lab = await openLab();
    await simpleModule(lab.dir);
    const { layout, reference } = await lab.base("multi");
    const cwd = lab.dir.path;
    const repo = `${lab.registry.host}/team/app`;
    const both = async (...flags: string[]) => {
      const args = ["--bare", "--insecure-registry", "--image-refs", "refs", ...flags, "."];
      const env = { KO_DOCKER_REPO: repo };
      const refs = () => Deno.readTextFile(lab.dir.join("refs"));
      const ko = await lab.ko(args, { cwd, env: { ...env, KO_DEFAULTBASEIMAGE: reference } });
      const theirs = { said: succeeded("ko", ko), refs: await refs() };
      const ours = ["build", "--push", "--base-image", layout, ...args];
      const said = succeeded("kodeno", await kodeno(ours, { cwd, env: lab.environment(env) }));
      const lines = (text: string) =>
        text.trim().split("\n").map((line) => line.replace(repo, "R").replace(/[0-9a-f]{64}/, "#"));
      return {
        ko: { said: lines(theirs.said), refs: lines(theirs.refs) },
        kodeno: { said: lines(said), refs: lines(await refs()) },
      };
    };
    const one = await both("-t", "v1");
    assert.deepEqual(one.kodeno.said, ["R:v1@sha256:#"]);
    assert.deepEqual(one.ko.said, one.kodeno.said);
    const only = await both("-t", "v1", "--tag-only");
    assert.deepEqual(only.kodeno.said, ["R:v1"]);
    assert.deepEqual(only.ko.said, only.kodeno.said);
    const two = await both("-t", "v1,v2", "--platform", "linux/amd64,linux/arm64");
    assert.deepEqual(two.kodeno, { said: ["R:v1@sha256:#"], refs: ["R:v1@sha256:#"] });
    assert.deepEqual(two.ko.said, ["R@sha256:#"]);
    // That of the index, and of each platform.
    assert.ok(two.ko.refs.length >= 3);
  },
});
