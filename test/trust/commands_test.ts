/**
 * The commands that sign and verify, on layouts: what holds, what does not, and wrong input, each in one
 * line and with nothing written.
 * @module
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { newKeys } from "../../src/app/key.ts";
import { sign } from "../../src/app/sign.ts";
import { verifyImages } from "../../src/app/verify.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { cosignSubject } from "../../src/oci/entries.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { manifestOf } from "../../src/trust/signatures.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { ArchiveAddition } from "../../src/place/archive/archive_addition.ts";
import { failsWith } from "../support/fails.ts";
import { image, imageGraph, index, layoutWith } from "../support/image_graph.ts";
import { needs } from "../parts/tools.ts";
import { kodeno } from "../support/kodeno.ts";
import { entriesOf, fingerprint } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { keyFiles, signImages } from "../support/signing.ts";
import { tempDir } from "../support/temp.ts";

/** A folder with a layout `out` of one image, and keys `kodeno.key` and `kodeno.pub`. */
async function openLab() {
  const dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const run = (args: readonly string[], password = "secret") =>
    kodeno(args, { cwd: dir.path, env: { KODENO_KEY_PASSWORD: password } });
  const done = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  /** A run that says in one line what is wrong. */
  const fails = async (code: number, args: readonly string[], why: RegExp, password?: string) => {
    const before = await fingerprint(dir.path);
    const outcome = await run(args, password);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, why);
    assert.equal(outcome.stderr.match(/^Error: /gm)?.length, 1, outcome.stderr);
    assert.deepEqual(await fingerprint(dir.path), before, "nothing is written");
  };
  await done("key", "new");
  return { dir, run, done, fails, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

Deno.test("trust: keys are made once, and the private one is nobody else's", async () => {
  await using lab = await openLab();
  const { mode } = await Deno.stat(lab.dir.join("kodeno.key"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  await lab.fails(2, ["key", "new"], /kodeno\.key: it is there already; say another name/);
  const said = await lab.done("key", "new", "--output", "other");
  assert.deepEqual(said.split("\n"), ["other.key", "other.pub"]);
});

Deno.test("trust: of a pair of which one file is taken meanwhile, none is left", async () => {
  await using dir = await tempDir();
  const theirs = async () => {
    await dir.write("a.pub", "theirs");
    return "";
  };
  await failsWith("IO_FAILED", () => newKeys(dir.join("a"), theirs), /^Cannot write .*a\.pub: /);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["a.pub"]);
  assert.equal(await Deno.readTextFile(dir.join("a.pub")), "theirs");
});

Deno.test("trust: keys that sign at once in the old form lose none of their signatures", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const names = ["a", "b", "c", "d"];
  const keys = await Promise.all(names.map((name) => keyFiles(dir, name)));
  // Each has looked at what is there before the first puts its own.
  await Promise.all(keys.map(({ key }) => signImages(place, key, { form: "legacy" })));
  await Promise.all(keys.map(({ key }) => signImages(place, key, { form: "legacy" })));
  for (const { pub } of keys) {
    const { images } = await verifyImages({ place, verifyKeys: [pub] });
    assert.deepEqual(images.map(({ faults }) => faults), [[]]);
  }
  const tagged = (await entriesOf(place)).filter((entry) => cosignSubject(entry));
  assert.equal(tagged.length, 1);
  using layout = await openLayout(place);
  const { layers } = await manifestOf(layout, tagged[0] as Descriptor);
  assert.equal(layers.length, keys.length);
});

Deno.test("trust: what is signed of an image without a name says nothing of the machine", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const [key, other] = [await keyFiles(dir, "a"), await keyFiles(dir, "b")];
  using layout = await openLayout(place);
  await layout.change((all) => all.map(({ annotations: _, ...entry }) => entry));
  // By both of its paths, and by a second key, beside what is there.
  await signImages(place, key.key, { form: "legacy" });
  const before = await fingerprint(place);
  await signImages(`${place}/.`, key.key, { form: "legacy" });
  assert.deepEqual(await fingerprint(place), before);
  await signImages(place, other.key, { form: "legacy" });
  for (const { pub } of [key, other]) {
    const { images } = await verifyImages({ place, verifyKeys: [pub] });
    assert.deepEqual(images.map(({ faults }) => faults), [[]]);
  }
  const tagged = (await layout.entries()).find((entry) => cosignSubject(entry));
  const { layers } = await manifestOf(layout, tagged as Descriptor);
  for (const layer of layers) {
    const { critical } = JSON.parse(
      await Deno.readTextFile(dir.join("out/blobs/sha256", layer.digest.slice(7))),
    );
    assert.deepEqual(critical.identity, { "docker-reference": "out" });
  }
});

Deno.test("trust: signing again changes nothing; another key adds its own", async () => {
  await using lab = await openLab();
  await lab.done("sign", "out", "--key", "kodeno.key", "--format", "both");
  const before = await fingerprint(lab.dir.join("out"));
  await lab.done("sign", "out", "--key", "kodeno.key", "--format", "both");
  assert.deepEqual(await fingerprint(lab.dir.join("out")), before);
  // What it has not said yet is another signature.
  const noted = ["sign", "out", "--key", "kodeno.key", "--format", "both", "-a", "by=me"];
  for (const isNew of [true, false]) {
    const lines = (await lab.done(...noted, "--json")).split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line).isNew), [isNew, isNew]);
  }
  await lab.done("key", "new", "--output", "other");
  await lab.done("sign", "out", "--key", "other.key", "--format", "both");
  for (const [key, count] of [["kodeno.pub", 3], ["other.pub", 2]] as const) {
    const [image] = (await lab.done("verify", "out", "--key", key, "--json")).split("\n");
    assert.deepEqual(JSON.parse(image ?? "").signatures.length, count, key);
  }
  // The image keeps its digest, and is the only one.
  const named = (await entriesOf(lab.dir.join("out"))).filter(({ annotations }) =>
    annotations?.["io.containerd.image.name"] === "docker.io/library/app:v1"
  );
  assert.equal(named.length, 1);
});

Deno.test("trust: an archive is signed as a layout is, and has all else as it was", async () => {
  await using lab = await openLab();
  const { dir, done, fails } = lab;
  await done("copy", "oci:out", "archive:images.tar");
  await Deno.chmod(dir.join("images.tar"), 0o640);
  await Deno.symlink("images.tar", dir.join("link.tar"));
  const members = async () => (await succeed("tar", ["-tf", dir.join("images.tar")])).split("\n");
  const before = await members();
  const sign = ["sign", "link.tar", "--key", "kodeno.key", "--format", "both", "--recursive"];
  await done(...sign);
  const added = (await members()).filter((name) => !before.includes(name));
  // For each of three manifests a bundle, its manifest, a payload, and a config and manifest; {} once.
  assert.equal(added.length, 3 * 5 + 1);
  assert.deepEqual((await members()).filter((name) => before.includes(name)), before);
  const { mode } = await Deno.lstat(dir.join("images.tar"));
  assert.equal((mode ?? 0) & 0o777, 0o640);
  assert.ok((await Deno.lstat(dir.join("link.tar"))).isSymlink);
  await done("verify", "images.tar", "--key", "kodeno.pub");
  const bytes = await fingerprint(dir.path);
  await done(...sign);
  assert.deepEqual(await fingerprint(dir.path), bytes, "signing again adds nothing");
  // What it has is a layout's, which others read.
  await done("merge", "back", "images.tar");
  await done("verify", "back", "--key", "kodeno.pub");
  await succeed("gzip", ["-k", dir.join("images.tar")]);
  await fails(
    2,
    ["sign", "images.tar.gz", ...sign.slice(2)],
    /it is compressed, and nothing can be/,
  );
});

Deno.test("trust: an archive that others change meanwhile is left to them", async () => {
  await using lab = await openLab();
  const path = lab.dir.join("images.tar");
  await lab.done("copy", "oci:out", "archive:images.tar");
  using source = await openArchive(path);
  const addition = new ArchiveAddition(path, source);
  await addition.check();
  const [image] = await source.entries();
  assert.ok(image);
  await addition.tag(image, "other:v1");
  await lab.done("sign", "images.tar", "--key", "kodeno.key");
  const before = await fingerprint(lab.dir.path);
  await failsWith(
    "BAD_CONTENT",
    () => addition.close(),
    /others have changed it meanwhile; run it/,
  );
  assert.deepEqual(await fingerprint(lab.dir.path), before);
});

Deno.test("trust: a blob that was changed or is missing is told, whoever has signed", async () => {
  await using lab = await openLab();
  await lab.done("sign", "out", "--key", "kodeno.key");
  const { digest } = imageGraph().shared.descriptor;
  const path = lab.dir.join("out/blobs/sha256", digest.slice(7));
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.toReversed());
  const changed = /^Error: Cannot trust app:v1 of out: Cannot use blob sha256:/m;
  await lab.fails(1, ["verify", "out", "--key", "kodeno.pub"], changed);
  await Deno.remove(path);
  await lab.fails(1, ["verify", "out"], /^Error: Cannot trust app:v1 of out: Cannot find /m);
});

Deno.test("trust: an image that cannot be read is told beside one that holds", async () => {
  await using lab = await openLab();
  const bad = imageGraph("bad");
  await layoutWith(lab.dir, "out", { "bad:v1": bad });
  await lab.done("verify", "out");
  const { digest } = bad.root.descriptor;
  await Deno.writeTextFile(lab.dir.join("out/blobs/sha256", digest.slice(7)), "{}");
  const { code, stdout, stderr } = await lab.run(["verify", "out"]);
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^app:v1@sha256:/m);
  assert.match(stderr, /^Error: Cannot trust bad:v1 of out: Cannot use blob sha256:/m);
});

Deno.test({
  name: "trust: a program signs with the key that it has, or nothing is signed",
  ...needs("openssl"),
  async fn() {
    await using lab = await openLab();
    const { dir, done, fails } = lab;
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    await dir.write("hsm.pem", `${privateKey.export({ format: "pem", type: "pkcs8" })}`);
    await dir.write("hsm.pub", `${publicKey.export({ format: "pem", type: "spki" })}`);
    const sign = ["sign", "out", "--key", "hsm.pub", "--format", "both", "--signer"];
    // Of two signatures the second one cannot be made: then there is none.
    await using marks = await tempDir();
    const mark = marks.join("mark");
    const openssl = "openssl dgst -sha384 -sign hsm.pem";
    const once =
      `if test -e ${mark}; then echo no token >&2; exit 9; fi; touch ${mark}; ${openssl}`;
    const ended = /^Error: Cannot sign with sh: it ended with exit code 9: no token$/m;
    await fails(1, [...sign, `sh -c '${once}'`], ended);
    await fails(1, [...sign, "nosuch"], /^Error: Cannot sign with nosuch: there is no program/m);
    await fails(2, [...sign.slice(0, 2), "--signer", "x"], /say with --key FILE the public key/);
    await fails(2, ["sign", "out", "--key", "kodeno.key", "--signer", "x"], /it is a private key/);
    await fails(2, [...sign, "sh '"], /a quote has no other half/);
    await fails(2, [...sign, " "], /--signer names no program/);
    await done(...sign, openssl);
    await done("verify", "out", "--key", "hsm.pub");
    const before = await fingerprint(dir.path);
    await done(...sign, openssl);
    assert.deepEqual(await fingerprint(dir.path), before);
  },
});

Deno.test("trust: what cannot be said of an image is told in one line", async () => {
  await using lab = await openLab();
  const { dir, fails } = lab;
  const attest = ["attest", "out", "--key", "kodeno.key"];
  const said = {
    "none.json": "no JSON",
    "list.json": "[]",
    "all.json": '{"subject": [], "predicateType": "x"}',
  };
  for (const [name, text] of Object.entries(said)) await dir.write(name, text);
  await Deno.writeFile(dir.join("binary"), new Uint8Array([0xff, 0xfe]));
  // Not where it would be looked at again each time.
  await using elsewhere = await tempDir();
  const huge = await elsewhere.write("huge.json", "");
  await Deno.truncate(huge, 1 << 30);
  const of = (file: string, type: string) => [...attest, "--predicate", file, "--type", type];
  await fails(
    2,
    of("none.json", "spdxjson"),
    /Cannot use none\.json as a pred.*: it is not JSON$/m,
  );
  await fails(2, of("list.json", "vuln"), /it is no JSON object$/m);
  await fails(2, of("all.json", "link"), /it is a whole statement; give what its predicate says$/m);
  await fails(2, of("binary", "custom"), /it is no text in UTF-8$/m);
  await fails(
    2,
    of(huge, "spdxjson"),
    /predicate .*huge\.json: it is larger than 16777216 bytes/,
  );
  await fails(2, of("absent", "custom"), /Cannot use predicate absent: there is no such file$/m);
  await fails(
    2,
    of("none.json", "spdxjsn"),
    /"spdxjsn": it is no URI; did you mean "spdxjson"\?$/m,
  );
  await fails(2, of("none.json", "x"), /it is no URI; say one of spdx, spdxjson, .*, or a URI$/m);
  await fails(2, [...attest, "--type", "custom"], /say what, with --predicate FILE$/m);
  await fails(
    2,
    [...attest, "--predicate", "binary"],
    /Cannot attest anything of out: say its --type/,
  );
});

Deno.test("trust: wrong input is told in one line", async () => {
  await using lab = await openLab();
  const { dir, fails } = lab;
  const sign = ["sign", "out", "--key"];
  await dir.write("cut.key", (await Deno.readTextFile(dir.join("kodeno.key"))).slice(0, 120));
  await dir.write("images.tar", "no archive");
  await fails(2, [...sign, "kodeno.key"], /kodeno\.key: the password is wrong/, "hunter2");
  await fails(2, [...sign, "cut.key"], /cut\.key: it is cut off/);
  await fails(2, [...sign, "kodeno.pub"], /kodeno\.pub: it holds a PUBLIC KEY/);
  const { privateKey } = generateKeyPairSync("ed25519");
  await dir.write("ed.key", `${privateKey.export({ format: "pem", type: "pkcs8" })}`);
  await fails(
    2,
    [...sign, "ed.key"],
    /ed\.key: it is a key of another kind \(ed25519\); only ECDSA/,
  );
  await fails(2, [...sign, "absent.key"], /absent\.key: there is no such file/);
  await fails(
    2,
    ["sign", "out"],
    /Cannot sign: say the key with --key FILE, or who has it with --signer/,
  );
  await fails(
    2,
    [...sign, "kodeno.key", "--format", "x"],
    /--format <form>.* Allowed choices are bundle, legacy, both/,
  );
  await fails(2, ["verify", "out", "--key", "kodeno.key"], /kodeno\.key: it is a private key/);
  await fails(2, ["verify", "out", "--attestation", "spdx"], /say with --key FILE who/);
  await fails(
    2,
    ["sign", "images.tar", "--key", "kodeno.key"],
    /Cannot use .*images\.tar as an image/,
  );
  await fails(2, ["sign", "-", "--key", "kodeno.key"], /Cannot use stdin as an image archive: /);
  await fails(2, ["verify", "nosuch"], /nosuch: there is no such folder or file; say the path of/);
  await fails(1, ["verify", "out", "absent"], /absent/);
  await fails(1, ["verify", "out", "--key", "kodeno.pub"], /no key that was given has signed it/);
});

Deno.test("trust: --recursive signs the images of indexes in an index, and no attestation in it", async () => {
  await using dir = await tempDir();
  const inner = imageGraph();
  const unknown = { os: "unknown", architecture: "unknown" };
  const about = image(unknown, []);
  const root = index([[inner.root], [about.manifest, unknown]]);
  const blobs = [...inner.blobs, about.config, about.manifest, root];
  const place = await layoutWith(dir, "out", { "app:v1": { ...inner, root, blobs } });
  const { key } = await keyFiles(dir, "release");
  const askPassword = () => Promise.resolve("");
  const signed = await sign({ place, key, askPassword, forms: ["bundle"], recursive: true });
  const expected = [root, ...inner.manifests].map(({ descriptor }) => descriptor.digest);
  assert.deepEqual(signed.map(({ digest }) => digest).sort(), expected.sort());
});
