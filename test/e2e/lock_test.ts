/**
 * `kodeno lock` and `--locked`: what is written, what of it builds keep to, and what is refused; with
 * modules of a proxy, and a base image that moves in a real registry.
 * @module
 */
import assert from "node:assert/strict";
import { exists } from "../../src/io/files.ts";
import { z } from "../../src/npm/zod.ts";
import { parseDocument } from "../../src/npm/yaml.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule } from "../support/go_module.ts";
import { goProxy } from "../support/go_proxy.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, manifestOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const A = "example.com/team/app/cmd/a";
const B = "example.com/team/app/cmd/b";

const using = (path: string) =>
  `package main\n\nimport lib "${path}"\n\nfunc main() { println(lib.Word) }\n`;
const library = (word: string) => ({ "lib.go": `package lib\n\nconst Word = "${word}"\n` });

/** A module of two programs: one with a module of a proxy and one of a folder, one with a fork. */
async function twoPrograms(dir: TempDir): Promise<Record<string, string>> {
  const env = await goProxy(dir, [
    ["example.com/dep@v1.0.0", library("one")],
    ["example.com/dep@v1.1.0", library("two")],
    ["example.com/fork@v0.3.0", library("fork")],
  ]);
  await goModule(dir, "example.com/team/app", {
    "cmd/a/main.go": using("example.com/dep")
      .replace("\n\nfunc", '\nimport local "example.com/local"\n\nfunc')
      .replace("lib.Word", "lib.Word, local.Word"),
    "cmd/b/main.go": using("example.com/asked"),
  }, "work");
  await goModule(dir, "example.com/local", library("local"), "work/local");
  const needed = `
require (
	example.com/asked v1.0.0
	example.com/dep v1.0.0
	example.com/local v1.2.0
)

replace example.com/asked => example.com/fork v0.3.0

replace example.com/local => ./local
`;
  await Deno.writeTextFile(dir.join("work/go.mod"), needed, { append: true });
  await succeed("go", ["mod", "tidy"], { cwd: dir.join("work"), env: goEnv(env) });
  return { ...env, KODENO_CACHE: dir.join("cache") };
}

const goEnv = (env: Readonly<Record<string, string>>) => ({ ...Deno.env.toObject(), ...env });

/** Sums of go.sum by module and version. */
async function sumsOf(dir: TempDir): Promise<ReadonlyMap<string, string>> {
  const text = await Deno.readTextFile(dir.join("work/go.sum"));
  return new Map(
    text.split("\n").map((line) => {
      const [path, version, sum = ""] = line.split(" ");
      return [`${path}@${version}`, sum];
    }),
  );
}

/** Pushes an image of two platforms under a name: a base, which another label makes another one. */
async function pushBase(
  dir: TempDir,
  repository: string,
  label: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const args = ["build", "./cmd/b", "--push", "--bare", "-t", "v1", "--base-image", "scratch"];
  const more = ["--platform", "linux/amd64,linux/arm64", "--image-label", `is=${label}`];
  const cwd = dir.join("work");
  const { code, stdout, stderr } = await kodeno([...args, ...more], {
    cwd,
    env: { ...env, KO_DOCKER_REPO: repository },
  });
  assert.equal(code, 0, stderr);
  return digestIn(stdout);
}

Deno.test({
  name: "lock: what images are built from, and builds that are kept to it",
  ...needs("docker-registry"),
  async fn(t) {
    await using dir = await tempDir();
    const env = await twoPrograms(dir);
    const sums = await sumsOf(dir);
    await using registry = await startRegistry();
    const base = `${registry.host}/bases/plain`;
    const first = await pushBase(dir, base, "first", env);
    await dir.write(
      "work/.ko.yaml",
      `defaultBaseImage: ${base}:v1\ndefaultPlatforms: [linux/arm64, linux/amd64]\n` +
        "defaultLdflags: ['-X main.v={{.Git.ShortCommit}}']\ndefaultEnv: [API_TOKEN=secret, GOPROXY=off]\n",
    );
    const work = { cwd: dir.join("work"), env };
    const path = dir.join("work/kodeno.lock");
    const at = async (args: readonly string[], code: number) => {
      const outcome = await kodeno(args, work);
      assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
      return outcome;
    };
    const built = async (args: readonly string[]) => digestIn((await at(args, 0)).stdout);

    const platform = (digest: string, settings: object) => ({
      base: digest,
      settings: { CGO_ENABLED: "0", ...settings },
    });
    const manifests = new Map<string, string>();

    await t.step("it is sorted, the same each time, and what its schema says", async () => {
      await at(["copy", `${base}:v1`, "oci:bases"], 0);
      const index = await manifestOf(dir.join("work/bases"), first);
      for (
        const { digest, platform } of index.manifests as unknown as {
          digest: string;
          platform: { architecture: string };
        }[]
      ) manifests.set(platform.architecture, digest);

      const wrote = await at(["lock", "./..."], 0);
      assert.match(wrote.stderr, /^Wrote kodeno\.lock: 2 images$/m);
      assert.equal(wrote.stdout, "");
      const text = await Deno.readTextFile(path);
      assert.match(text, /^# What images are built from/);
      assert.ok(!text.includes("secret") && !text.includes("GOPROXY"), text);
      await at(["lock", "./cmd/b", "./cmd/a"], 0);
      assert.equal(await Deno.readTextFile(path), text);

      const value = parseDocument(text).toJS();
      const { stdout: schema } = await at(["schema", "lock"], 0);
      const { error } = z.fromJSONSchema(JSON.parse(schema)).safeParse(value);
      assert.equal(error, undefined, error && z.prettifyError(error));
      assert.deepEqual(Object.keys(value.images), [A, B]);
      const { go: { version, ...goRest }, kodeno: _, ...one } = value.images[A];
      assert.match(version, /^go1\./);
      assert.deepEqual(Object.keys(goRest).filter((name) => name !== "toolchain"), []);
      assert.deepEqual(one, {
        base: { name: `${base}:v1`, digest: first },
        platforms: {
          "linux/amd64": platform(manifests.get("amd64") ?? "", { GOAMD64: "v1" }),
          "linux/arm64": platform(manifests.get("arm64") ?? "", { GOARM64: "v8.0" }),
        },
        build: {
          ldflags: ["-X main.v={{.Git.ShortCommit}}"],
          trimpath: true,
          env: ["API_TOKEN=***"],
        },
        modules: {
          "example.com/dep": `v1.0.0 ${sums.get("example.com/dep@v1.0.0")}`,
          "example.com/local": "v1.2.0 => ./local",
        },
      });
      assert.deepEqual(value.images[B].modules, {
        "example.com/asked": `v1.0.0 => example.com/fork v0.3.0 ${
          sums.get("example.com/fork@v0.3.0")
        }`,
      });
      assert.match((await at(["lock", "--check"], 0)).stderr, /^kodeno\.lock holds for 2 images$/m);
    });

    let locked = "";
    await t.step("a base that has moved: a build keeps to the one that is locked", async () => {
      locked = await built(["build", "./cmd/a", "--oci-layout", "before"]);
      const second = await pushBase(dir, base, "second", env);
      const text = await Deno.readTextFile(path);
      const check = await at(["lock", "--check"], 1);
      assert.match(
        check.stderr,
        new RegExp(`^${B}: base digest: locked ${first}, found ${second}$`, "m"),
      );
      assert.equal(check.stderr.match(/: base for linux\//g)?.length, 4, check.stderr);
      const json = await at(["lock", "--check", "--json"], 1);
      const lines = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      const [result, error] = lines.slice(-2);
      assert.deepEqual(result.differences[0], {
        image: A,
        what: "base digest",
        locked: first,
        found: second,
      });
      assert.equal(error.code, "LOCK_DIFFERS");
      assert.equal(await Deno.readTextFile(path), text);

      const plan = async (...args: readonly string[]) => {
        const { stdout } = await at(["plan", "./cmd/a", "--json", ...args], 0);
        return JSON.parse(stdout).images[0].base.digest;
      };
      assert.deepEqual([await plan(), await plan("--locked")], [undefined, first]);

      assert.notEqual(await built(["build", "./cmd/a", "--oci-layout", "moved"]), locked);
      assert.equal(await built(["build", "./cmd/a", "--oci-layout", "kept", "--locked"]), locked);
      const update = await at(["lock", "--update", "./cmd/b"], 0);
      assert.match(update.stdout, new RegExp(`^${B}: base digest: locked ${first}, found`, "m"));
      const { images } = parseDocument(await Deno.readTextFile(path)).toJS();
      assert.deepEqual([images[A].base.digest, images[B].base.digest], [first, second]);
      const both = await at(["build", "./...", "--locked", "--oci-layout", "both"], 0);
      assert.ok(both.stdout.includes(locked), both.stdout);
    });

    await t.step("no registry is asked for what is locked and in the cache", async () => {
      await registry.stop();
      assert.equal(await built(["build", "./cmd/a", "--locked", "--oci-layout", "x"]), locked);
      const offline = ["build", "./cmd/a", "--locked", "--offline", "--oci-layout", "y"];
      assert.equal(await built(offline), locked);
      await at(["build", "./cmd/a", "--oci-layout", "z"], 1);
    });

    await t.step(
      "what else is found is refused by all that build, and nothing is written",
      async () => {
        const mod = await Deno.readTextFile(dir.join("work/go.mod"));
        await Deno.writeTextFile(dir.join("work/go.mod"), mod.replace("dep v1.0.0", "dep v1.1.0"));
        await succeed("go", ["mod", "tidy"], { cwd: work.cwd, env: goEnv(env) });
        const sum = (await sumsOf(dir)).get("example.com/dep@v1.1.0");
        const expected = `${A}: module example.com/dep: locked v1.0.0 ` +
          `${sums.get("example.com/dep@v1.0.0")}, found v1.1.0 ${sum}`;
        await dir.write(
          "work/pod.yaml",
          "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n" +
            `spec: {containers: [{name: a, image: "ko://${A}"}]}\n`,
        );
        await Deno.chmod(await dir.write("bin/kubectl", "#!/bin/sh\nexit 3\n"), 0o755);
        const path = `${dir.join("bin")}:${Deno.env.get("PATH")}`;
        const repository = { KO_DOCKER_REPO: `${registry.host}/team` };
        const cases: readonly (readonly [string[], Record<string, string>?])[] = [
          [["build", "./cmd/a"]],
          [["build", "./cmd/a", "--tarball", "a.tar", "--image-refs", "refs"]],
          [["resolve", "--push=false", "-f", "pod.yaml"]],
          [["apply", "--push=false", "-f", "pod.yaml"], { PATH: path }],
          [["run", "--push=false", "./cmd/a"], { PATH: path }],
          [["skaffold", "./cmd/a"], { IMAGE: `${registry.host}/a:v1`, PUSH_IMAGE: "true" }],
        ];
        for (const [args, more = {}] of cases) {
          const named = args[0] === "skaffold" ? more : { ...repository, ...more };
          const how = { ...work, env: { ...env, ...named } };
          const { code, stdout, stderr } = await kodeno([...args, "--locked"], how);
          assert.equal(code, 1, stderr);
          assert.equal(stdout, "", args.join(" "));
          const lines = stderr.split("\n");
          const start = lines.indexOf("Error: Cannot build what kodeno.lock locks:");
          assert.equal(lines[start + 1], expected, stderr);
          assert.match(lines[start + 2] ?? "", /^Next step: .*"kodeno lock --update example\.com/);
          for (const name of ["out", "a.tar", "refs"]) {
            assert.ok(!exists(dir.join("work", name)), `${args.join(" ")}: ${name}`);
          }
        }
        // The other image is what it was.
        await at(["build", "./cmd/b", "--locked", "--oci-layout", "b"], 0);
        await Deno.writeTextFile(dir.join("work/go.mod"), mod);
        await succeed("go", ["mod", "tidy"], { cwd: work.cwd, env: goEnv(env) });
      },
    );

    await t.step("a sum, a flag, a platform, a base, an image that are not locked", async () => {
      const text = await Deno.readTextFile(path);
      const lines = async (args: readonly string[]) => {
        const { stderr } = await at(["build", "--locked", "--oci-layout", "w", ...args], 1);
        assert.ok(!exists(dir.join("work/w")));
        return stderr.split("\n").filter((line) => /^example\.com/.test(line));
      };
      const sum = sums.get("example.com/dep@v1.0.0") ?? "";
      const other = `h1:${"A".repeat(43)}=`;
      await Deno.writeTextFile(path, text.replace(sum, other));
      assert.deepEqual(await lines(["./cmd/a"]), [
        `${A}: module example.com/dep: locked v1.0.0 ${other}, found v1.0.0 ${sum}`,
      ]);
      await Deno.writeTextFile(path, text);
      assert.deepEqual(await lines(["./cmd/a", "--flags=-tags=x", "--platform", "linux/amd64"]), [
        `${A}: platforms: locked linux/amd64,linux/arm64, found linux/amd64`,
        `${A}: flags: locked nothing, found ["-tags=x"]`,
      ]);
      // Its name alone is no reason to ask a registry that is not there.
      assert.deepEqual(await lines(["./cmd/a", "--base-image", `${base}:v2`]), [
        `${A}: base: locked ${base}:v1, found ${base}:v2`,
      ]);
      await dir.write("work/cmd/c/main.go", "package main\n\nfunc main() {}\n");
      assert.deepEqual(await lines(["./cmd/c"]), ["example.com/team/app/cmd/c: it is not locked"]);
      await Deno.writeTextFile(path, text.replaceAll(/kodeno: .*/g, "kodeno: 0.0.1"));
      const { stderr } = await at(["build", "--locked", "--oci-layout", "w", "./cmd/a"], 0);
      assert.match(stderr, /^Warning: kodeno\.lock was written by kodeno 0\.0\.1, and this is /m);
    });
  },
});

Deno.test("lock: artifacts of a skaffold.yaml, by the names of their images", async () => {
  await using dir = await tempDir();
  const main = "package main\n\nfunc main() {}\n";
  await goModule(dir, "example.com/app", { "main.go": main });
  const artifact = (image: string, more: string) =>
    `  - {image: ${image}, ko: {main: ., ${more}}}\n`;
  const file = (...artifacts: string[]) =>
    dir.write(
      "skaffold.yaml",
      `apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  tagPolicy: {sha256: {}}\n` +
        `  artifacts:\n${artifacts.join("")}`,
    );
  const small = artifact("small", "ldflags: [-s], fromImage: scratch");
  await file(artifact("app", "fromImage: scratch"), small);
  const platform = ["--platform", "linux/amd64"];
  await done(dir, ["lock", "-f", "skaffold.yaml", ...platform]);
  const { images } = parseDocument(await Deno.readTextFile(dir.join("kodeno.lock"))).toJS();
  assert.deepEqual(Object.keys(images), ["app", "small"]);
  assert.equal(images.app.package, "example.com/app");
  assert.deepEqual([images.app.build.ldflags, images.small.build.ldflags], [undefined, ["-s"]]);
  await done(dir, ["build", "-f", "skaffold.yaml", "--locked", ...platform]);
  await done(dir, ["lock", "--check", "-f", "skaffold.yaml", ...platform]);
  const unsaid = await kodeno(["lock", "--check"], { cwd: dir.path });
  assert.equal(unsaid.code, 2);
  assert.match(
    unsaid.stderr,
    /it has artifacts of a skaffold\.yaml \(app, small\); name that with/,
  );

  const build = ["build", "-f", "skaffold.yaml", "--locked", ...platform, "--oci-layout", "new"];
  await file(artifact("app", "flags: [-v], fromImage: scratch"), small.replace("-s", "-w"));
  const both = await kodeno(build, { cwd: dir.path });
  assert.equal(both.code, 1);
  assert.deepEqual(both.stderr.split("\n").slice(0, 4), [
    "Error: Cannot build what kodeno.lock locks:",
    'app: flags: locked nothing, found ["-v"]',
    'small: ldflags: locked ["-s"], found ["-w"]',
    'Next step: build what is locked, or take what was found with "kodeno lock --update -f FILE -b ' +
    'app,small"',
  ]);
  await file(artifact("app", "flags: [-v], fromImage: scratch"));
  assert.ok(!exists(dir.join("new")));
  const check = await kodeno(["lock", "--check", "-f", "skaffold.yaml", ...platform], {
    cwd: dir.path,
  });
  assert.match(check.stderr, /^small: it is locked, and not there any more$/m);
  await done(dir, ["lock", "--update", "-f", "skaffold.yaml", "-b", "app", ...platform]);
  await done(dir, build);
});

Deno.test("lock: files that cannot be used, and flags that contradict each other", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": "package main\n\nfunc main() {}\n" });
  const fails = async (args: readonly string[], message: RegExp) => {
    const { code, stderr, stdout } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.ok(!exists(dir.join("out")));
  };
  const none = /kodeno\.lock: there is none there or above; write it with "kodeno lock"$/m;
  await fails(["build", "--locked"], none);
  await fails(["lock", "--check"], none);
  await fails(["lock", "--update", "."], none);
  await fails(["lock", "--check", "--update"], /Cannot use --check with --update/);
  await fails(["lock", "-f", "skaffold.yaml", "."], /Cannot lock \. with -f: /);
  await dir.write("kodeno.lock", "version: 1\nimages: {\n");
  await fails(["build", "--locked"], /^Error: kodeno\.lock:\d+:\d+: /m);
  await fails(["lock", "--check"], /^Error: kodeno\.lock:\d+:\d+: /m);
  // A file above is the same file, and one that is damaged can be written anew.
  await dir.write("sub/main.go", "package main\n\nfunc main() {}\n");
  const { code, stderr } = await kodeno(["lock", "."], { cwd: dir.join("sub") });
  assert.equal(code, 0, stderr);
  assert.ok(!exists(dir.join("sub/kodeno.lock")));
  assert.match(await Deno.readTextFile(dir.join("kodeno.lock")), /^ {2}example\.com\/app\/sub:$/m);
  await Deno.remove(dir.join("sub"), { recursive: true });
  await fails(["lock", "--check"], /app\/sub.*; kodeno\.lock locks it: say in folders or patterns/);
});
