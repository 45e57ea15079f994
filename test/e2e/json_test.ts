/**
 * `--json` of every command: lines of JSON on stdout and nothing else anywhere, with the same names
 * for the same things.
 * @module
 */
import assert from "node:assert/strict";
import { type ErrorCode, EXIT_CODES } from "../../src/errors.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { z } from "../../src/npm/zod.ts";
import { gitRepository } from "../support/git_repository.ts";
import { done, kodeno, spawnKodeno } from "../support/kodeno.ts";
import { entriesOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

type Line = Readonly<Record<string, unknown>>;

/** Takes what the schema allows that kodeno prints. */
const { stdout: schema } = await kodeno(["schema", "json"]);
const LINE = z.fromJSONSchema(JSON.parse(schema));
/** The types of the lines that were printed. */
const printed = new Set<unknown>();

/** Lines of stdout, each as the schema has it. */
function parsedLines(stdout: string): readonly Line[] {
  assert.match(stdout, /\n$/);
  return stdout.trimEnd().split("\n").map((text) => {
    const line: Line = JSON.parse(text);
    const { error } = LINE.safeParse(line);
    assert.equal(error, undefined, `${error && z.prettifyError(error)}: ${text}`);
    printed.add(line["type"]);
    return line;
  });
}

/** What a field of that name is, wherever it stands. */
const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: (v) => typeof v === "string" && v !== "",
  digest: (v) => /^sha256:[0-9a-f]{64}$/.test(String(v)),
  size: (v) => typeof v === "number" && v > 0,
  // A signature has none.
  platforms: (v) => Array.isArray(v) && v.every((p) => /^\w+\/\w+/.test(p)),
  references: (v) => Array.isArray(v) && v.length > 0 && v.every((r) => typeof r === "string"),
  blobs: (v) => Number.isInteger(v),
  bytes: (v) => Number.isInteger(v),
  total: (v) => Number.isInteger(v),
};

/** Runs kodeno with `--json`; gives its lines, checked. */
async function lines(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Line[]> {
  const { code, stdout, stderr } = await kodeno([...args, "--json"], { cwd: dir.path, env });
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  assert.equal(stderr, "", args.join(" "));
  const parsed = parsedLines(stdout);
  for (const line of parsed) {
    assert.equal(typeof line["type"], "string", JSON.stringify(line));
    for (const [name, value] of Object.entries(line)) {
      assert.ok(
        FIELDS[name]?.(value) ?? true,
        `${args.join(" ")}: ${name} in ${JSON.stringify(line)}`,
      );
    }
  }
  return parsed;
}

/** Lines that fail, each in a folder with a module and an empty layout; with the code and the words. */
const FAILURES: Readonly<Record<string, readonly [code: ErrorCode, message: RegExp]>> = {
  "build ./nosuch": ["BAD_PACKAGE", /nosuch/],
  "build ./broken": ["GO_FAILED", /undefined: nothing/],
  "build --nope": ["BAD_OPTION", /^Cannot read the command line: unknown option '--nope'/],
  "build --push=maybe": ["BAD_OPTION", /it is a switch; say true or false/],
  "build --tarball a --tarball b": ["BAD_OPTION", /it takes one value/],
  "build -f nosuch.yaml": ["BAD_CONFIG", /nosuch\.yaml/],
  "watch --tarball x": ["BAD_OPTION", /^Cannot watch with/],
  "skaffold": ["BAD_OPTION", /IMAGE/],
  "deps ./nosuch": ["BAD_PACKAGE", /nosuch/],
  "sync ./nosuch": ["BAD_PACKAGE", /nosuch/],
  "config --platform x/y/z/a": ["BAD_PLATFORM", /x\/y\/z\/a/],
  "push nosuch --to 127.0.0.1:1/x": ["BAD_PLACE", /nosuch/],
  "load nosuch": ["BAD_PLACE", /nosuch/],
  "pull 127.0.0.1:1/x": ["REGISTRY_FAILED", /127\.0\.0\.1:1/],
  "copy oci:nosuch:x oci:y": ["BAD_PLACE", /nosuch/],
  "copy x": ["BAD_OPTION", /missing required argument 'target'/],
  "merge all nosuch": ["BAD_PLACE", /nosuch/],
  "ls nosuch": ["BAD_PLACE", /nosuch/],
  "inspect empty nosuch": ["NOT_FOUND", /^Cannot find image "nosuch"/],
  "inspect empty --raw": ["BAD_OPTION", /^Cannot use --raw with --json: each is an output/],
  "check-base nosuch": ["BAD_PLACE", /nosuch/],
  "diff empty nosuch": ["BAD_PLACE", /nosuch/],
  "digest empty": ["NOT_FOUND", /empty/],
  "tag empty nosuch app:v1": ["NOT_FOUND", /nosuch/],
  "rm empty nosuch": ["NOT_FOUND", /nosuch/],
  "gc nosuch": ["BAD_PLACE", /nosuch/],
  "sign empty": ["BAD_OPTION", /--key FILE/],
  "attest empty": ["BAD_OPTION", /--predicate FILE/],
  "verify empty nosuch": ["NOT_FOUND", /nosuch/],
  "init empty": ["BAD_PACKAGE", /there is no go\.mod in it/],
  "cache info x": ["BAD_OPTION", /too many arguments/],
  "cache clean x": ["BAD_OPTION", /too many arguments/],
  "cache nope": ["BAD_OPTION", /nope/],
  "version x": ["BAD_OPTION", /too many arguments/],
  "nosuch": ["BAD_OPTION", /unknown command 'nosuch'/],
  "serve": ["BAD_OPTION", /unknown option '--json'/],
};

Deno.test("json: a failure ends with one event, and is told on stderr all the same", async (t) => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("broken/main.go", "package main\n\nfunc main() { nothing() }\n");
  await dir.write("empty/oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  await dir.write("empty/index.json", '{"schemaVersion":2,"manifests":[]}');
  for (const [line, [code, words]] of Object.entries(FAILURES)) {
    await t.step(line, async () => {
      const outcome = await kodeno([...line.split(" "), "--json"], { cwd: dir.path });
      const events = parsedLines(outcome.stdout);
      const { type, code: told, message, exitCode } = events.at(-1) ?? {};
      assert.deepEqual([type, told, exitCode], ["error", code, EXIT_CODES[code]], outcome.stdout);
      assert.equal(outcome.code, exitCode);
      assert.match(String(message), words);
      assert.equal(events.filter((event) => event["type"] === "error").length, 1);
      assert.ok(outcome.stderr.includes(`Error: ${message}\n`), outcome.stderr);
      const without = await kodeno(line.split(" "), { cwd: dir.path });
      if (line !== "serve") assert.equal(without.stdout, "");
    });
  }
});

/** The only result among the lines. */
function only(found: readonly Line[]): Line {
  const images = found.filter(({ type }) => type === "image");
  assert.equal(images.length, 1, JSON.stringify(found));
  return images[0] ?? assert.fail();
}

const WHOLE = ["name", "digest", "size", "platforms"];

Deno.test("json: ls, inspect, tag, merge, rm, gc and cache say the same of the same image", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const built = only(await lines(dir, ["build", "--platform", "linux/amd64,linux/arm64"]));
  assert.deepEqual(built["references"], [`${built["name"]}@${built["digest"]}`]);
  const image = Object.fromEntries(WHOLE.map((name) => [name, built[name]]));
  const some = (line: Line, ...names: string[]) => {
    for (const name of names) assert.deepEqual(line[name], image[name], name);
  };
  some(only(await lines(dir, ["ls", "out"])), ...WHOLE);
  const [digest] = await lines(dir, ["digest", "out"]);
  assert.deepEqual([digest?.["type"], digest?.["digest"]], ["digest", built["digest"]]);
  const shown = only(await lines(dir, ["inspect", "out"]));
  some(shown, ...WHOLE);
  const index = await Deno.stat(dir.join(`out/blobs/${String(shown["digest"]).replace(":", "/")}`));
  assert.equal(shown["manifestSize"], index.size);
  for (const one of shown["manifests"] as readonly Line[]) {
    const blobs = [one["config"], ...one["layers"] as readonly Line[]] as readonly Line[];
    const sum = blobs.reduce((sum, { size }) => sum + Number(size), Number(one["manifestSize"]));
    assert.equal(one["size"], sum);
  }
  some(only(await lines(dir, ["merge", "all", "out"])), ...WHOLE);
  some(only(await lines(dir, ["verify", "out"])), ...WHOLE);
  const tagged = await lines(dir, ["tag", "out", "app:latest", "app:v1", "other:v2"]);
  assert.deepEqual(tagged.map(({ type, name }) => `${type} ${name}`), [
    "image app:v1",
    "image other:v2",
  ]);
  for (const line of tagged) some(line, ...WHOLE.slice(1));
  assert.deepEqual(tagged[0]?.["references"], [`app:v1@${built["digest"]}`]);
  const removed = await lines(dir, ["rm", "out", "app"]);
  assert.deepEqual(removed.map(({ name }) => name), ["app:latest", "app:v1"]);
  for (const line of removed) some(line, ...WHOLE.slice(1));
  const copied = only(await lines(dir, ["copy", "oci:all:app:latest", "archive:app.tar"]));
  some(copied, ...WHOLE);
  assert.deepEqual(copied["references"], [`app:latest@${image["digest"]}`]);
  some(only(await lines(dir, ["ls", "app.tar"])), ...WHOLE);
  some(only(await lines(dir, ["inspect", "app.tar"])), ...WHOLE);
  assert.deepEqual((await lines(dir, ["gc", "out", "--dry-run"])).map(({ type }) => type), ["gc"]);
  assert.deepEqual((await lines(dir, ["cache", "info"])).map(({ type }) => type), ["cache"]);
  const [versions = {}, ...more] = await lines(dir, ["version"]);
  assert.deepEqual([versions["type"], more], ["version", []]);
  const { version, deno, go } = versions;
  assert.equal(await done(dir, ["version"]), `kodeno ${version} (deno ${deno}, go ${go})`);
  const [without = {}] = await lines(dir, ["version"], { KO_GO_PATH: "/nosuch/go" });
  assert.deepEqual([without["go"], without["problem"]], [undefined, "not found"]);
});

Deno.test({
  name: "json: push, pull and copy tell of each blob, and of the image in the end",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using registry = await startRegistry();
    const built = only(await lines(dir, ["build"]));
    const to = `${registry.host}/team`;
    const { mounted, ...dry } = only(await lines(dir, ["push", "out", "--to", to, "--dry-run"]));

    const pushed = await lines(dir, ["push", "out", "--to", to]);
    const image = only(pushed);
    assert.deepEqual(image, dry);
    assert.deepEqual(mounted, []);
    for (const name of WHOLE) assert.deepEqual(image[name], built[name], name);
    assert.deepEqual(image["references"], [`${to}/app:latest@${built["digest"]}`]);
    assert.equal(pushed.at(-1), image);
    const ended = pushed.filter(({ type, state }) => type === "transfer" && state === "done");
    assert.equal(ended.length, image["blobs"]);
    assert.ok(ended.every(({ bytes, total, image }) => bytes === total && image === "app:latest"));
    assert.equal(ended.reduce((sum, { bytes }) => sum + Number(bytes), 0), image["bytes"]);
    // A blob begins before it ends, and never goes back.
    for (const { digest } of ended) {
      const steps = pushed.filter((line) =>
        line["digest"] === digest && line["type"] === "transfer"
      );
      assert.equal(steps[0]?.["state"], "moving");
      const bytes = steps.map((step) => Number(step["bytes"]));
      assert.deepEqual(bytes, bytes.toSorted((a, b) => a - b));
    }

    const again = await lines(dir, ["push", "out", "--to", to]);
    assert.deepEqual(again.map(({ type, state }) => state ?? type), ["there", "image"]);
    const remote = `${to}/app:latest`;
    for (
      const args of [
        ["pull", remote, "--oci-layout", "pulled"],
        ["copy", remote, `${registry.host}/other/app:v2`],
        ["copy", remote, "archive:pulled.tar"],
      ]
    ) {
      const copied = only(await lines(dir, args));
      for (const name of WHOLE.slice(1)) assert.deepEqual(copied[name], built[name], name);
    }
    const { digest } = (await entriesOf(dir.join("pulled")))[0] ?? assert.fail();
    assert.equal(digest, built["digest"]);
  },
});

Deno.test({
  name: "json: load, and build that pushes and loads, tell how far they are",
  ...needs("root", "dockerd", "docker", "docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using dockerd = await startDockerd();
    await using registry = await startRegistry();
    const env = { DOCKER_HOST: dockerd.host };
    const built = only(await lines(dir, ["build"]));
    const loaded = await lines(dir, ["load", "out"], env);
    const image = only(loaded);
    for (const name of WHOLE) assert.deepEqual(image[name], built[name], name);
    assert.deepEqual(image["references"], ["app:latest"]);
    const done = loaded.filter(({ state }) => state === "done");
    const bytes = done.reduce((sum, event) => sum + Number(event["bytes"]), 0);
    assert.ok(done.length > 1 && bytes >= Number(built["size"]), `${done.length}: ${bytes}`);

    const local = await lines(dir, ["build", "-L", "-t", "v2"], env);
    assert.ok(local.some(({ type, state }) => type === "transfer" && state === "there"));
    const to = { KO_DOCKER_REPO: `${registry.host}/b` };
    const pushed = await lines(dir, ["build", "-B", "--push"], to);
    const { name } = only(pushed);
    assert.equal(name, `${registry.host}/b/app:latest`);
    assert.ok(pushed.some(({ type, state }) => type === "transfer" && state === "done"));
  },
});

Deno.test("json: watch tells of a round that fails, goes on, and of its end", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const good = await Deno.readTextFile(dir.join("main.go"));
  await dir.write("main.go", "package main\n\nfunc main() { nothing() }\n");
  const watching = spawnKodeno(["watch", "--json"], { cwd: dir.path });
  const told = watching.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (mark: string) => {
    while (!text.includes(mark)) {
      const { done, value } = await told.read();
      assert.ok(!done, text);
      text += value;
    }
  };
  const [, stderr] = await Promise.all([
    (async () => {
      await until('"stage":"done"');
      await dir.write("main.go", good);
      await until('"type":"built"');
      // While a round comes to its end a signal may end the process without a line of its own.
      await new Promise((resolve) => setTimeout(resolve, 300));
      watching.kill("SIGINT");
      for (let next = await told.read(); !next.done; next = await told.read()) text += next.value;
    })(),
    new Response(watching.stderr).text(),
    watching.status,
  ]);
  const lines = parsedLines(`${text.trimEnd()}\n`);
  const [failed, ended] = lines.filter(({ type }) => type === "error");
  assert.equal(failed?.["code"], "GO_FAILED");
  assert.deepEqual([ended?.["code"], ended?.["exitCode"], lines.at(-1)], [
    "INTERRUPTED",
    130,
    ended,
  ]);
  assert.ok(stderr.includes(`Error: ${failed?.["message"]}`), stderr);
});

Deno.test("json: the other commands print what the schema says, too", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write(".ko.yaml", "builds:\n  - id: app\n    main: .\n");
  const env = { KODENO_KEY_PASSWORD: "secret", KODENO_CACHE: dir.join("cache") };
  await lines(dir, ["config"]);
  await lines(dir, ["build", "-v", "--provenance"], env);
  const [rebuilt] = await lines(dir, ["rebuild", "out"], env);
  assert.equal(rebuilt?.["isSame"], true);
  await done(dir, ["key", "new"], env);
  const signing = ["sign", "out", "--key", "kodeno.key", "--format", "both", "-r"];
  for (const line of await lines(dir, signing, env)) assert.equal(line["isNew"], true);
  await dir.write("note.txt", "it is good");
  const attesting = ["attest", "out", "--predicate", "note.txt", "--type", "custom"];
  const [attested] = await lines(dir, [...attesting, "--key", "kodeno.key"], env);
  assert.equal(attested?.["predicateType"], "https://cosign.sigstore.dev/attestation/v1");
  const verified = only(await lines(dir, ["verify", "out", "--key", "kodeno.pub"]));
  assert.equal((verified["signatures"] as readonly string[]).length, 3);
  const [, lock] = await lines(dir, ["lock"]);
  assert.deepEqual([lock?.["type"], lock?.["path"], lock?.["written"]], [
    "lock",
    "kodeno.lock",
    true,
  ]);
  const [sbom] = await lines(dir, ["sbom", "out"]);
  assert.equal(JSON.parse(String(sbom?.["text"])).spdxVersion, "SPDX-2.3");
  const [kept] = await lines(dir, ["sbom", "out", "--sbom-dir", "sboms", "--attach"]);
  assert.equal(kept?.["text"], undefined);
  assert.equal(kept?.["path"], "sboms/app-linux-amd64.spdx.json");
  assert.match(String(kept?.["attached"]), /^sha256:/);
  const odd = await dir.write(`out/blobs/sha256/${"0".repeat(64)}`, "other bytes");
  const damaged = await kodeno(["verify", "out", "--json"], { cwd: dir.path });
  assert.equal(damaged.code, 1);
  const [stray] = parsedLines(damaged.stdout).filter(({ type }) => type === "stray");
  assert.match(String(stray?.["fault"]), /its content has digest/);
  await Deno.remove(odd);
  await lines(dir, ["inspect", "out"]);
  await lines(dir, ["ls", "out"]);
  const bundled = await lines(dir, ["bundle", "create", "-o", "b.tar", "out"]);
  const [inspected] = await lines(dir, ["bundle", "inspect", "b.tar"]);
  assert.equal(bundled.find(({ type }) => type === "bundle")?.["id"], inspected?.["id"]);
  const split = ["bundle", "create", "-o", "p.tar", "--split", "1MB", "--since", "r.json", "out"];
  await lines(dir, ["bundle", "receipt", "out", "b.tar", "--site", "a", "-o", "r.json"]);
  await lines(dir, split);
  await lines(dir, ["bundle", "join", "p.tar.000", "-o", "p.tar"]);
  const [applied] = await lines(dir, ["bundle", "apply", "b.tar", "--to", "applied"]);
  assert.equal(applied?.["layout"], dir.join("applied/out"));
  // diff_test.ts has those of images that differ.
  await lines(dir, ["diff", "out:app:latest", "oci:out:app:latest"]);
  await lines(dir, ["report", "out"]);
  await lines(dir, ["check-base", "out"]);
  await lines(dir, ["gc", "out"]);
  await lines(dir, ["cache", "clean"], env);
  const artifacts = "[{image: app, ko: {}}]";
  const build = `{artifacts: ${artifacts}, tagPolicy: {envTemplate: {template: v1}}}`;
  const file = `apiVersion: skaffold/v4beta6\nkind: Config\nbuild: ${build}\n`;
  await dir.write("skaffold.yaml", file);
  const planned = await lines(dir, ["build", "-f", "skaffold.yaml", "--dry-run"]);
  const app = { type: "planned", imageName: "app", reference: "app:v1" };
  assert.deepEqual(planned.filter(({ type }) => type !== "note"), [app]);
  await lines(dir, ["config", "-f", "skaffold.yaml"]);
  await lines(dir, ["plan", "-f", "skaffold.yaml"]);
  await lines(dir, ["init"]);
  const doctor = await kodeno(["doctor", "--offline", "--json"], { cwd: dir.path });
  parsedLines(doctor.stdout);
  await using repository = await gitRepository();
  await simpleModule(repository.dir);
  await repository.commit("first");
  await repository.dir.write("new.go", "package main\n");
  const [affected] = await lines(repository.dir, ["affected", "--since", "HEAD"]);
  assert.equal(affected?.["why"], "new.go is new");
});

Deno.test("json: all kinds of lines that the schema has were printed", () => {
  const { $defs } = JSON.parse(schema);
  const ofDiff = "alone blob change changedFile imagePair layerFile layersChange".split(" ");
  const ofReport = ["goModule", "reportImage", "reportLayer"];
  const parts = ["imageConfig", "imagePart", "layer", ...ofDiff, ...ofReport];
  const kinds = Object.keys($defs).filter((name) => !parts.includes(name));
  // How far a layer is is told of large ones only.
  assert.deepEqual(kinds.filter((kind) => !printed.has(kind) && kind !== "bytes"), []);
});
