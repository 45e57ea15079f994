/**
 * `kodeno skaffold` as Skaffold's custom builder calls it, against a real registry and a real daemon.
 * @module
 */
import assert from "node:assert/strict";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { assertSound, digestIn, imageNames } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

type Env = Readonly<Record<string, string>>;

/**
 * What Skaffold 2 sets for the command of a custom artifact, seen with `skaffold build` itself: it
 * runs `sh -c COMMAND` in the context. Variables of the caller by these names beat Skaffold's.
 */
function skaffold(image: string, push: boolean, context: string, platforms = ""): Env {
  const [, repository = "", tag = ""] = /^(.*):([^:/]+)$/.exec(image) ?? [];
  return {
    IMAGE: image,
    PUSH_IMAGE: String(push),
    BUILD_CONTEXT: context,
    PLATFORMS: platforms,
    SKIP_TEST: "false",
    IMAGE_REPO: repository,
    IMAGE_TAG: tag,
  };
}

async function twoPrograms(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/two", {
    "cmd/one/main.go": printer("one"),
    "cmd/two/main.go": printer("two"),
  });
  return dir;
}

async function built(dir: TempDir, args: readonly string[], env: Env): Promise<string> {
  const outcome = await kodeno(["skaffold", ...args], { cwd: dir.path, env });
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome.stdout.trimEnd();
}

Deno.test({
  name: "skaffold: an image that is to be pushed is in the registry, under the very name",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await twoPrograms();
    await using registry = await startRegistry();
    const crane = await goTool("crane");
    const image = `${registry.host}/x/example_com_two_cmd_one:7afacc7-dirty`;
    // ko's own naming, and a repository that cannot be, have no say.
    const env = { ...skaffold(image, true, dir.path), KO_DOCKER_REPO: "nowhere.invalid/x" };
    const said = await built(dir, ["./cmd/one"], env);
    assert.equal(said, `${image}@${(await succeed(crane, ["digest", image])).trim()}`);
    assert.deepEqual((await succeed(crane, ["catalog", registry.host])).trim().split("\n"), [
      "x/example_com_two_cmd_one",
    ]);
    const tags = (await succeed(crane, ["ls", image.replace(/:[^:]*$/, "")])).trim().split("\n");
    // A registry that lists no referrers has them under a tag: here an SBOM.
    assert.deepEqual(tags, ["7afacc7-dirty", digestIn(said).replace(":", "-")]);
    assert.deepEqual(await dir.list(), ["cmd", "go.mod"]);

    const two = skaffold(`${registry.host}/two:v1`, true, dir.path, "linux/amd64,linux/arm64");
    await built(dir, ["./cmd/two"], two);
    const { manifests } = JSON.parse(await succeed(crane, ["manifest", `${registry.host}/two:v1`]));
    const platforms = manifests.map((one: { platform: { architecture: string } }) =>
      one.platform.architecture
    );
    assert.deepEqual(platforms, ["amd64", "arm64"]);
    await succeed(crane, ["validate", "--remote", `${registry.host}/two:v1`]);
  },
});

Deno.test({
  name: "skaffold: an image that is not to be pushed is in the daemon, under that name alone",
  ...needs("root", "dockerd", "docker"),
  fn: async () => {
    await using dir = await twoPrograms();
    await using daemon = await startDockerd();
    const env = { DOCKER_HOST: daemon.host };
    const names = async (): Promise<string[]> =>
      (await daemon.docker("images", "--format", "{{.Repository}}:{{.Tag}}")).stdout.trim()
        .split("\n").sort();
    const said = await built(dir, ["./cmd/one"], {
      ...skaffold("app:dev", false, dir.path),
      ...env,
    });
    assert.equal(said, "app:dev");
    assert.deepEqual(await names(), ["app:dev"]);
    const { stdout } = await daemon.docker("run", "--rm", "--network=none", "app:dev");
    assert.equal(stdout, "one dev\n");
    assert.deepEqual(await dir.list(), ["cmd", "go.mod"]);

    // Of several platforms it gets its own, and no other is built unless it is kept.
    const wanted = "linux/arm64,linux/s390x,linux/amd64";
    const both = { ...skaffold("team/app:v2", false, dir.path, wanted), ...env };
    const events = await built(dir, ["--json", "./cmd/two"], both);
    const { architecture } = JSON.parse(
      (await daemon.docker("version", "--format", '{"architecture":"{{.Server.Arch}}"}')).stdout,
    );
    const compiled = events.split("\n").map((line) => JSON.parse(line))
      .filter(({ stage }) => stage === "compiling").map(({ platform }) => platform);
    assert.deepEqual(compiled, [`linux/${architecture}`]);
    await built(dir, ["--offline", "--oci-layout=kept", "./cmd/two"], both);
    assert.deepEqual(await names(), ["app:dev", "team/app:v2"]);
    assert.deepEqual(await imageNames(dir.join("kept")), ["team/app:v2"]);
    const [entry] = await assertSound(dir.join("kept"));
    assert.equal(entry?.mediaType, "application/vnd.oci.image.index.v1+json");
    const run = await daemon.docker("run", "--rm", "--network=none", "team/app:v2");
    assert.equal(run.stdout, "two dev\n");
  },
});

Deno.test({
  name: "skaffold: the program is the context's own unless one is named",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await twoPrograms();
    await using registry = await startRegistry();
    const env = skaffold(`${registry.host}/one:v1`, true, dir.join("cmd/one"));
    const { code, stdout, stderr } = await kodeno(["skaffold"], { cwd: "/", env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\/one:v1@sha256:/);
    // Settings of the context count, and templates see what Skaffold says.
    await dir.write(
      "cmd/one/.ko.yaml",
      'defaultLdflags: ["-X main.version={{.Env.IMAGE_TAG}}"]\n',
    );
    const other = await kodeno(["skaffold", "--oci-layout=out"], { cwd: dir.path, env });
    assert.equal(other.code, 0, other.stderr);
    assert.notEqual(other.stdout, stdout);
  },
});

Deno.test("skaffold: wrong input is refused in one line, before anything is built", async () => {
  await using dir = await twoPrograms();
  const env = skaffold("127.0.0.1:1/app:v1", true, dir.path);
  const cases: readonly (readonly [args: readonly string[], env: Env, message: RegExp])[] = [
    [["./cmd/one"], {}, /^Cannot build for Skaffold: IMAGE is not set, which Skaffold sets/],
    [["./..."], env, /matches 2 main packages \(example.com\/two\/cmd\/one, .*name one of them$/],
    [["--push"], env, /^Cannot use --push with "kodeno skaffold": Skaffold says where/],
    [["-t", "v2"], env, /^Cannot use --tags with/],
    [["./cmd/one"], { ...env, PUSH_IMAGE: "maybe" }, /it has to be true or false/],
    [
      ["./cmd/one"],
      { ...env, PLATFORMS: "linux/amd63" },
      /Cannot use platform "linux\/amd63"/,
    ],
  ];
  for (const [args, given, message] of cases) {
    await assertFails(dir, ["skaffold", ...args], { code: 2, message }, { env: given });
  }
  const daemon = { ...skaffold("app:v1", false, dir.path), DOCKER_HOST: "unix:///nonexistent/s" };
  const message = /Docker daemon at unix:\/\/\/nonexistent\/s/;
  await assertFails(dir, ["skaffold", "./cmd/one"], { code: 1, message }, { env: daemon });
});
