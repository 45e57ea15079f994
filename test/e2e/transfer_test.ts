/**
 * The commands that carry images from place to place, against a real registry and a real daemon, and
 * builds whose base or whose destination is one.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf, fingerprint, imageNames } from "../support/layout.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

type Env = Readonly<Record<string, string>>;

/** Runs kodeno in a folder; it has to fail in one line. */
async function refused(
  dir: TempDir,
  code: number,
  message: RegExp,
  args: readonly string[],
  env: Env = {},
): Promise<void> {
  const outcome = await kodeno(args, { cwd: dir.path, env });
  assert.equal(outcome.code, code, outcome.stderr);
  assert.match(outcome.stderr, message);
  assert.equal(outcome.stderr.trim().split("\n").length, 1, outcome.stderr);
  assert.equal(outcome.stdout, "");
}

/** The results among the lines that `--json` prints. */
function images(stdout: string) {
  return stdout.split("\n").map((line) => JSON.parse(line)).filter(({ type }) => type === "image");
}

/** A module with two programs, built for two platforms into the layout `out`. */
async function twoImages(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/two", {
    "cmd/one/main.go": printer("one"),
    "cmd/two/main.go": printer("two"),
  });
  const env = { KO_DOCKER_REPO: "old.example/team" };
  await done(dir, ["build", "-B", "./...", "--platform", "linux/amd64,linux/arm64"], env);
  return dir;
}

Deno.test({
  name: "push sends a layout's images once, where they are told to go",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await twoImages();
    await using registry = await startRegistry();
    const crane = await goTool("crane");
    const to = `${registry.host}/new`;
    const digests = new Map((await entriesOf(dir.join("out"))).map((e, i) => [i, e.digest]));

    const plan = await done(dir, ["push", "out", "--to", to, "--dry-run", "--json"]);
    const planned = images(plan);
    assert.deepEqual(planned.map((p) => p.references), [
      [`${to}/team/one:latest@${digests.get(0)}`],
      [`${to}/team/two:latest@${digests.get(1)}`],
    ]);
    assert.ok(planned.every(({ bytes }) => bytes > 1_000_000), plan);
    // What both have goes out once, and is taken from there for the other.
    assert.deepEqual(
      planned.map(({ mounted }) => mounted.map((one: { from: string }) => one.from)),
      [
        [],
        [`${to}/team/one`],
      ],
    );
    assert.match((await run(crane, ["catalog", registry.host])).stdout, /^\s*$/);

    const first = images(await done(dir, ["push", "out", "--to", to, "--json"]));
    const total = (all: typeof first) => all.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(total(first), total(planned), "what a dry run says is what the run sends");
    const said = await done(dir, ["push", "out", "--to", to]);
    assert.equal(said, planned.map((p) => p.references[0]).join("\n"));
    for (const name of ["one", "two"]) {
      await succeed(crane, ["validate", "--remote", `${to}/team/${name}:latest`]);
    }
    const again = await done(dir, ["push", "out", "--to", to, "--json"]);
    const sent = images(again);
    assert.deepEqual(sent.map(({ blobs, bytes }) => [blobs, bytes]), [[0, 0], [0, 0]]);

    const base = ["push", "out", "--to", to, "-B", "--image", "old.example/team/two", "-t", "a,b"];
    assert.match(await done(dir, base), /\/new\/two:a@.*\n.*\/new\/two:b@/);
    const tags = await succeed(crane, ["ls", `${to}/two`]);
    assert.deepEqual(tags.trim().split("\n").sort(), ["a", "b"]);
    const bare = ["push", "out", "--to", `${to}/bare`, "--bare"];
    await done(dir, [...bare, "--image", "old.example/team/one:latest"]);
    assert.equal(await succeed(crane, ["digest", `${to}/bare`]), `${digests.get(0)}\n`);
  },
});

Deno.test("push --dry-run tells all there is where the registry is away", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await done(dir, ["build"]);
  const args = ["push", "out", "--to", "127.0.0.1:1/x", "--dry-run"];
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^127\.0\.0\.1:1\/x\/app:latest@sha256:/);
  const away = stderr.match(
    /^Could not ask 127\.0\.0\.1:1 what it has: 127\.0\.0\.1:1 did .*; counted as if /gm,
  );
  assert.equal(away?.length, 1, stderr);
  assert.match(stderr, /^ {2}would send 5 blobs, /m);
});

Deno.test({
  name: "push sends to each --to; names may stand behind the place",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await done(dir, ["build", "-t", "v1,v2"]);
    await using one = await startRegistry();
    await using other = await startRegistry();
    const places = [`${one.host}/a`, `${other.host}/b`, `${one.host}/c`];
    // Said again, one of them gets it once.
    const to = [...places, `${one.host}/a/`].flatMap((place) => ["--to", place]);
    const [{ digest } = { digest: "" }] = await entriesOf(dir.join("out"));
    const expected = places.map((place) => `${place}/app:v1@${digest}`);
    const plan = await done(dir, ["push", "out", "app:v1", ...to, "--dry-run"]);
    assert.deepEqual(plan.split("\n"), expected);
    const { code, stdout, stderr } = await kodeno(["push", "out", "app:v1", ...to], {
      cwd: dir.path,
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trimEnd().split("\n"), expected);
    assert.match(stderr, /^1 image, sent /m);
    for (const reference of expected) {
      const read = ["pull", reference, "--oci-layout", reference.replaceAll(/\W/g, "-")];
      assert.match(await done(dir, read), new RegExp(`${digest}$`));
    }
    const both = images(
      await done(dir, ["push", "out", "app:v1", "--image", "app:v2", ...to, "--json"]),
    );
    assert.equal(both.length, 6);
    assert.deepEqual(
      both.map(({ name }) => name).sort(),
      Array(6).fill("app:v1").fill("app:v2", 3),
    );
    await refused(dir, 2, /Cannot use --to "": it is empty/, ["push", "out", "--to", ""]);
    await refused(dir, 2, /"\." is no registry host/, ["push", "out", "--to", "."]);
    await refused(dir, 1, /Cannot find image "nosuch"/, ["push", "out", "nosuch", ...to]);
  },
});

Deno.test({
  name: "push says which place has a damaged blob, and names nothing in the registry",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await simpleModule(dir);
    await done(dir, ["build"]);
    await done(dir, ["copy", "oci:out", "archive:out.tar"]);
    const [{ digest: root } = { digest: "" }] = await entriesOf(dir.join("out"));
    const read = async (digest: string) =>
      await Deno.readFile(dir.join("out/blobs/sha256", digest.slice(7)));
    const { config, layers } = JSON.parse(new TextDecoder().decode(await read(root)));
    // One that goes in one request, one that is streamed, and one that is read before it goes.
    for (const digest of [config.digest, layers.at(-1).digest, root]) {
      const bytes = await read(digest);
      const archive = await Deno.readFile(dir.join("out.tar"));
      for (
        const [place, file, whole, at] of [
          ["layout", `out/blobs/sha256/${digest.slice(7)}`, bytes, 0],
          ["archive", "out.tar", archive, Buffer.from(archive).indexOf(bytes)],
        ] as const
      ) {
        const damaged = whole.slice();
        const middle = at + (bytes.length >> 1);
        damaged[middle] = (damaged[middle] ?? 0) ^ 1;
        await Deno.writeFile(dir.join(file), damaged);
        const from = place === "layout" ? "out" : "out.tar";
        // What another push has brought is not sent again.
        const to = `${registry.host}/${place}/${digest.slice(7, 19)}`;
        const says = new RegExp(
          `^Error: Cannot use blob ${digest} of ${place} \\S*${from}: its content has digest ` +
            `sha256:\\w+; (?:image app:latest of )?${place} \\S+ is damaged .* bring it there again$`,
          "m",
        );
        const pushing = ["push", from, "--to", to, "--bare"];
        const { code, stdout, stderr } = await kodeno(pushing, { cwd: dir.path });
        assert.deepEqual([code, stdout], [1, ""], stderr);
        assert.match(stderr, says);
        const tags = await fetch(`http://${to.replace("/", "/v2/")}/tags/list`);
        assert.ok(tags.status === 404 || (await tags.clone().json()).tags === null, `${digest}`);
        await tags.body?.cancel();
        await Deno.writeFile(dir.join(file), whole);
      }
    }
  },
});

Deno.test("push says what it cannot do, and does nothing", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await done(dir, ["build", "-t", "a,b"]);
  await refused(dir, 2, /nothing as an OCI layout: there is no such/, [
    "push",
    "nothing",
    "--to",
    "127.0.0.1:1/x",
  ]);
  await refused(dir, 2, /its name says no registry; say where with --to/, ["push", "out"]);
  await refused(dir, 1, /Cannot find image "c"/, ["push", "out", "--to", "h.x/y", "--image", "c"]);
  await refused(dir, 2, /Cannot use image name/, ["push", "out", "--to", "127.0.0.1:1/UPPER"]);
  await refused(
    dir,
    1,
    /Cannot find image "h\.x\/y:1" .*; to push to a registry, say --to h\.x\/y$/m,
    [
      ...["push", "out", "h.x/y:1"],
    ],
  );
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const to = ["push", "out", "--to"];
  await refused(dir, 1, /did not answer: the connection was refused/, [
    ...to,
    `127.0.0.1:${port}/x`,
  ]);
});

Deno.test({
  name: "pull and copy bring an image from place to place with its bytes",
  ...needs("docker-registry", "skopeo"),
  fn: async () => {
    await using dir = await twoImages();
    await using registry = await startRegistry();
    const one = "old.example/team/one:latest";
    const remote = `${registry.host}/copy/one:v1`;
    const { digest } = (await entriesOf(dir.join("out")))[0] ?? assert.fail();

    const copied = await done(dir, ["copy", `oci:out:${one}`, remote]);
    assert.equal(copied, `${remote}@${digest}`);
    await done(dir, ["pull", remote, "--oci-layout", "pulled"]);
    assert.deepEqual((await assertSound(dir.join("pulled"))).map((e) => e.digest), [digest]);
    assert.deepEqual(await imageNames(dir.join("pulled")), [remote]);

    // One that is asked for by its digest gets a name all the same, which may be another's.
    const two = `${registry.host}/copy/one:latest`;
    await done(dir, ["copy", "oci:out:old.example/team/two:latest", two]);
    await done(dir, ["pull", two, "--oci-layout", "digests"]);
    const other = (await entriesOf(dir.join("digests")))[0]?.digest;
    const byDigest = ["pull", `${registry.host}/copy/one@${digest}`, "--oci-layout", "digests"];
    const first = await kodeno(byDigest, { cwd: dir.path });
    assert.match(
      first.stderr,
      new RegExp(`^Naming it ${two}, since .*; that was ${other} before\n`),
    );
    const second = await kodeno(byDigest, { cwd: dir.path });
    assert.match(second.stderr, new RegExp(`^Naming it ${two}, since .* says no tag\n`));

    await done(dir, ["copy", remote, "archive:one.tar"]);
    const skopeo = rootTool("skopeo") ?? assert.fail();
    await succeed(skopeo, ["inspect", `oci-archive:${dir.join("one.tar")}`]);
    await done(dir, ["copy", "archive:one.tar", "oci:again"]);
    const blobs = async (layout: string) => {
      const { "index.json": _, ...files } = await fingerprint(dir.join(layout));
      return files;
    };
    assert.deepEqual(await blobs("again"), await blobs("pulled"));

    await done(dir, ["copy", remote, "oci:arm", "--platform", "linux/arm64"]);
    const [arm] = await assertSound(dir.join("arm"));
    assert.equal(arm?.platform?.architecture, "arm64");
    await refused(dir, 2, /it has linux\/amd64, linux\/arm64/, [
      "copy",
      remote,
      "oci:none",
      "--platform",
      "linux/s390x",
    ]);
    await refused(dir, 1, /the registry does not have it/, ["pull", `${registry.host}/no:x`]);
    assert.equal((await dir.list()).includes("none"), false);
  },
});

Deno.test({
  name: "load and build -L bring images into a daemon, which runs them",
  ...needs("root", "dockerd", "docker"),
  fn: async () => {
    await using dir = await twoImages();
    await using dockerd = await startDockerd();
    const env = { DOCKER_HOST: dockerd.host };
    const name = "old.example/team/one:latest";
    const [first] = images(await done(dir, ["load", "out", "--image", name, "--json"], env));
    assert.deepEqual([first.name, first.sent], [name, true]);
    const [again] = images(await done(dir, ["load", "out", name, "--json"], env));
    assert.deepEqual(again, { ...first, sent: false });
    const ran = await dockerd.docker("run", "--rm", "--network", "none", name);
    assert.equal(ran.stdout, "one dev\n", ran.stderr);

    const local = await done(dir, ["build", "-L", "-B", "./cmd/two"], env);
    assert.match(local, /^ko\.local\/two:[0-9a-f]{64}$/);
    // What is printed can be run, as with ko.
    for (const printed of [local, "ko.local/two"]) {
      const two = await dockerd.docker("run", "--rm", "--network", "none", printed);
      assert.equal(two.stdout, "two dev\n", two.stderr);
    }
    // A name below the domain means the daemon, as ko has it.
    const domain = { ...env, KO_DOCKER_REPO: "kept.here/x" };
    const kept = ["build", "-B", "--local-domain", "kept.here", "./cmd/two"];
    assert.match(await done(dir, kept, domain), /^kept\.here\/x\/two:[0-9a-f]{64}$/);
    assert.equal((await dockerd.docker("inspect", "kept.here/x/two:latest")).code, 0);
    const back = await done(dir, ["copy", "daemon:ko.local/two", "oci:back:two:v1"], env);
    assert.match(back, /^two:v1@sha256:/);
    await assertSound(dir.join("back"));
    const nowhere = { DOCKER_HOST: `unix://${dir.join("nothing")}` };
    await refused(dir, 1, /Cannot .*Docker daemon/, ["load", "out"], nowhere);
  },
});

Deno.test({
  name: "build --push and --tarball go beside a layout, or without one",
  ...needs("docker-registry", "root", "dockerd", "docker"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir, "pushed");
    await using registry = await startRegistry();
    const env = { KO_DOCKER_REPO: `${registry.host}/b` };
    const reference = await done(dir, ["build", "-B", "--push"], env);
    const crane = await goTool("crane");
    await succeed(crane, ["validate", "--remote", reference]);
    assert.equal((await dir.list()).includes("out"), false);

    await done(dir, ["build", "-B", "--push=false", "--tarball", "app.tar"], env);
    assert.equal((await dir.list()).includes("out"), false);
    await using dockerd = await startDockerd();
    const loaded = await dockerd.docker("load", "-i", dir.join("app.tar"));
    assert.match(loaded.stdout, /Loaded image: .*\/b\/app:latest/, loaded.stderr);
    await done(dir, ["build", "-B", "--push", "--oci-layout", "both"], env);
    await assertSound(dir.join("both"));
    await refused(dir, 2, /KO_DOCKER_REPO is not set/, ["build", "--push"]);
  },
});

Deno.test({
  name: "a base of a registry is fetched once, and offline only from the cache",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await twoImages();
    const registry = await startRegistry();
    await using _ = registry;
    const env = { KODENO_CACHE: dir.join("cache") };
    await done(dir, ["push", "out", "--to", `${registry.host}/bases`], env);
    const base = `${registry.host}/bases/team/one:latest`;
    const digest = (await succeed(await goTool("crane"), ["digest", base])).trim();
    const build = ["build", "./cmd/two", "--base-image", base, "--oci-layout"];
    const kept = () => dir.list("cache", "bases", "blobs", "sha256");

    // Pushed beside its base: the registry mounts the layers, so that they are not fetched.
    const to = { ...env, KO_DOCKER_REPO: `${registry.host}/apps` };
    const pushed = await done(
      dir,
      ["build", "./cmd/two", "-B", "--push", "--base-image", base],
      to,
    );
    await succeed(await goTool("crane"), ["validate", "--remote", pushed]);
    assert.equal((await kept()).length, 3, "index, manifest and config");

    const first = await done(dir, [...build, "first"], env);
    await assertSound(dir.join("first"));
    // Of its three layers the image has the empty kodata one itself.
    assert.equal((await kept()).length, 5, "two layers more, of one platform");
    await refused(dir, 1, /offline: the cache does not have all of it; run "kodeno build/, [
      ...build,
      "other",
      "--offline",
      "--platform",
      "linux/arm64",
    ], env);

    await registry.stop();
    await refused(dir, 1, /did not answer/, [...build, "gone"], env);
    assert.equal(await done(dir, [...build, "offline", "--offline"], env), first);
    assert.deepEqual(await fingerprint(dir.join("offline")), await fingerprint(dir.join("first")));
    // Named by its digest, the base is not even asked for.
    const named = base.replace(":latest", `@${digest}`);
    await done(dir, ["build", "./cmd/two", "--base-image", named, "--oci-layout", "digest"], env);
  },
});
