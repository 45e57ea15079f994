/**
 * `kodeno diff`: what it tells of images that were really built, wherever they are, and wrong input.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { TAR_END, tarHeader } from "../../src/io/tar_writer.ts";
import { z } from "../../src/npm/zod.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule } from "../support/go_module.ts";
import { type Blob, blob, image, imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, fingerprint } from "../support/layout.ts";
import { measured } from "../support/measured.ts";
import { commandLine, shown, terminal } from "../support/terminal.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const LIB = 'package lib\n\nfunc Say() { println("said") }\n';
const MAIN = 'package main\n\nimport "example.com/lib"\n\nfunc main() { lib.Say() }\n';

/** A module that takes a part from a folder, and a second folder with the same. */
async function makeModule(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/app", { "main.go": MAIN, "kodata/a.txt": "a\n" });
  for (const folder of ["lib", "fork"]) {
    await goModule(dir, "example.com/lib", { "lib.go": LIB }, folder);
  }
  await requireLib(dir, "./lib");
}

async function requireLib(dir: TempDir, folder: string): Promise<void> {
  const needs = `require example.com/lib v1.2.3\nreplace example.com/lib => ${folder}\n`;
  await dir.write("go.mod", `module example.com/app\n\ngo 1.22\n\n${needs}`);
}

/** What is told of two images of `out`, but for digests of layers. */
async function told(dir: TempDir, a: string, b: string, ...flags: string[]) {
  const args = ["diff", `out:app:${a}`, `out:app:${b}`, ...flags];
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  const lines = stdout.trimEnd().split("\n").filter((line) => !/^ *[-+] sha256:/.test(line));
  return { code, stderr, lines };
}

Deno.test({
  name: "diff: images of one module, each with something else",
  ...needs("docker-registry", "tmux"),
  async fn(t) {
    await using dir = await tempDir();
    await makeModule(dir);
    const build = async (tag: string, ...flags: string[]) =>
      digestIn(await done(dir, ["build", "-t", tag, ...flags]));
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    const v1 = await build("v1", ...platforms, "--oci-layout", "out", "--tarball", "v1.tar");
    const head = ["different:", `  - out:app:v1 ${v1}`];

    await t.step("the mode of a file of kodata is none of its image", async () => {
      await Deno.chmod(dir.join("kodata/a.txt"), 0o755);
      assert.equal(await build("mode", ...platforms), v1);
      assert.deepEqual(await told(dir, "v1", "mode"), {
        code: 0,
        stderr: "",
        lines: [`equal: ${v1}`],
      });
    });
    await t.step("a line of the sources, a file of kodata, and the platforms", async () => {
      await dir.write("main.go", MAIN.replace("lib.Say()", "println(1); lib.Say()"));
      await dir.write("kodata/b.txt", "b\n");
      const v2 = await build("v2", "--platform", "linux/amd64,linux/s390x");
      const { code, stderr, lines } = await told(dir, "v1", "v2");
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^Error: out:app:v1 and out:app:v2 differ: linux\/amd64: layer of the binary: \/ko-app\/app: [^\n]*\n$/,
      );
      assert.deepEqual(lines.slice(0, 3), [...head, `  + out:app:v2 ${v2}`]);
      const text = lines.slice(3).join("\n").replaceAll(/sha256:\w+/g, "DIGEST")
        .replaceAll(/size \d+ -> \d+/g, "size N -> M");
      assert.match(
        text,
        new RegExp(
          [
            "- linux/arm64: DIGEST",
            "\\+ linux/s390x: DIGEST",
            "linux/amd64",
            "  layer of kodata",
            "    \\+ /var/run/ko/b.txt: file 0555 2 bytes",
            "  layer of the binary",
            "    /ko-app/app:",
            "      (?:size N -> M|content)",
            "      the same modules and settings: sources differ, or what go does not note of flags",
          ].map((line) => `${line}$`).join("\n"),
          "m",
        ),
      );
    });
    await t.step("modules, settings, and what a build says of the image", async () => {
      await requireLib(dir, "./fork");
      const labels = [
        "--image-label",
        "a=b",
        "--image-annotation",
        "k=v",
        "--image-env",
        "FOO=bar baz",
      ];
      const flags = ["--flags", "-tags=x", "--entrypoint-arg", "-v", "--image-user", "7"];
      await build("v3", "--platform", "linux/amd64,linux/s390x", ...labels, ...flags);
      const { lines } = await told(dir, "v2", "v3", "--platform", "linux/amd64");
      assert.deepEqual(lines.slice(3).filter((line) => !/ \/ko-app/.test(line)), [
        "manifest",
        "  + annotation k: v",
        "config",
        "  + env FOO: bar baz",
        "  user: 65532 -> 7",
        '  entrypoint: ["/ko-app/app"] -> ["/ko-app/app","-v"]',
        "  + label a: b",
        "layer of the binary",
        "    module example.com/lib: => ./lib -> => ./fork",
        "    + setting -tags: x",
      ]);
    });
    await t.step("another base", async () => {
      const args = ["--platform", "linux/amd64,linux/s390x", "--base-image", "scratch"];
      await build("v4", ...args);
      const { lines } = await told(dir, "v3", "v4", "--platform", "linux/amd64");
      const at = lines.indexOf("layers of the base image");
      assert.ok(at > 0, lines.join("\n"));
      assert.match(lines.slice(at).join("\n"), /^ {2}- \/etc\/passwd: file 0644 \d+ bytes$/m);
      assert.ok(!lines.includes("layer of kodata"));
    });
    await t.step("as JSON, which the schema describes", async () => {
      const schema = z.fromJSONSchema(JSON.parse(await done(dir, ["schema", "json"])));
      const args = ["diff", "out:app:v1", "out:app:v3", "--json"];
      const { code, stdout } = await kodeno(args, { cwd: dir.path });
      const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      for (const line of lines) assert.equal(schema.safeParse(line).error, undefined);
      const [found, error] = lines;
      assert.deepEqual([code, error.code, found.isEqual], [1, "DIFFERENT", false]);
      assert.equal(found.onlyA[0].platform, "linux/arm64");
      const { files: [program] } = found.images[0].layers.find((
        { part }: { readonly part: string },
      ) => part === "binary");
      assert.deepEqual([program.path, program.a.mode], ["/ko-app/app", "0555"]);
      const module = { path: ["modules", "example.com/lib"], a: "=> ./lib" };
      assert.deepEqual(program.program[0], { ...module, b: "=> ./fork" });
    });
    await t.step("in archives and registries", async () => {
      await using registry = await startRegistry();
      await done(dir, ["push", "out", "app:v1", "--to", `${registry.host}/team`]);
      const pushed = `${registry.host}/team/app:v1`;
      for (
        const other of [
          "v1.tar",
          "v1.tar:app:v1",
          "archive:v1.tar",
          "oci:out:app:v1",
          `out@${v1}`,
          pushed,
          `${registry.host}/team/app@${v1}`,
        ]
      ) {
        assert.equal(await done(dir, ["diff", "./out:app:v1", other]), `equal: ${v1}`, other);
      }
      const { code, stdout } = await kodeno(["diff", pushed, "out:app:v2"], { cwd: dir.path });
      assert.equal(code, 1);
      assert.match(stdout, /^ {2}layer of the binary\n/m);
    });
    await t.step("on a terminal of 80 columns", async () => {
      await using screen = await terminal(dir, {}, [80, 60]);
      const line = commandLine("diff", "out:app:v1", "out:app:v3");
      const lines = (await shown(screen, line, 1)).map(stripVTControlCharacters);
      const wide = lines.filter((one) => one.length > 80 && !one.startsWith("Error:"));
      assert.deepEqual(wide.filter((one) => !/sources differ/.test(one)), []);
      assert.ok(lines.some((one) => /^ {4}- sha256:\w{12} \d+ bytes$/.test(one)), lines.join("\n"));
    });
  },
});

Deno.test("diff: of a long list the first hundred are told, and all where that is asked for", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("out"), { create: true });
  for (const tag of ["v1", "v2"]) {
    const config = {
      Labels: Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`l${i}`, tag])),
    };
    const { manifest, config: d } = image({ os: "linux", architecture: "amd64" }, [], { config });
    await pushAll(layout, [d, manifest]);
    await layout.tag(manifest.descriptor, `app:${tag}`);
  }
  layout[Symbol.dispose]();
  const { lines } = await told(dir, "v1", "v2");
  assert.deepEqual(lines.slice(-2), ["  label l99: v1 -> v2", "  ... and 30 more; -v shows them"]);
  const all = await told(dir, "v1", "v2", "--verbose");
  assert.equal(all.lines.at(-1), "  label l129: v1 -> v2");
});

/** 512 MiB of zeros as one file of a layer; gzip members one behind the other are one gzip file. */
function largeLayer(): Blob {
  const part = new Uint8Array(64 << 20);
  const head = tarHeader({ type: "file", name: "large", mode: 0o644, size: 8 * part.length });
  const [packed, start, end] = [gzipSync(part), gzipSync(head), gzipSync(TAR_END)];
  const bytes = Buffer.concat([start, ...Array.from({ length: 8 }, () => packed), end]);
  return blob(new Uint8Array(bytes), MediaType.layerGzip);
}

Deno.test("diff: files are compared in little memory, however large they are", async () => {
  await using dir = await tempDir();
  using layout = await openLayout(dir.join("out"), { create: true });
  const layers = [largeLayer(), blob(TAR_END)];
  for (const [i, layer] of layers.entries()) {
    const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
    await pushAll(layout, [layer, config, manifest]);
    await layout.tag(manifest.descriptor, `app:v${i}`);
  }
  const how = { cwd: dir.path, milliseconds: 60_000 };
  const { code, stdout, mebibytes } = await measured(["diff", "out:app:v0", "out:app:v1"], how);
  assert.equal(code, 1);
  assert.match(stdout, /^ {2}- \/large: file 0644 536870912 bytes$/m);
  assert.ok(mebibytes < 400, `${mebibytes} MiB`);
});

Deno.test("diff: what cannot be compared is said in one line, and nothing is written", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": imageGraph("one"), "app:v2": imageGraph("two") });
  using layout = await openLayout(dir.join("out"));
  const text = blob("text", "text/plain");
  await pushAll(layout, [text]);
  const gone = image({ os: "linux", architecture: "amd64" }, [blob("gone", MediaType.layer)]);
  await pushAll(layout, [gone.config, gone.manifest]);
  const index = dir.join("out/index.json");
  const { manifests, ...rest } = JSON.parse(await Deno.readTextFile(index));
  const named = (d: object, name: string) => ({
    ...d,
    annotations: { "org.opencontainers.image.ref.name": name },
  });
  manifests.push(named(text.descriptor, "text"), named(gone.manifest.descriptor, "gone"));
  await Deno.writeTextFile(index, JSON.stringify({ ...rest, manifests }));
  await dir.write("app.tar", "no archive");
  await dir.write("folder/file", "x");
  const before = await fingerprint(dir.path);
  const cases: readonly (readonly [code: number, args: string, why: RegExp])[] = [
    [2, "out:app:v1", /missing required argument 'other'/],
    [2, "nosuch out:app:v1", /Cannot use nosuch: there is no such file; say the path of a layout/],
    [2, "app:v1 out:app:v1", /Cannot use app:v1: there is no such file/],
    [2, "./nosuch:v1 out:app:v1", /nosuch/],
    [2, "folder:v1 out:app:v1", /folder: it is no OCI layout|folder/],
    [2, "app.tar out:app:v1", /app\.tar/],
    [2, "out out:app:v1", /Cannot .*out/],
    [1, "out:absent out:app:v1", /Cannot find image "absent"/],
    [2, "daemon: out:app:v1", /say daemon:NAME/],
    [2, "docker-archive:x out:app:v1", /say archive:x/],
    [2, "- -", /both are stdin/],
    [2, "out:app:v1 out:app:v2 --platform linux/s390x", /Cannot choose linux\/s390x of out:app:v1/],
    [2, "out:app:v1 out:app:v2 --platform /", /Cannot use platform/],
    [1, "out:text out:app:v2", /Cannot compare sha256:\w+: its media type "text\/plain"/],
    [1, "out:gone out:app:v2 --platform linux/amd64", /Cannot (?:find|read) blob sha256:/],
    [1, "127.0.0.1:1/x:v1 out:app:v2", /127\.0\.0\.1:1/],
  ];
  for (const [code, args, why] of cases) {
    const outcome = await kodeno(["diff", ...args.split(" ")], { cwd: dir.path });
    assert.equal(outcome.code, code, `${args}: ${outcome.stderr}`);
    assert.match(outcome.stderr, why);
    assert.equal(outcome.stderr.match(/^Error: /gm)?.length, 1, outcome.stderr);
    assert.equal(outcome.stdout, "", args);
  }
  assert.deepEqual(await fingerprint(dir.path), before);
});
