/**
 * `kodeno report` of images that were built, in each place: what is in them, who has signed them, and what
 * has changed; and what cannot be read.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { goProxy } from "../support/go_proxy.ts";
import { done, kodeno, kodenoWords } from "../support/kodeno.ts";
import { keyFiles } from "../support/signing.ts";
import { succeed } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const USER = `package main

import "example.com/dep/hello"

func main() { println(hello.Text()) }
`;
const DEP = (text: string) =>
  `package hello

//go:noinline
func Text() string { return ${JSON.stringify(text)} }
`;

/** A module of two programs, one of which uses a module; the environment to build it. */
async function programs(dir: TempDir): Promise<Record<string, string>> {
  const main = { "cmd/app/main.go": USER, "cmd/tool/main.go": printer("tool") };
  await goModule(dir, "example.com/app", main);
  const modules = ["v1.0.0", "v1.1.0"].map((version) =>
    [`example.com/dep@${version}`, { "hello/hello.go": DEP(version) }] as const
  );
  return { ...await goProxy(dir, modules), GOFLAGS: "-modcacherw -mod=mod -buildvcs=false" };
}

/** The one line of JSON of a report. */
async function reported(dir: TempDir, args: readonly string[], code = 0) {
  const outcome = await kodeno(["report", ...args, "--json"], { cwd: dir.path });
  assert.equal(outcome.code, code, outcome.stderr);
  const [line = ""] = outcome.stdout.split("\n");
  return JSON.parse(line);
}

/** Digests, which are others each time, and the place do not count. */
function plain({ images }: { readonly images: readonly { readonly names: unknown }[] }) {
  return JSON.stringify(images.map(({ names: _, ...image }) => image));
}

Deno.test({
  name:
    "report: programs, modules, SBOMs and signatures; the same of each place, and what has changed",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const env = await programs(dir);
    const { key, pub } = await keyFiles(dir, "key");
    const require = (version: string) =>
      dir.write(
        "go.mod",
        `module example.com/app\n\ngo 1.22\n\nrequire example.com/dep ${version}\n`,
      );
    await require("v1.0.0");
    await done(dir, ["build", "./cmd/app", "./cmd/tool", "--oci-layout", "old"], env);
    await require("v1.1.0");
    const build = ["build", "-B", "--oci-layout", "now"];
    await done(dir, [...build, "./cmd/app", "--sbom", "spdx", "--provenance", "--sign", key], env);
    await done(dir, [...build, "./cmd/tool", "--expose", "80", "--image-user", "0"], env);

    const found = await reported(dir, ["now", "--since", "old", "--verify-key", pub], 1);
    const [app, tool] = found.images;
    assert.deepEqual([app.names, tool.names], [["app:latest"], ["tool:latest"]]);
    assert.equal(app.trust.state, "trusted");
    assert.match(app.trust.by[0], /^[\w+/]{43}=$/);
    assert.deepEqual(tool.trust, { state: "refused", why: "no key that was given has signed it" });
    const said = app.documents.map(({ what }: { what: string }) => what).sort();
    assert.deepEqual(said, [
      "signature",
      "signed provenance",
      "signed spdx sbom",
      "spdx sbom",
    ]);
    assert.deepEqual([app.unlisted, app.problems], [[], []]);
    const [{ run, layers, base }] = app.platforms;
    assert.deepEqual([run.entrypoint, run.user, base.name], ["/ko-app/app", "65532", "static"]);
    assert.deepEqual(layers.map(({ part }: { part: string }) => part), [
      "base",
      "kodata",
      "binary",
    ]);
    const { programs: [program] } = found.layers
      .find(({ digest }: { digest: string }) => digest === layers[2].digest);
    assert.deepEqual(program.modules, [{ path: "example.com/dep", version: "v1.1.0" }]);
    assert.deepEqual([program.package, program.main], ["example.com/app/cmd/app", {
      path: "example.com/app",
    }]);
    const code = new Map(
      program.code.map((one: { module: string; bytes: number }) => [one.module, one.bytes]),
    );
    assert.ok(Number(code.get("example.com/dep")) > 8 && Number(code.get("std")) > 100_000);
    const [changedApp, changedTool] = found.since.changes;
    assert.deepEqual(changedApp.lines, ["module example.com/dep: v1.0.0 => v1.1.0"]);
    assert.deepEqual(changedTool.lines, ["user: 65532 => 0", "ports 80/tcp is new"]);
    assert.deepEqual((await reported(dir, ["old", "--since", "old"])).since.changes, []);

    // Of whatever place it is the same.
    await done(dir, ["push", "now", "--to", registry.host]);
    await done(dir, ["copy", "oci:now:app", "archive:app.tar"]);
    const here = plain(await reported(dir, ["now:app:latest"]));
    assert.equal(plain(await reported(dir, [`${registry.host}/app:latest`])), here);
    assert.equal(plain(await reported(dir, ["app.tar"])), here);
    const stdin = `${kodenoWords()} report archive:- --json < app.tar`;
    const piped = await succeed("bash", ["-c", stdin], { cwd: dir.path });
    assert.equal(plain(JSON.parse(piped)), here);

    // The page is written, whatever it tells; and the same each time.
    const page = ["report", "now", "--verify-key", pub, "-o"];
    for (const file of ["one.html", "two.html"]) {
      const { code, stderr } = await kodeno([...page, file], { cwd: dir.path });
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^Error: Cannot trust tool:latest of now: no key that was given has signed it$/m,
      );
    }
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => Deno.readTextFile(dir.join(`${name}.html`))),
    );
    assert.equal(one, two);
    assert.match(one ?? "", /1 image not signed as it is demanded/);
    assert.match(one ?? "", /1 image run as root/);
  },
});

Deno.test("report: what is damaged or missing is told in its place; what cannot be written, before", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("app") });
  await done(dir, ["build"]);
  const blobs = await filesBelow(dir.join("out/blobs"));
  const sizes = await Promise.all(
    blobs.map(async (name) => [(await Deno.stat(dir.join("out/blobs", name))).size, name] as const),
  );
  const [[, program = ""] = []] = sizes.sort(([a], [b]) => b - a);
  const outcome = await kodeno(["report", "out"], { cwd: dir.path });
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, /^Wrote report.html: 1 image, /m);

  const bytes = await Deno.readFile(dir.join("out/blobs", program));
  bytes[bytes.length >> 1] = 255 - (bytes[bytes.length >> 1] ?? 0);
  await Deno.writeFile(dir.join("out/blobs", program), bytes);
  const damaged = await kodeno(["report", "out", "-o", "damaged.html"], { cwd: dir.path });
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /^Error: Cannot trust app:latest of out: layer sha256:\w+: Cannot/m);
  assert.match(
    await Deno.readTextFile(dir.join("damaged.html")),
    /1 image cannot be read as a whole/,
  );
  await Deno.remove(dir.join("out/blobs", program));
  const { images: [{ problems }] } = await reported(dir, ["out"], 1);
  assert.match(problems[0], /^layer sha256:\w+: Cannot find blob /);

  await Deno.mkdir(dir.join("folder"));
  const cases: readonly (readonly [args: readonly string[], code: 1 | 2, RegExp])[] = [
    [["out", "-o", "folder"], 2, /^Cannot write report folder: it is a folder; name a file$/],
    [["out", "-o", "nowhere/page.html"], 2, /^Cannot write report nowhere\/page.html: /],
    [["nowhere"], 2, /^Cannot use nowhere: there is no such f/],
    [["out", "--since", "nowhere"], 2, /^Cannot use nowhere: there is no such f/],
    [
      ["out", "--verify-key", "nowhere.pub"],
      2,
      /^Cannot use key nowhere.pub: there is no such file/,
    ],
  ];
  for (const [args, code, message] of cases) {
    await assertFails(dir, ["report", ...args], { code, message });
  }
});
