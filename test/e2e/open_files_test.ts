/**
 * Places of many images under a low limit of open files, as a process of a build machine may have.
 * @module
 */
import assert from "node:assert/strict";
import { verify } from "../../src/content/check.ts";
import { namedEntry } from "../../src/oci/entries.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { blob, image, index, pushAll } from "../support/image_graph.ts";
import { kodenoEnvironment, kodenoWords } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** More than a limit leaves room for, and few enough to be made soon. */
const MANY = 60;
/** What the runtime itself has open counts, too: the sources need some more than the binary. */
const LIMIT = Deno.env.get("KODENO_BIN") ? 32 : 48;

/** A layout of many images, and of an index of all of them; and many layouts of one image each. */
async function many(dir: TempDir): Promise<void> {
  const layout = await openLayout(dir.join("in"), { create: true });
  const parts = Array.from({ length: MANY }, (_, i) => {
    const platform = { os: "linux", architecture: "amd64", variant: `v${i}` };
    const layer = blob(`layer ${i}`);
    return { platform, layer, ...image(platform, [layer]) };
  });
  for (const [i, { layer, config, manifest }] of parts.entries()) {
    await pushAll(layout, [layer, config, manifest]);
    const alone = await openLayout(dir.join(`part${i}`), { create: true });
    await pushAll(alone, [layer, config, manifest]);
    await alone.tag(manifest.descriptor, `app${i}:v1`);
    alone.close();
  }
  const root = index(parts.map(({ manifest, platform }) => [manifest, platform]));
  await pushAll(layout, [root]);
  await layout.change(() =>
    Promise.resolve([
      ...parts.map(({ manifest }, i) => namedEntry(manifest.descriptor, `app${i}:v1`)),
      namedEntry(root.descriptor, "all:v1"),
    ])
  );
}

async function limited(dir: TempDir, args: string): Promise<readonly string[]> {
  const command = `ulimit -n ${LIMIT}; exec ${kodenoWords()} ${args}`;
  const { code, stdout, stderr } = await run("bash", ["-c", command], {
    cwd: dir.path,
    env: kodenoEnvironment(),
  });
  assert.equal(code, 0, `${args}: ${stderr}`);
  return stdout.trimEnd().split("\n");
}

Deno.test({
  name: `${MANY} images, of which a process may open few files at once, are moved and told of`,
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await many(dir);
    assert.equal((await limited(dir, "merge all in")).length, MANY + 1);
    assert.equal((await limited(dir, "ls all")).length, MANY + 1);
    const parts = Array.from({ length: MANY }, (_, i) => `part${i}`);
    assert.equal((await limited(dir, `merge joined ${parts.join(" ")}`)).length, MANY);
    await limited(dir, "inspect all --json");
    await limited(dir, "gc all --prune-now");
    await limited(dir, "copy oci:all:all:v1 archive:all.tar");
    await limited(dir, "copy archive:all.tar oci:copied");
    // There already: each manifest is looked at.
    await limited(dir, "copy archive:all.tar oci:copied");
    assert.equal((await limited(dir, `push all --to ${registry.host}/x`)).length, MANY + 1);
    await limited(dir, `pull ${registry.host}/x/all:v1 --oci-layout pulled`);
    for (const name of ["all", "copied", "pulled"]) {
      const layout = await openLayout(dir.join(name));
      const entries = await layout.entries();
      assert.equal(entries.length, name === "all" ? MANY + 1 : 1);
      for (const entry of entries) await verify(layout, entry);
    }
  },
});
