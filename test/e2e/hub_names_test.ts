/**
 * Names that say no registry: written as containerd and Docker look them up, shown short, and the same
 * name in layouts of other tools and of older days, which have them short.
 * @module
 */
import assert from "node:assert/strict";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { entriesOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const NAME = "io.containerd.image.name";
const one = imageGraph("one");
const two = imageGraph("two");

/** The names in `index.json`, as they are written. */
async function written(layout: string): Promise<(string | undefined)[]> {
  return (await entriesOf(layout)).map(({ annotations }) => annotations?.[NAME]);
}

/** A layout whose names are all short, as kodeno once wrote them. */
async function oldLayout(dir: TempDir, images: Parameters<typeof layoutWith>[2]): Promise<string> {
  const layout = await layoutWith(dir, "old", images);
  const text = await Deno.readTextFile(`${layout}/index.json`);
  const old = text.replaceAll("docker.io/library/", "").replaceAll("docker.io/", "");
  assert.notEqual(old, text);
  await Deno.writeTextFile(`${layout}/index.json`, old);
  return layout;
}

Deno.test("hub names: written whole and shown short, by each command", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const said = await done(dir, ["build"]);
  const [name = ""] = said.split("@");
  assert.match(name, /^[a-z]+:latest$/);
  assert.deepEqual(await written(dir.join("out")), [`docker.io/library/${name}`]);
  assert.match(await done(dir, ["ls", "out"]), new RegExp(`^${name} `));
  for (const json of ["ls", "inspect"]) {
    const [first = ""] = (await done(dir, [json, "out", "--json"])).split("\n");
    assert.equal(JSON.parse(first).name, name, json);
  }
  const push = await kodeno(["push", "out"], { cwd: dir.path });
  assert.equal(push.code, 2);
  assert.match(push.stderr, new RegExp(`Cannot push ${name}: its name says no registry`));
  assert.match(await done(dir, ["copy", `oci:out:docker.io/library/${name}`, "oci:b"]), /^[a-z]+:/);
  await done(dir, ["copy", "oci:out", "archive:a.tar"]);
  assert.match(await done(dir, ["ls", "a.tar"]), new RegExp(`^${name} `));
  await done(dir, ["merge", "m", "out", "a.tar", "b"]);
  for (const layout of ["b", "m"]) {
    assert.deepEqual(await written(dir.join(layout)), [`docker.io/library/${name}`]);
  }
  // What a name of Docker Hub's says is not enough to send it there, either.
  const tagged = await done(dir, ["tag", "out", name, "docker.io/team/app:v1"]);
  assert.match(tagged, /^team\/app:v1@sha256:/);
  const hubEnv = { KO_DOCKER_REPO: "docker.io/team" };
  assert.match(
    await done(dir, ["build", "-B", "--oci-layout", "t"], hubEnv),
    /^team\/[a-z]+:latest@/,
  );
  await done(dir, ["rm", "out", name]);
  const hub = await kodeno(["push", "out"], { cwd: dir.path });
  assert.match(hub.stderr, /Cannot push team\/app:v1: its name says no registry.*--to docker\.io/);
});

Deno.test("hub names: one name, in a layout that has it short, too", async () => {
  await using dir = await tempDir();
  const layout = await oldLayout(dir, { "app:v1": one, "team/b:v1": one, "c.io/d:v1": one });
  const ls = async (...args: string[]) =>
    (await done(dir, ["ls", layout, ...args])).split("\n").map((line) => line.split(/\s/)[0]);
  assert.deepEqual(await ls(), ["app:v1", "c.io/d:v1", "team/b:v1"]);
  for (const name of ["app:v1", "docker.io/library/app:v1", "docker.io/app:v1", "library/app:v1"]) {
    assert.match(await done(dir, ["inspect", layout, name]), /^app:v1 index /, name);
  }
  // Another image takes the name; there are never two.
  const other = await layoutWith(dir, "other", { "app:v1": two });
  const refused = await kodeno(["merge", layout, other]);
  assert.match(refused.stderr, /: app:v1 is sha256:/);
  await done(dir, ["merge", "--force", layout, other]);
  assert.deepEqual(await ls(), ["app:v1", "c.io/d:v1", "team/b:v1"]);
  const [app, ...rest] = await entriesOf(layout);
  assert.equal(app?.digest, two.root.descriptor.digest);
  const others = ["c.io/d:v1", "team/b:v1"];
  assert.deepEqual(await written(layout), ["docker.io/library/app:v1", ...others]);
  await done(dir, ["tag", layout, "c.io/d:v1", "index.docker.io/team/b:v1"]);
  assert.deepEqual(await ls(), ["app:v1", ...others]);
  assert.equal(rest.length, 2);
  await done(dir, ["rm", layout, "docker.io/team/b", "docker.io/library/app:v1"]);
  assert.deepEqual(await ls(), ["c.io/d:v1"]);
});
