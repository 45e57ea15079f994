/**
 * Bundles in parts.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails } from "../support/failure.ts";
import { type Blob, blob, image, pushAll } from "../support/image_graph.ts";
import { done } from "../support/kodeno.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";
import { openLayout } from "../../src/place/layout/layout.ts";

const ENV = { KODENO_KEY_PASSWORD: "secret" };

function random(bytes: number): Blob {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  return blob(content);
}

/** Puts an image with a program into a layout; gives what is new of it. */
async function put(
  dir: TempDir,
  folder: string,
  name: string,
  layers: readonly [Blob, Blob],
): Promise<readonly Blob[]> {
  using layout = await openLayout(dir.join(folder), { create: true });
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, layers);
  await pushAll(layout, [...layers, config, manifest]);
  await layout.tag(manifest.descriptor, name);
  return [layers[1], config, manifest];
}

const sizeOf = async (dir: TempDir, file: string) => (await Deno.stat(dir.join(file))).size;

/** What a command tells with `--json`. */
async function told(dir: TempDir, ...args: string[]) {
  const text = await done(dir, [...args, "--json"], ENV);
  return JSON.parse(text.split("\n").at(-1) ?? "");
}

Deno.test("bundle: parts are written, joined and read, and a bad one is named", async () => {
  await using dir = await tempDir();
  const base = random(150_000);
  await put(dir, "out", "app:v1", [base, random(50_000)]);
  await put(dir, "two", "two:v1", [random(150_000), random(50_000)]);
  const create = ["bundle", "create", "--split", "64KiB", "-o"];
  await done(dir, ["bundle", "create", "-o", "whole.tar", "out"]);
  const made = await told(dir, ...create, "app.tar", "out");
  assert.deepEqual([made.path, made.parts, made.bytes], [
    "app.tar.000",
    4,
    await sizeOf(dir, "whole.tar"),
  ]);
  const id = (await told(dir, "bundle", "inspect", "whole.tar")).id;
  assert.equal((await told(dir, "bundle", "inspect", "app.tar.000")).id, id);
  assert.equal((await told(dir, "bundle", "verify", "app.tar.002")).id, id);
  const all = [0, 1, 2, 3, 4].map((n) => `app.tar.00${n}`);
  assert.equal((await told(dir, "bundle", "verify", ...all)).id, id);
  const joined = await told(dir, "bundle", "join", "app.tar.000", "-o", "joined.tar");
  assert.deepEqual([joined.type, joined.id, joined.parts], ["joined", id, 4]);
  assert.deepEqual(
    await Deno.readFile(dir.join("joined.tar")),
    await Deno.readFile(dir.join("whole.tar")),
  );

  await done(dir, [...create, "two.tar", "two"]);
  const refused = async (code: 1 | 2, message: RegExp, ...args: string[]) => {
    await assertFails(dir, ["bundle", ...args], { code, message });
  };
  await refused(
    1,
    /two.tar.000 is of another bundle/,
    "join",
    "app.tar.000",
    "two.tar.000",
    "-o",
    "x",
  );
  await refused(1, /two.tar.001 is none of its 4 parts/, "verify", "app.tar.000", "two.tar.001");
  await refused(2, /say the file with -o FILE/, "join", "app.tar.000");
  await refused(2, /FILE.000 is missing/, "join", "whole.tar", "-o", "x");
  await refused(2, /it is no size; say it as 4GiB/, "create", "--split=big", "-o", "x", "out");
  await refused(2, /too small/, "create", "--split=10", "-o", "x", "out");
  await refused(2, /parts are files/, "create", "--split=1GB", "-o", "-", "out");
  await Deno.copyFile(dir.join("two.tar.002"), dir.join("app.tar.002"));
  const bad =
    /bundle app.tar.000: app.tar.002 is damaged, or a part of another bundle; bring that part/;
  await refused(1, bad, "verify", "app.tar.000");
  await refused(1, bad, "join", "app.tar.000", "-o", "x");
  await Deno.remove(dir.join("app.tar.003"));
  await refused(
    1,
    /app.tar.003 is missing \(65536 bytes\); bring that part/,
    "verify",
    "app.tar.000",
  );
  await Deno.remove(dir.join("app.tar.000"));
  await refused(2, /FILE.000 is missing/, "join", "app.tar.001", "app.tar.002", "-o", "x");
  assert.equal((await names(dir.path)).includes("x"), false);
});
