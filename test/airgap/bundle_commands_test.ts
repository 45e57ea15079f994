/**
 * `kodeno bundle` as its user sees it, and the other programs that read what it writes.
 * @module
 */
import assert from "node:assert/strict";
import { goTool, needs } from "../parts/tools.ts";
import { kodeno, kodenoWords } from "../support/kodeno.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { realImage, together, writeArchive } from "../archive/images.ts";
import { run, succeed } from "../support/process.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";

const ENV = { KODENO_KEY_PASSWORD: "secret" };

async function inFolder(dir: TempDir, ...args: string[]) {
  return await kodeno(args, { cwd: dir.path, env: ENV });
}

async function doneIn(dir: TempDir, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await inFolder(dir, ...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

Deno.test("bundle: created, inspected, verified, and read as an archive", async () => {
  await using dir = await tempDir();
  const graph = imageGraph();
  await layoutWith(dir, "out", { "reg.local/team/app:v1": graph, "two:v2": imageGraph("two") });
  await doneIn(dir, "key", "new");
  await doneIn(dir, "key", "new", "--output", "other");
  await doneIn(dir, "sign", "out", "app:v1", "--key", "kodeno.key");
  const created = await doneIn(
    dir,
    "bundle",
    "create",
    "-o",
    "app.tar",
    "--sign=kodeno.key",
    "out",
  );
  assert.equal(created, "app.tar");
  const { digest } = graph.root.descriptor;
  const inspected = await doneIn(dir, "bundle", "inspect", "app.tar");
  assert.match(inspected, new RegExp(`^sha256:\\w{64}\nreg.local/team/app:v1@${digest}\ntwo:v2@`));

  const verified = await doneIn(
    dir,
    ...["bundle", "verify", "app.tar", "--verify-key", "other.pub", "--verify-key", "kodeno.pub"],
    "--json",
  );
  const { type, images, signed, blobs } = JSON.parse(verified);
  assert.deepEqual([type, images.length, signed], ["bundle", 2, true]);
  // Two images, and a signature of two blobs with the empty one.
  assert.equal(blobs, 2 * 8 + 3);
  const refused = await inFolder(dir, "bundle", "verify", "app.tar", "--verify-key", "other.pub");
  assert.match(refused.stderr, /Cannot trust bundle app.tar: no key that was given has signed it/);
  assert.equal(refused.code, 1);

  // Through pipes on both sides, without the signature, it is the same but for that.
  const words = kodenoWords();
  const line =
    `${words} bundle create -o - oci:out:two:v2 | tee two.tar | ${words} bundle verify -`;
  const piped = await succeed("bash", ["-o", "pipefail", "-c", line], {
    cwd: dir.path,
    env: Deno.env.toObject(),
  });
  assert.match(piped, /^sha256:\w{64}\ntwo:v2@sha256:\w{64}\n$/);
  assert.match(await doneIn(dir, "ls", "app.tar"), /signature of reg.local\/team\/app:v1/);
  await doneIn(dir, "merge", "again", "app.tar");
  await doneIn(dir, "verify", "again", "app:v1", "--key", "kodeno.pub");
  await doneIn(dir, "bundle", "create", "-o", "again.tar", "--sign=kodeno.key", "again");
  const id = async (file: string) => (await doneIn(dir, "bundle", "inspect", file)).split("\n")[0];
  assert.equal(await id("again.tar"), await id("app.tar"));

  // As docs/bundles.md has it.
  const cosign = await goTool("cosign3");
  await succeed("tar", ["xf", "app.tar", "--wildcards", "kodeno-bundle.json*"], { cwd: dir.path });
  await succeed(cosign, [
    ...["verify-blob", "--key", "kodeno.pub", "--insecure-ignore-tlog"],
    ...["--bundle", "kodeno-bundle.json.sigstore.json", "kodeno-bundle.json"],
  ], { cwd: dir.path });
});

Deno.test("bundle: what cannot be made or read is told in a line, and leaves nothing", async (t) => {
  await using dir = await tempDir();
  const graph = imageGraph();
  const layout = await layoutWith(dir, "out", { "app:v1": graph });
  await Deno.writeTextFile(dir.join("plain.tar"), "no tar ".repeat(1000));
  const refused = async (code: number, why: RegExp, ...args: string[]) => {
    await t.step(args.join(" "), async () => {
      const outcome = await inFolder(dir, "bundle", ...args);
      assert.match(outcome.stderr, why);
      assert.equal(outcome.stderr.trim().split("\n").length, 1, outcome.stderr);
      assert.equal(outcome.code, code);
    });
  };
  await refused(2, /say the file with -o FILE/, "create", "out");
  await refused(2, /there is no folder .*none/, "create", "-o", "none/x.tar", "out");
  await refused(2, /package absent is not in std/, "create", "-o", "x.tar", "absent");
  await refused(2, /it is a folder/, "create", "-o", "out", "out");
  await refused(
    2,
    /key absent.key: there is no such file/,
    "create",
    "-o",
    "x.tar",
    "--sign",
    "absent.key",
    "out",
  );
  await refused(2, /plain.tar.*it is not a tar file/, "verify", "plain.tar");
  await refused(1, /there is no such file/, "verify", "absent.tar");
  await refused(2, /it is no file/, "inspect", "out");
  const { digest } = graph.shared.descriptor;
  await Deno.remove(`${layout}/blobs/${digest.replace(":", "/")}`);
  await refused(1, /Cannot find blob sha256:/, "create", "-o", "x.tar", "out");
  await Deno.writeTextFile(`${layout}/blobs/${digest.replace(":", "/")}`, "graph: shared LAYER");
  await refused(1, /Cannot use blob sha256:.* damaged/, "create", "-o", "x.tar", "out");
  assert.deepEqual(await names(dir.path), ["out", "plain.tar"]);
});

Deno.test({
  name: "bundle: skopeo, podman and oras read it unchanged",
  ...needs("root", "skopeo", "podman"),
  async fn() {
    await using dir = await tempDir();
    const image = await realImage();
    await writeArchive(dir.join("in.tar"), await together([image]), [
      { descriptor: image.root, names: ["reg.local/team/app:v1"] },
    ]);
    await doneIn(dir, "bundle", "create", "-o", "app.tar", "in.tar");
    const at = { cwd: dir.path };
    await succeed("skopeo", ["copy", "--all", "oci-archive:app.tar:v1", "oci:skopeo:v1"], at);
    const raw = await succeed("skopeo", ["inspect", "--raw", "oci-archive:app.tar"], at);
    assert.match(raw, /linux/);
    const listed = await doneIn(dir, "ls", "skopeo");
    assert.match(listed, new RegExp(image.root.digest));
    const oras = await goTool("oras");
    const copied = ["cp", "--from-oci-layout", "app.tar:v1", "--to-oci-layout", "oras:v1"];
    await succeed(oras, copied, at);
    assert.match(await doneIn(dir, "ls", "oras"), new RegExp(image.root.digest));
    await doneIn(dir, "verify", "oras");
    const { code, stderr, stdout } = await run("podman", [
      ...["--root", dir.join("root"), "--runroot", dir.join("run"), "--storage-driver=vfs"],
      ...["pull", "--quiet", "oci-archive:app.tar"],
    ], at);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(image.amd64.config.descriptor.digest.slice(7)));
  },
});
