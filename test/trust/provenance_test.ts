/**
 * Provenance of builds: what it tells, what it keeps to itself, and where it goes.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { GitRepository } from "../support/git_repository.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, fingerprint, provenanceIn } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const ARGS = ["build", "./cmd/app", "--provenance"];

/** A repository with a module in a folder, committed. */
async function checkout(dir: TempDir, remote: string): Promise<GitRepository> {
  const repository = new GitRepository(dir);
  await repository.git("init", "--quiet", "--initial-branch=main");
  await goModule(dir, "example.com/team/app", {
    "cmd/app/main.go": printer("hello"),
    "cmd/app/kodata/text.txt": "text\n",
  });
  await dir.write(".gitignore", "/out*\n");
  await repository.git("remote", "add", "origin", remote);
  return await repository.commit("initial");
}

Deno.test("provenance: tells how each image was built, the same each time, and no secret", async () => {
  await using dir = await tempDir();
  const repository = await checkout(dir, "https://user:s3cret@git.test/team/app.git");
  const commit = (await repository.git("rev-parse", "HEAD")).trim();
  const env = { GOFLAGS: "", AMBIENT: "s3cret", SOURCE_DATE_EPOCH: "1700000000" };
  const args = [
    ...ARGS,
    ...["--platform", "linux/amd64,linux/arm64", "--image-label", "team=blue"],
    ...["--ldflags", "-X main.version={{.Env.AMBIENT}}", "--flags=-tags=netgo"],
    ...["--env", "GOPROXY=https://user:s3cret@proxy.test,off", "--env", "API_TOKEN=s3cret"],
    ...["--ldflags", "-X main.url=https://user:p/s3cret@host.test"],
  ];
  const plain = await done(dir, args.filter((arg) => arg !== "--provenance"), env);
  const digest = digestIn(await done(dir, args, env));
  assert.equal(digest, digestIn(plain), "the image stays what it is");
  const once = await fingerprint(dir.join("out"));
  await done(dir, [...args, "--no-cache"], env);
  assert.deepEqual(await fingerprint(dir.join("out")), once);

  const text = await provenanceIn(dir.join("out"), digest);
  assert.ok(!text.includes("s3cret"), text);
  const { subject, predicate } = JSON.parse(text);
  assert.deepEqual(subject, [{ name: "app", digest: { sha256: digest.slice(7) } }]);
  const { buildDefinition, runDetails } = predicate;
  const { platforms, ldflags, flags, env: variables, labels, source, package: path } =
    buildDefinition.externalParameters;
  assert.deepEqual({ platforms, ldflags, flags, variables, labels, source, path }, {
    platforms: ["linux/amd64", "linux/arm64"],
    ldflags: [
      "-X main.version={{.Env.AMBIENT}}",
      "-X main.url=https://***@host.test",
    ],
    flags: ["-tags=netgo"],
    variables: ["GOPROXY=https://***@proxy.test,off", "API_TOKEN=***"],
    labels: { team: "blue" },
    source: "git+https://git.test/team/app.git@refs/heads/main",
    path: "example.com/team/app/cmd/app",
  });
  const [first, , toolchain] = buildDefinition.resolvedDependencies;
  assert.deepEqual(first.digest, { gitCommit: commit });
  assert.equal(first.annotations, undefined);
  assert.match((toolchain ?? buildDefinition.resolvedDependencies[1]).uri, /stdlib@1\./);
  assert.deepEqual(runDetails.metadata, { finishedOn: "2023-11-14T22:13:20Z" });
  const binaries = runDetails.byproducts.map((one: { annotations: { platform: string } }) =>
    one.annotations.platform
  );
  assert.deepEqual(binaries, ["linux/amd64", "linux/arm64"]);
  // One for the index, and one for each of its images.
  const listed = (await done(dir, ["ls", "out"])).split("\n").slice(1).map((line) =>
    /^- (.*?) +sha256:/.exec(line)?.[1]
  );
  assert.deepEqual(listed.sort(), [
    "provenance of app:latest",
    "provenance of app:latest linux/amd64",
    "provenance of app:latest linux/arm64",
  ]);
});

Deno.test("provenance: .ko.yaml asks for it, changed files are told of, and nowhere to keep it is", async () => {
  await using dir = await tempDir();
  await checkout(dir, "/srv/app.git");
  await dir.write(".ko.yaml", "provenance: true\n");
  const digest = digestIn(await done(dir, ["build", "./cmd/app"]));
  const { predicate } = JSON.parse(await provenanceIn(dir.join("out"), digest));
  const { resolvedDependencies: [source], externalParameters } = predicate.buildDefinition;
  assert.deepEqual([source.annotations, source.uri], [{ dirty: true }, undefined]);
  assert.equal(externalParameters.source, undefined);
  const lost = await kodeno(["build", "./cmd/app", "--tarball", "app.tar"], { cwd: dir.path });
  assert.match(lost.stderr, /^Warning: no provenance is kept: /m);
  await done(dir, ["build", "./cmd/app", "--no-provenance", "--oci-layout", "out-none"]);
  assert.equal((await done(dir, ["ls", "out-none"])).split("\n").length, 1);
  await dir.write(".ko.yaml", "provenance: sometimes\n");
  const wrong = await kodeno(["build"], { cwd: dir.path });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /\.ko\.yaml:1:\d+: provenance/);
});

const pushed = "provenance: pushed beside its image, of a folder in no repository, too";
Deno.test({ name: pushed, ...needs("docker-registry") }, async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "cmd/app/main.go": printer("hello") });
  await using registry = await startRegistry();
  const env = { KO_DOCKER_REPO: `${registry.host}/team` };
  const outcome = await kodeno([...ARGS, "--push", "-B"], { cwd: dir.path, env });
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, /^Warning: no commit is in the provenance of .*: not a git repo/m);
  await done(dir, ["copy", `${registry.host}/team/app:latest`, "oci:pulled"]);
  const text = await provenanceIn(dir.join("pulled"), digestIn(outcome.stdout));
  assert.ok(!text.includes("gitCommit"), text);
});
