/**
 * What Renovate is told of dependencies: its expressions have to find each version that is written down
 * here, and nothing else.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { goToolNames, goToolPath } from "../parts/tools.ts";
import { ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";

interface Manager {
  readonly managerFilePatterns: readonly string[];
  readonly matchStrings: readonly string[];
  readonly depNameTemplate?: string;
}

interface Found {
  readonly file: string;
  readonly name: string;
  readonly version: string;
}

async function tracked(): Promise<readonly string[]> {
  const listed = await succeed("git", ["ls-files", "-z"], { cwd: ROOT });
  return listed.split("\0").filter((file) => file !== "" && !file.startsWith("fixtures/"));
}

async function found(): Promise<readonly Found[]> {
  const text = await Deno.readTextFile(join(ROOT, ".github/renovate.json"));
  const managers: readonly Manager[] = JSON.parse(text).customManagers;
  const files = await tracked();
  const all: Found[] = [];
  for (const { managerFilePatterns, matchStrings, depNameTemplate = "" } of managers) {
    const patterns = managerFilePatterns.map((one) => new RegExp(one.slice(1, -1)));
    const chosen = files.filter((file) => patterns.some((one) => one.test(file)));
    const before = all.length;
    for (const file of chosen) {
      const content = await Deno.readTextFile(join(ROOT, file));
      for (const { groups = {} } of content.matchAll(new RegExp(matchStrings.join("|"), "g"))) {
        const { depName = depNameTemplate, currentValue = "" } = groups;
        all.push({ file, name: depName, version: currentValue });
      }
    }
    assert.ok(all.length > before, `${managerFilePatterns} finds nothing`);
  }
  return all;
}

Deno.test("updates: each package of npm that sources name is found, and each Deno that is called", async () => {
  const all = await found();
  for (const file of await tracked()) {
    if (file.endsWith(".svg")) continue;
    const content = await Deno.readTextFile(join(ROOT, file)).catch(() => "");
    const wanted = [
      ...content.matchAll(/^(?:import|export) .*"npm:((?:@[^/"]+\/)?[^@"]+)@([^/"]+)/gm),
      ...content.matchAll(/npx -y (deno)@(2\.9\.\d+)/g),
    ];
    for (const [, name, version] of wanted) {
      const isFound = all.some((one) =>
        one.file === file && one.name === name && one.version === version
      );
      assert.ok(isFound, `${file}: ${name} ${version}`);
    }
  }
});

Deno.test("updates: each program in Go that tests run is found, with its version", async () => {
  const said = new Set((await found()).map(({ name, version }) => `${name}@${version}`));
  for (const name of goToolNames) {
    const [, module] = /([^/]+\.[^/]+\/.+@[^/]+)\/[^/]+$/.exec(goToolPath(name)) ?? [];
    assert.ok([...said].some((one) => module?.endsWith(one)), `${name}: ${module}`);
  }
});
