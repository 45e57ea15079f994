/**
 * The library in a project of somebody else, which has nothing of kodeno's configuration: by an import
 * map and by a path, with the compiler's defaults and with types of browsers.
 * @module
 */
import assert from "node:assert/strict";
import { kodenoEnvironment, ROOT } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

const CONSUMER = `${ROOT}test/library/consumer/`;
const NAME = "@kodeno/kodeno";
const PATH = "../kodeno/mod.ts";
const CONFIG = await Deno.readTextFile(`${CONSUMER}deno.json`);
const DOM = { lib: ["dom", "dom.iterable", "dom.asynciterable", "esnext", "deno.ns"] };

interface Project {
  readonly name: string;
  /** Its configuration files. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether it imports kodeno by its path. */
  readonly byPath?: boolean;
}

const PROJECTS: readonly Project[] = [
  { name: "an import map", files: { "deno.json": CONFIG } },
  { name: "a path and a deno.json", files: { "deno.json": "{}" }, byPath: true },
  { name: "a path and no deno.json", files: {}, byPath: true },
  {
    name: "types of browsers",
    files: { "deno.json": JSON.stringify({ ...JSON.parse(CONFIG), compilerOptions: DOM }) },
  },
  {
    name: "a package.json",
    files: {
      "deno.json": JSON.stringify({ ...JSON.parse(CONFIG), nodeModulesDir: "none" }),
      "package.json": '{ "type": "module" }',
    },
  },
];

for (const { name, files, byPath = false } of PROJECTS) {
  Deno.test(`library: a project with ${name} is checked and runs`, async () => {
    await using dir = await tempDir();
    await Deno.symlink(ROOT, dir.join("kodeno"));
    for (const [file, text] of Object.entries(files)) await dir.write(`app/${file}`, text);
    const program = await Deno.readTextFile(`${CONSUMER}main.ts`);
    const imports = program.replace(`"${NAME}"`, `"${byPath ? PATH : NAME}"`);
    await dir.write("app/main.ts", imports);
    const how = { cwd: dir.join("app"), env: kodenoEnvironment() };
    const args = ["run", "-A", "--no-prompt", "--check", "main.ts", `${ROOT}examples/hello`, "out"];
    const { code, stdout, stderr } = await run(Deno.execPath(), args, how);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^example\.com\/hello hello:v1@sha256:[0-9a-f]{64} true image,\S*stage\nREGISTRY_FAILED\n$/,
    );
  });
}

Deno.test("library: the README shows the configuration of such a project", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  assert.ok(readme.includes(`\`\`\`json\n${CONFIG}\`\`\``));
});
