/**
 * Images that are named for a registry and stay in the layout: whoever has not asked for that is told.
 * @module
 */
import assert from "node:assert/strict";
import { simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const REPOSITORY = "reg.local/team";
const NOTE =
  /^Note: kept in the layout "out", not pushed; add --push to push to reg\.local\/team$/gm;

Deno.test("kept: a build that is named for a registry and not pushed says so once", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DOCKER_REPO: REPOSITORY };
  const build = async (...args: string[]) => {
    const outcome = await kodeno(["build", "-B", ...args], { cwd: dir.path, env });
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome;
  };
  assert.equal((await build()).stderr.match(NOTE)?.length, 1);
  const events = (await build("--json")).stdout.trim().split("\n").map((line) => JSON.parse(line));
  const notes = events.filter(({ type }) => type === "note").map(({ message }) => message);
  assert.match(notes.join("\n"), NOTE);
  for (
    const said of [["--push=false"], ["--oci-layout", "out"], ["--tarball", "app.tar"]]
  ) {
    assert.doesNotMatch((await build(...said)).stderr, NOTE, said.join(" "));
  }
  const { stderr } = await kodeno(["build"], { cwd: dir.path, env: { KO_DOCKER_REPO: "" } });
  assert.doesNotMatch(stderr, /^Note: /m, "no registry is named");
});

Deno.test("kept: so does a build of a skaffold.yaml, but for --quiet", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write(
    "skaffold.yaml",
    "apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts:\n    - image: app\n      ko: {}\n",
  );
  const args = ["build", "-f", "skaffold.yaml", "-d", REPOSITORY, "-t", "v1"];
  const told = await kodeno(args, { cwd: dir.path });
  assert.equal(told.code, 0, told.stderr);
  assert.equal(told.stderr.match(NOTE)?.length, 1, told.stderr);
  const quiet = await kodeno([...args, "-q"], { cwd: dir.path });
  assert.doesNotMatch(quiet.stderr, NOTE);
});
