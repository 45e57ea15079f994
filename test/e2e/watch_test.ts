/**
 * `kodeno watch`: what a change touches is built again, and nothing else; failures do not end it.
 * @module
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { assertFails } from "../support/failure.ts";
import { goMod, goModule, printer } from "../support/go_module.ts";
import { spawnKodeno } from "../support/kodeno.ts";
import { assertClean, imageNames } from "../support/layout.ts";
import { processesIn, until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A line that tells of an image: when, its name, how long it took. */
const LINE = /^\d\d:\d\d:\d\d (\S+):latest@(sha256:[0-9a-f]{64}) \d+\.\ds$/;

/** A running `kodeno watch`. */
class Watching implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  stdout = "";
  stderr = "";
  #seen = 0;

  constructor(dir: TempDir, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
    const env = { KODENO_CACHE: dir.join(".cache"), ...more };
    this.#child = spawnKodeno(["watch", ...args], { cwd: dir.path, env });
    const read = async (from: ReadableStream<Uint8Array>, to: (text: string) => void) => {
      for await (const text of from.pipeThrough(new TextDecoderStream())) to(text);
    };
    this.#reading = Promise.all([
      read(this.#child.stdout, (text) => this.stdout += text),
      read(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  /** Waits for the next images that were built, and gives their names and digests. */
  async built(...names: readonly string[]): Promise<Map<string, string>> {
    const lines = (): string[] => this.stdout.split("\n").slice(this.#seen, -1);
    const all = (): boolean => lines().length >= names.length;
    await until(`${names}; so far:\n${this.stdout}${this.stderr}`, all, 60_000);
    const found = new Map(
      lines().map((line) => {
        const [, name = "", digest = ""] = LINE.exec(line) ?? assert.fail(line);
        return [name, digest] as const;
      }),
    );
    assert.deepEqual([...found.keys()].sort(), [...names].sort(), this.stdout);
    this.#seen += found.size;
    return found;
  }

  /** Waits for a failure that says something. */
  async failed(what: RegExp): Promise<void> {
    await until(`${what}`, () => what.test(this.stderr), 60_000);
    this.stderr = "";
  }

  /** Ends it as Ctrl-C does. */
  async stop(): Promise<number> {
    this.#child.kill("SIGINT");
    await this.#reading;
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}

/** Puts a file into its place at once, as editors do it: nobody sees half of it. */
async function put(dir: TempDir, name: string, content: string): Promise<void> {
  const path = await dir.write(".cache/new", content);
  await Deno.mkdir(dirname(dir.join(name)), { recursive: true });
  await Deno.rename(path, dir.join(name));
}

async function module(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/w", {
    "cmd/a/main.go":
      'package main\n\nimport "example.com/w/lib"\n\nfunc main() { print(lib.Text()) }\n',
    "cmd/a/kodata/a.txt": "a",
    "cmd/b/main.go": printer("b"),
    "lib/lib.go":
      'package lib\n\nimport "embed"\n\n//go:embed text\nvar files embed.FS\n\nfunc Text() string { return "1" }\n',
    "lib/text/a.txt": "a",
    "lib/only_windows.go": "package lib\n",
    "node_modules/x/x.go": "package x\n",
  });
  return dir;
}

Deno.test("watch: only what a change touches is built again", async (t) => {
  await using dir = await module();
  await using watching = new Watching(dir, ["./..."]);
  const first = await watching.built("a", "b");
  await until("it to wait", () => /^watching \d+ folders of 2 images/m.test(watching.stderr));

  await t.step("a file of a package that one of them imports", async () => {
    await put(dir, "lib/more.go", 'package lib\n\nfunc init() { print("more") }\n');
    const again = await watching.built("a");
    assert.notEqual(again.get("a"), first.get("a"));
  });
  await t.step("a file of a program", async () => {
    await put(dir, "cmd/b/main.go", printer("changed"));
    assert.notEqual((await watching.built("b")).get("b"), first.get("b"));
  });
  await t.step("kodata: a file, a folder, and a file in it", async () => {
    await put(dir, "cmd/a/kodata/a.txt", "changed");
    await watching.built("a");
    await Deno.mkdir(dir.join("cmd/a/kodata/new"));
    await watching.built("a");
    await put(dir, "cmd/a/kodata/new/file", "x");
    await watching.built("a");
  });
  await t.step("embedded files, in folders that are new", async () => {
    await put(dir, "lib/text/sub/b.txt", "b");
    await watching.built("a");
    await put(dir, "lib/text/sub/b.txt", "changed");
    await watching.built("a");
  });
  await t.step("a program that is new, and a package that it begins to import", async () => {
    await put(dir, "cmd/c/main.go", printer("c"));
    await watching.built("c");
    await put(dir, "fresh/fresh.go", "package fresh\n");
    await put(
      dir,
      "cmd/c/main.go",
      'package main\n\nimport _ "example.com/w/fresh"\n\nfunc main() {}\n',
    );
    await watching.built("c");
    await put(dir, "fresh/fresh.go", 'package fresh\n\nfunc init() { print("fresh") }\n');
    await watching.built("c");
  });
  await t.step("go.mod and .ko.yaml are about all", async () => {
    await put(dir, "go.mod", `${goMod("example.com/w")}\n// changed\n`);
    await watching.built("a", "b", "c");
    await put(dir, ".ko.yaml", "defaultLabels: {team: blue}\n");
    await watching.built("a", "b", "c");
    await Deno.remove(dir.join(".ko.yaml"));
    await watching.built("a", "b", "c");
  });
  await t.step("what is of no image builds nothing", async () => {
    await put(dir, "README.md", "# W\n");
    await put(dir, "lib/lib_test.go", "package lib\n");
    await put(dir, "lib/.lib.go.swp", "x");
    await put(dir, "lib/lib.go~", "x");
    await put(dir, "node_modules/x/x.go", "package changed\n");
    await put(dir, "lib/only_windows_windows.go", "package lib\n");
    await put(dir, "cmd/b/main.go", printer("last"));
    await watching.built("b");
  });
  await t.step("Ctrl-C ends it with 130, and the layout is whole", async () => {
    assert.equal(await watching.stop(), 130);
    assert.match(watching.stderr, /^Error: Interrupted; nothing half-made was left$/m);
    const names = (await imageNames(dir.join("out"))).sort();
    assert.deepEqual(names, ["a:latest", "b:latest", "c:latest"]);
    await assertClean(dir.join("out"));
  });
});

Deno.test("watch: a failing build tells the compiler's lines, and the next change mends it", async () => {
  await using dir = await module();
  await using watching = new Watching(dir, ["./cmd/a", "./cmd/b"]);
  const first = await watching.built("a", "b");
  const lib = await Deno.readTextFile(dir.join("lib/lib.go"));
  await put(dir, "lib/lib.go", lib.replace('"1"', "wrong"));
  await watching.failed(/lib\/lib.go:8:\d+: undefined: wrong/);
  // What failed is not forgotten when something else changes.
  await put(dir, "cmd/b/main.go", printer("changed"));
  await watching.failed(/undefined: wrong/);
  await put(dir, "lib/lib.go", lib);
  const mended = await watching.built("a", "b");
  assert.equal(mended.get("a"), first.get("a"));
  assert.notEqual(mended.get("b"), first.get("b"));
  await put(dir, "go.mod", "nonsense\n");
  await watching.failed(/go.mod:1: unknown directive: nonsense/);
  await put(dir, "go.mod", goMod("example.com/w"));
  assert.deepEqual(await watching.built("a", "b"), mended);
  await put(dir, ".ko.yaml", "defaultPlatforms: {}\n");
  await watching.failed(/\.ko\.yaml:1:\d+/);
  await Deno.remove(dir.join(".ko.yaml"));
  assert.deepEqual(await watching.built("a", "b"), mended);
  assert.equal(await watching.stop(), 130);
});

Deno.test("watch: a folder that goes and comes again is still watched", async () => {
  await using dir = await module();
  await using watching = new Watching(dir, ["./cmd/a"]);
  const first = await watching.built("a");
  await Deno.rename(dir.join("lib"), dir.join("away"));
  await watching.failed(/example.com\/w\/lib/);
  await Deno.rename(dir.join("away"), dir.join("lib"));
  assert.deepEqual(await watching.built("a"), first);
  const lib = await Deno.readTextFile(dir.join("lib/lib.go"));
  await put(dir, "lib/lib.go", lib.replace('"1"', '"2"'));
  assert.notEqual((await watching.built("a")).get("a"), first.get("a"));
  assert.equal(await watching.stop(), 130);
});

Deno.test("watch: programs of one name keep the names they have together", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/w", {
    "x/app/main.go": printer("x"),
    "y/app/main.go": printer("y"),
  });
  await using watching = new Watching(dir, ["./..."]);
  const name = (line: string): string => LINE.exec(line)?.[1] ?? "";
  await until("both", () => watching.stdout.split("\n").length > 2, 60_000);
  const names = watching.stdout.trim().split("\n").map(name);
  assert.ok(names.every((one) => /^app-[0-9a-f]{32}$/.test(one)), `${names}`);
  await put(dir, "x/app/main.go", printer("changed"));
  await until("one more", () => watching.stdout.split("\n").length > 3, 60_000);
  assert.ok(names.includes(name(watching.stdout.trim().split("\n")[2] ?? "")), watching.stdout);
  assert.equal(await watching.stop(), 130);
});

Deno.test("watch: Ctrl-C in the middle of a build ends go, too, and leaves no layout", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/slow", {
    "main.go":
      'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe("", nil) }\n',
  });
  await using watching = new Watching(dir, [], { GOCACHE: dir.join(".gocache") });
  await until("go to compile", async () => {
    const commands = (await processesIn(dir.path)).map((pid) =>
      Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")
    );
    return (await Promise.all(commands)).some((command) => /\/compile\0/.test(command));
  }, 60_000);
  assert.equal(await watching.stop(), 130);
  await until("go to be gone", async () => (await processesIn(dir.path)).length === 0);
  assert.deepEqual((await dir.list()).filter((one) => !one.startsWith(".")), ["go.mod", "main.go"]);
});

Deno.test("watch: what is wrong from the start ends it, in one line", async () => {
  await using dir = await module();
  await assertFails(dir, ["watch", "./lib"], { code: 2, message: /is not main but lib/ });
  const refused = /^Cannot watch with --image-refs.* or --tarball/;
  await assertFails(dir, ["watch", "--tarball=x.tar"], { code: 2, message: refused });
});
