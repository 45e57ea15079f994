/**
 * Bundles of what images are built from: bases, Go modules, toolchains and the source, and images that are
 * built for the bundle.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { GIT_ENVIRONMENT } from "../support/git_repository.ts";
import { goModule } from "../support/go_module.ts";
import { goProxy } from "../support/go_proxy.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done, kodeno, kodenoEnvironment, kodenoWords } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const using = (path: string) =>
  `package main\n\nimport lib "${path}"\n\nfunc main() { println(lib.Word) }\n`;
const library = (word: string) => ({ "lib.go": `package lib\n\nconst Word = "${word}"\n` });

/** A repository with two programs, one with a module of a proxy, one with a folder of its own. */
async function repository(dir: TempDir) {
  const goVersion = (await succeed("go", ["env", "GOVERSION"])).trim();
  const toolchain = `golang.org/toolchain@v0.0.1-${goVersion}.linux-arm64` as const;
  const proxy = await goProxy(dir, [
    ["example.com/dep@v1.0.0", library("dep")],
    [toolchain, { "bin/go": "go" }],
  ]);
  await goModule(dir, "example.com/team/app", {
    "cmd/a/main.go": using("example.com/dep"),
    "cmd/b/main.go": using("example.com/local"),
    ".gitignore": "out\n",
  }, "work");
  await goModule(dir, "example.com/local", library("local"), "work/local");
  await Deno.writeTextFile(
    dir.join("work/go.mod"),
    `
require (
	example.com/dep v1.0.0
	example.com/local v1.0.0
)

replace example.com/local => ./local
`,
    { append: true },
  );
  const env = { ...proxy, KODENO_CACHE: dir.join("cache") };
  const go = { cwd: dir.join("work"), env: kodenoEnvironment(env) };
  await succeed("go", ["mod", "tidy"], go);
  const git = (...args: string[]) =>
    succeed("git", args, { cwd: dir.join("work"), env: GIT_ENVIRONMENT });
  await git("init", "--quiet");
  await git("add", "--all");
  await git("commit", "--quiet", "-m", "all");
  const at = (...args: string[]) => kodeno(args, { cwd: dir.join("work"), env });
  return { env, git, at, goVersion };
}

Deno.test({
  name: "bundle: what images are built from goes along, and go builds with that alone",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const base = imageGraph("base");
    await layoutWith(dir, "bases", { "base:v1": base });
    const name = `${registry.host}/team/base:v1`;
    await done(dir, ["copy", "oci:bases", name]);
    const { at, env, git, goVersion } = await repository(dir);
    const locked = await at("lock", "--base-image", name, "./...");
    assert.equal(locked.code, 0, locked.stderr);
    const lock = await Deno.readTextFile(dir.join("work/kodeno.lock"));
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "lock");

    const args = ["bundle", "create", "--base-image", name, "--toolchain=linux/arm64", "--source"];
    args.push("--sbom=spdx");
    const create = async (file: string, ...more: string[]) => {
      const { code, stderr } = await at(...args, ...more, "-o", dir.join(file), "./...");
      assert.equal(code, 0, stderr);
      return await Deno.readFile(dir.join(file));
    };
    const whole = await create("app.tar");
    assert.deepEqual(await create("again.tar", "--offline"), whole);
    const verified = JSON.parse(
      await done(dir, ["bundle", "verify", "app.tar", "--json"]),
    );
    const names = verified.images.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["a:latest", "b:latest"]);
    // All platforms of the base, though images are for one.
    assert.deepEqual(verified.bases, [{ name, digest: base.root.descriptor.digest }]);
    assert.deepEqual(verified.toolchains, [`${goVersion} linux/arm64`]);
    const modules = verified.modules.map((one: { path: string }) => one.path);
    assert.deepEqual(modules, ["example.com/dep", "golang.org/toolchain"]);
    assert.match(verified.modules[0].sum, /^h1:/);
    assert.deepEqual(Object.keys(verified.source), ["path", "commit", "dirty"]);
    assert.match(await done(dir, ["ls", "app.tar"]), /spdx sbom of a:latest/);

    // Bases go along where they are named.
    const pushed = await kodeno(["push", "app.tar", "--to", `${registry.host}/in`], {
      cwd: dir.path,
    });
    assert.deepEqual(
      pushed.stdout.trim().split("\n").map((line) => line.replace(/@.*/, "")),
      ["a", "b"].map((one) => `${registry.host}/in/${one}:latest`),
    );
    assert.match(pushed.stderr, /Left out bases of app.tar; a base goes along when it is named: /);
    assert.match(
      await done(dir, ["push", "app.tar", name, "--to", `${registry.host}/in`]),
      /\/in\/team\/base:v1@sha256:\w+$/,
    );

    // Behind the gap: nothing but the file.
    await Deno.mkdir(dir.join("in/source"), { recursive: true });
    await succeed("tar", ["xf", "../app.tar"], { cwd: dir.join("in") });
    await succeed("tar", ["xf", "../source.tar"], { cwd: dir.join("in/source") });
    assert.equal(await Deno.readTextFile(dir.join("in/kodeno.lock")), lock);
    assert.deepEqual(
      (await filesBelow(dir.join("in/gomod"))).toSorted(),
      [
        ...["info", "mod", "zip"].map((ending) => `example.com/dep/@v/v1.0.0.${ending}`),
        "example.com/dep/@v/list",
        ...["info", "mod", "zip"].map((one) =>
          `golang.org/toolchain/@v/v0.0.1-${goVersion}.linux-arm64.${one}`
        ),
        "golang.org/toolchain/@v/list",
      ].toSorted(),
    );
    // As docs/bundles.md has it.
    const inside = {
      ...env,
      GOPROXY: `file://${dir.join("in/gomod")}`,
      GOMODCACHE: dir.join("in/modules"),
      GOFLAGS: "-modcacherw",
    };
    const { code, stderr, stdout } = await kodeno(
      ["build", "--base-image", `archive:../../app.tar:${name}`, "./..."],
      { cwd: dir.join("in/source"), env: inside },
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^a:latest@.*\nb:latest@/);

    // What is applied is used by itself, where there is no network and nothing else.
    await registry.stop();
    const gap = {
      GOPROXY: "off",
      GOMODCACHE: dir.join("gap/modules"),
      KODENO_CACHE: dir.join("gap/cache"),
      GOFLAGS: "-modcacherw",
    };
    const line = `${kodenoWords()} bundle apply - --to gap/app --json < app.tar`;
    const text = await succeed("bash", ["-c", line], {
      cwd: dir.path,
      env: kodenoEnvironment(gap),
    });
    const applied = JSON.parse(text);
    assert.deepEqual([applied.layout, applied.sourceFolder, applied.moduleFolder], [
      dir.join("gap/app/out"),
      dir.join("gap/app/source"),
      dir.join("gap/modules"),
    ]);
    assert.deepEqual([applied.goFolder, applied.next], [undefined, [
      `cd ${dir.join("gap/app/source")}`,
      "kodeno build --offline --locked ./...",
      `kodeno ls ${dir.join("gap/app/out")}`,
    ]]);
    assert.match(await done(dir, ["verify", "gap/app/out"]), /^a:latest@.*\nb:latest@.*$/);
    const inGap = { cwd: dir.join("gap/app/source"), env: kodenoEnvironment(gap) };
    await succeed("sed", ["-i", 's/println(/println("inside", /', "cmd/a/main.go"], inGap);
    const offline = ["build", "--offline", "./..."];
    const byTag = await kodeno([...offline, "--base-image", name], inGap);
    assert.equal(byTag.code, 0, byTag.stderr);
    const byDigest = `${name.replace(/:v1$/, "")}@${base.root.descriptor.digest}`;
    const other = await kodeno([...offline, "--base-image", byDigest], inGap);
    assert.equal(other.code, 0, other.stderr);
    const [a] = byTag.stdout.split("\n");
    assert.notEqual(a, stdout.split("\n")[0]);
    await succeed("go", ["build", "-o", dir.join("gap/a"), "./cmd/a"], inGap);
    assert.equal((await run(dir.join("gap/a"), [])).stderr, "inside dep\n");

    // A bundle without images is in a receipt, too.
    const sources = ["bundle", "create", "-o", dir.join("sources.tar"), "--sources-only"];
    sources.push("--base-image", name);
    assert.equal((await at(...sources, "./...")).code, 0);
    const inGapAt = { cwd: dir.path, env: gap };
    const withoutImages = ["bundle", "apply", "sources.tar", "--to", "sources"];
    assert.equal((await kodeno(withoutImages, inGapAt)).code, 0);
    const receipt = ["bundle", "receipt", "sources", "-o", "r.json", "--json"];
    const made = JSON.parse((await kodeno(receipt, inGapAt)).stdout);
    assert.deepEqual([made.sequence, made.modules], [1, 1]);

    // What was changed there goes back, where there is no git either.
    const gapWork = "gap/app/source";
    await dir.write(`${gapWork}/cmd/a/more.go`, "package main\n");
    await dir.write(`${gapWork}/out/built`, "no source");
    await dir.write(`${gapWork}/same.tar.md`, "of no bundle");
    await Deno.remove(dir.join(`${gapWork}/cmd/b`), { recursive: true });
    const back = [
      "bundle",
      "create",
      "-o",
      dir.join("back.tar"),
      "--offline",
      "--base-image",
      name,
    ];
    const { code: sent, stderr: note } = await kodeno([...back, "--source", "./cmd/a"], inGap);
    assert.equal(sent, 0, note);
    // The bundle itself, which is there while it is made anew, is none of the source.
    const within = dir.join(`${gapWork}/same.tar`);
    await Deno.writeTextFile(within, "an older one");
    const again = await kodeno([...back.with(3, within), "--source", "./cmd/a"], inGap);
    assert.equal(again.code, 0, again.stderr);
    await Deno.rename(within, dir.join("same.tar"));
    assert.deepEqual(
      await Deno.readFile(dir.join("same.tar")),
      await Deno.readFile(dir.join("back.tar")),
    );
    const changed = ["cmd/a/main.go", "cmd/a/more.go", "cmd/b/main.go", "same.tar.md"];
    const printed = await done(dir, ["bundle", "apply", "back.tar", "--to", "back"], gap);
    assert.deepEqual(
      printed.split("\n").filter((line) => line.startsWith("changed ")),
      changed.map((path) => `changed ${path}`),
    );
    const { source: origin } = JSON.parse(
      await done(dir, ["bundle", "inspect", "back.tar", "--json"]),
    );
    assert.equal(origin.commit, verified.source.commit);
    const { stdout: differs } = await run("diff", ["-r", "gap/app/source", "back/source"], {
      cwd: dir.path,
    });
    assert.equal(differs.trim(), "Only in gap/app/source: out");

    const alone = ["bundle", "create", "-o", dir.join("images.tar"), "--images-only", "--json"];
    const { stdout: lines } = await at(...alone, "./...");
    const only = JSON.parse(lines.trimEnd().split("\n").at(-1) ?? "");
    assert.deepEqual([only.images.length, only.bases, only.modules], [2, [], undefined]);

    await dir.write(
      "work/skaffold.yaml",
      `apiVersion: skaffold/v4beta6
kind: Config
build: {artifacts: [{image: my/b, ko: {main: ./cmd/b}}], tagPolicy: {envTemplate: {template: v1}}}
`,
    );
    await Deno.remove(dir.join("work/kodeno.lock"));
    const file = ["bundle", "create", "-o", dir.join("b.tar"), "-f", "skaffold.yaml", "--json"];
    const { stdout: ofFile, stderr: told } = await at(...file, "--platform=linux/amd64");
    const artifact = JSON.parse(ofFile.trimEnd().split("\n").at(-1) ?? "");
    assert.equal(artifact.images?.[0].name, "my/b:v1", told);
    assert.equal(artifact.modules.length, 1);
  },
});

Deno.test("bundle: sources that cannot go along are refused in a line, and nothing is left", async (t) => {
  await using dir = await tempDir();
  const { at, env, git } = await repository(dir);
  await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const file = dir.join("work/app.tar");
  const refused = async (what: string, code: number, why: RegExp, ...args: string[]) => {
    await t.step(what, async () => {
      const outcome = await at("bundle", "create", "-o", file, ...args);
      assert.match(outcome.stderr, why);
      assert.equal(outcome.code, code, outcome.stderr);
      await assert.rejects(() => Deno.stat(file), Deno.errors.NotFound);
    });
  };
  const sources = ["--sources-only", "./cmd/b"];
  await refused("two rests", 2, /leave nothing/, "--images-only", "--sources-only");
  await refused("images alone", 2, /leave one out/, "--images-only", "--source");
  await refused("a flag of files", 2, /--mode is said without -f/, "--mode=dev");
  await refused(
    "another lock",
    2,
    /Cannot use .*kodeno.lock: there is none/,
    "--locked",
    "./cmd/b",
  );
  await refused("sources of a layout", 2, /\.\.\/out has images/, "--sources-only", "../out");
  const lockFile = dir.join("work/kodeno.lock");
  await Deno.writeTextFile(lockFile, "version: 1\nimages: {}\n");
  await refused(
    "a lock of something else",
    1,
    /kodeno.lock locks:\nexample.com\/team\/app\/cmd\/b: it is not locked\n.*"kodeno lock --update/,
    ...sources,
  );
  await Deno.writeTextFile(lockFile, "version: 1\nimages: []\n");
  await refused("a broken lock", 2, /kodeno\.lock/, ...sources);
  const only = await at("bundle", "create", "-o", file, "--images-only", "./cmd/b");
  assert.equal(only.code, 0, only.stderr);
  for (const path of [file, lockFile]) await Deno.remove(path);
  await Deno.writeTextFile(dir.join("work/new.txt"), "new");
  await refused("a new file", 2, /\(new\.txt\); commit or ignore that/, "--source", ...sources);
  const made = await at("bundle", "create", "-o", file, "--source", "--allow-dirty", ...sources);
  assert.match(made.stderr, /Left out of the source what is not committed \(new\.txt\)/);
  await git("add", "new.txt");
  await git("commit", "--quiet", "-m", "new");
  // The bundle itself is no change.
  const again = await at("bundle", "create", "-o", file, "--source", ...sources, "--json");
  assert.equal(again.code, 0, again.stderr);
  const result = JSON.parse(again.stdout.trim().split("\n").at(-1) ?? "");
  assert.deepEqual([result.images, result.source.dirty], [[], false]);
  await Deno.remove(file);

  const go = { cwd: dir.join("work"), env: kodenoEnvironment(env) };
  await succeed("go", ["mod", "vendor"], go);
  const vendored = await at("bundle", "create", "-o", file, ...sources, "--json");
  assert.match(vendored.stdout, /Took no modules along .* in .*work\/vendor/);
  assert.deepEqual(JSON.parse(vendored.stdout.trim().split("\n").at(-1) ?? "").modules, []);
  await Deno.remove(file);
  await Deno.remove(dir.join("work/vendor"), { recursive: true });

  await Deno.symlink("/etc/passwd", dir.join("work/away"));
  await git("add", "away");
  await git("commit", "--quiet", "-m", "away");
  const away =
    /source of .*work: its member "away" is a link to "\/etc\/passwd", outside of it; change/;
  await refused("a link out", 2, away, "--source", ...sources);
  await git("rm", "--quiet", "away");
  await git("commit", "--quiet", "-m", "here");

  await t.step("what a commit has and its tar has not is told", async () => {
    const themes = { cwd: dir.join("themes"), env: GIT_ENVIRONMENT };
    await Deno.mkdir(themes.cwd);
    await succeed("git", ["init", "--quiet"], themes);
    await succeed("git", ["commit", "--quiet", "--allow-empty", "-m", "all"], themes);
    await git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", themes.cwd, "sub");
    await dir.write("work/.gitattributes", "/notes export-ignore\n");
    await dir.write("work/notes/one.txt", "one");
    await Deno.mkdir(dir.join("work/cmd/b/kodata"));
    await Deno.symlink("../../../.git/HEAD", dir.join("work/cmd/b/kodata/HEAD"));
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "less");
    const { code, stderr } = await at("bundle", "create", "-o", file, "--source", ...sources);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /Left out of the source files with export-ignore \(notes\/one\.txt\): what/,
    );
    assert.match(stderr, /Left out of the source submodules \(sub\)/);
    assert.match(stderr, /what links lead to \(\.git\/HEAD of cmd\/b\/kodata\/HEAD\)/);
    await Deno.remove(file);
    await git("reset", "--quiet", "--hard", "HEAD~1");
    await git("clean", "--quiet", "-ffd");
  });

  const zip = dir.join("modules/cache/download/example.com/dep/@v/v1.0.0.zip");
  const [good, damaged] = [await Deno.readFile(zip), await Deno.readFile(zip)];
  damaged[60] = (damaged[60] ?? 0) ^ 1;
  await Deno.writeFile(zip, damaged);
  await refused("a damaged module", 1, /Cannot verify Go modules[^]*dep v1.0.0: zip/, ...sources);
  await Deno.writeFile(zip, good);

  await goModule(dir, "example.com/local", library("far"), "far");
  await succeed("sed", ["-i", "s|=> ./local|=> ../far|", dir.join("work/go.mod")]);
  await git("commit", "--quiet", "-am", "far");
  await refused(
    "no repository",
    2,
    /replaces a module by .*far, which is in/,
    "--source",
    ...sources,
  );
  const far = { cwd: dir.join("far"), env: GIT_ENVIRONMENT };
  await succeed("git", ["init", "--quiet"], far);
  await succeed("git", ["add", "--all"], far);
  await refused("nothing committed", 2, /by .*far, which is in none/, "--source", ...sources);
  await succeed("git", ["commit", "--quiet", "-m", "far"], far);
  await succeed("sh", ["-c", "echo >> lib.go"], far);
  await refused("a change there", 2, /far: what is not .* \(lib\.go\)/, "--source", ...sources);
  await succeed("git", ["commit", "--quiet", "-am", "far"], far);
  const beside = await at("bundle", "create", "-o", file, "--source", ...sources, "--json");
  assert.equal(beside.code, 0, beside.stderr);
  const told = JSON.parse(beside.stdout.trim().split("\n").at(-1) ?? "");
  assert.equal(told.source.folder, "work");
  await done(dir, ["bundle", "verify", file]);
  const unpack = `mkdir in && tar xOf ${file} source.tar | tar x -C in`;
  await succeed("sh", ["-c", unpack], { cwd: dir.path });
  await succeed("go", ["vet", "./cmd/b"], { ...go, cwd: dir.join("in/work") });
  await Deno.remove(file);
  await refused(
    "an unknown toolchain",
    1,
    /Cannot bring golang.org\/toolchain@v0.0.1-go[\d.]+plan9-x: go ended/,
    "--toolchain=plan9/x",
    ...sources,
  );
});
