/**
 * Bundles of what the other side lacks, as its receipt says, and bundles in parts.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails } from "../support/failure.ts";
import { type Blob, blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";
import { openLayout } from "../../src/place/layout/layout.ts";

const ENV = { KODENO_KEY_PASSWORD: "secret" };
const MAINS = 30;

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

const sumOf = (blobs: readonly Blob[]) => blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
const sizeOf = async (dir: TempDir, file: string) => (await Deno.stat(dir.join(file))).size;

/** What a command tells with `--json`. */
async function told(dir: TempDir, ...args: string[]) {
  const text = await done(dir, [...args, "--json"], ENV);
  return JSON.parse(text.split("\n").at(-1) ?? "");
}

Deno.test("bundle: a receipt crosses back, and the next bundle has what it lacks", async (t) => {
  await using dir = await tempDir();
  const base = random(200_000);
  for (let i = 0; i < MAINS; i++) await put(dir, "out", `app${i}:v1`, [base, random(20_000)]);
  await done(dir, ["key", "new"], ENV);
  await done(dir, ["key", "new", "--output", "other"], ENV);
  await done(dir, ["bundle", "create", "-o", "first.tar", "out"]);
  await done(dir, ["merge", "there", "first.tar"]);
  const receipt = ["bundle", "receipt", "there", "first.tar", "--site", "plant"];
  const made = await told(dir, ...receipt, "-o", "r.json", "--sign", "kodeno.key");
  assert.deepEqual([made.type, made.sequence, made.blobs, made.signed], [
    "receipt",
    1,
    1 + 3 * MAINS,
    true,
  ]);
  const changed = await put(dir, "out", "app7:v1", [base, random(1_000_000)]);

  const create = (file: string, ...more: string[]) =>
    told(dir, "bundle", "create", "-o", file, ...more, "out");
  const trusted = ["--since", "r.json", "--since-key", "kodeno.pub", "--site", "plant"];
  const delta = await create("delta.tar", ...trusted);
  assert.deepEqual([delta.sequence, delta.blobs, delta.omitted], [2, 3, 3 * MAINS - 2]);
  const { base: since } = await told(dir, "bundle", "inspect", "delta.tar");
  assert.deepEqual([since.sequence, since.receipt, since.site], [1, made.id, "plant"]);
  const [sent, least] = [await sizeOf(dir, "delta.tar"), sumOf(changed)];
  assert.ok(sent <= 1.1 * least, `${sent} bytes for ${least}`);

  await done(dir, ["bundle", "verify", "delta.tar", "--base", "there"]);
  const unsaid = await kodeno(["bundle", "verify", "delta.tar"], { cwd: dir.path });
  assert.match(
    unsaid.stderr,
    /Left out 88 blobs .* which have to be there since bundle 1 at plant/,
  );
  assert.match(unsaid.stderr, /not checked; say where with --base/);
  const lost = dir.join(`there/blobs/${base.descriptor.digest.replace(":", "/")}`);
  await Deno.remove(lost);
  await assertFails(dir, ["bundle", "verify", "delta.tar", "--base", "there"], {
    code: 1,
    message: new RegExp(
      `with there: 1 blob of 200000 bytes is not there, sent with bundle 1 or before: ` +
        `${base.descriptor.digest} \\(200000 bytes\\); bring what was sent before`,
    ),
  });
  // What is gone there comes again.
  await done(dir, ["bundle", "receipt", "there", "-o", "later.json"]);
  assert.equal((await create("again.tar", "--since", "later.json")).blobs, 4);

  const paper = await done(dir, [...receipt, "--text"]);
  assert.equal(paper.split("\n").length, 2 + Math.ceil((2 + 65 + 10 * (1 + 3 * MAINS)) / 25));
  await Deno.writeTextFile(dir.join("r.txt"), paper.toLowerCase());
  assert.equal((await create("typed.tar", "--since", "r.txt", "--site", "plant")).blobs, 3);
  const assumed = await kodeno(
    ["bundle", "create", "-o", "assumed.tar", "--since", "first.tar", "out"],
    { cwd: dir.path },
  );
  assert.match(assumed.stderr, /first.tar is left out as if that had arrived; only a receipt/);
  assert.equal((await told(dir, "bundle", "inspect", "assumed.tar")).blobs, 3);

  const json = await Deno.readTextFile(dir.join("r.json"));
  await Deno.writeTextFile(dir.join("damaged.json"), json.replace("plant", "plane"));
  await Deno.writeTextFile(dir.join("cut.json"), json.slice(0, 500));
  const lines = paper.split("\n");
  await Deno.writeTextFile(dir.join("lost.txt"), lines.toSpliced(4, 1).join("\n"));
  const mistyped = lines.map((line, i) =>
    i === 5 ? line.replace(/.$/, (c) => c === "A" ? "B" : "A") : line
  );
  await Deno.writeTextFile(dir.join("mistyped.txt"), mistyped.join("\n"));
  const refused = (code: 1 | 2, message: RegExp, ...args: string[]) =>
    t.step(args.join(" "), async () => {
      const words = ["bundle", "create", "-o", "x.tar", ...args, "out"];
      await assertFails(dir, words, { code, message }, { env: ENV });
    });
  await refused(
    1,
    /receipt r.json: it is of site plant, not shore/,
    "--since=r.json",
    "--site=shore",
  );
  await refused(
    1,
    /receipt r.json of site plant: no key that was given has signed it/,
    "--since=r.json",
    "--since-key=other.pub",
  );
  await refused(
    1,
    /receipt later.json: it is not signed/,
    "--since=later.json",
    "--since-key=kodeno.pub",
  );
  await refused(1, /receipt damaged.json: it is damaged or was changed/, "--since=damaged.json");
  await refused(1, /receipt cut.json: it is damaged, or none/, "--since=cut.json");
  await refused(1, /receipt lost.txt: line 004 is missing; type it again/, "--since=lost.txt");
  await refused(1, /receipt mistyped.txt: line 6 \("005 .* is mistyped/, "--since=mistyped.txt");
  await refused(1, /read none.json: there is no such file/, "--since=none.json");
  await refused(2, /first.tar is a bundle, and no receipt/, "--since=first.tar", "--site=plant");
  await refused(2, /--since-key and --site alone/, "--site=plant");
  await assertFails(dir, ["bundle", "receipt", "there", "--site", "a b"], {
    code: 2,
    message: /--site "a b": it has to be letters/,
  });
  await assertFails(dir, ["bundle", "receipt", "nowhere"], { code: 2, message: /nowhere/ });
});

Deno.test("bundle: what was applied is in the receipt of its layout, and counts", async () => {
  await using dir = await tempDir();
  const env = { KODENO_CACHE: dir.join("cache") };
  const base = random(90_000);
  for (const name of ["a:v1", "b:v1"]) await put(dir, "out", name, [base, random(9_000)]);
  await done(dir, ["bundle", "create", "-o", "1.tar", "--split", "64KiB", "out"]);
  const apply = (file: string) => done(dir, ["bundle", "apply", file, "--to", "there"], env);
  await apply("1.tar.000");
  const receipt = (file: string) => told(dir, "bundle", "receipt", "there/out", "-o", file);
  assert.equal((await receipt("1.json")).sequence, 1);
  await put(dir, "out", "b:v1", [base, random(9_000)]);
  await done(dir, ["bundle", "create", "-o", "2.tar", "--since", "1.json", "out"]);
  await assertFails(dir, ["bundle", "apply", "2.tar", "--to", "elsewhere"], {
    code: 1,
    message: /apply bundle 2.tar: 4 blobs of \d+ bytes are not there, sent with bundle 1 or before/,
  }, { env });
  await apply("2.tar");
  // What comes late takes nothing of that away.
  await assertFails(dir, ["bundle", "apply", "1.tar.002", "--to", "there"], {
    code: 2,
    message: /it is bundle 1, and bundle 2 has come already; .*--force/,
  }, { env });
  const { sequence, blobs } = await receipt("2.json");
  assert.equal(sequence, 2);
  assert.equal((await told(dir, "bundle", "receipt", "there", "-o", "all.json")).blobs, blobs);
  await done(dir, ["verify", "there/out"]);
  assert.ok(blobs >= 7);
});

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
  assert.equal((await told(dir, "bundle", "receipt", "app.tar.000", "-o", "r.json")).sequence, 1);

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
