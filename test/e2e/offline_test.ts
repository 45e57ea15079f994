/**
 * `--offline` of every command: nothing is dialled but what the command line names, whatever the
 * environment says of proxies, mirrors and daemons; what is missing is named with the next step.
 * @module
 */
import assert from "node:assert/strict";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { startWatcher, type Watcher } from "../parts/watcher.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertSound } from "../support/layout.ts";
import { until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A host that no name server knows; only a proxy would take its name. */
const ELSEWHERE = "origin.invalid";

/** A module with a layout `out`, whose image is of a registry elsewhere. */
async function userFolder(): Promise<TempDir> {
  const dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DOCKER_REPO: `${ELSEWHERE}/team` };
  const { code, stderr } = await kodeno(["build", "-B", "--oci-layout", "out"], {
    cwd: dir.path,
    env,
  });
  assert.equal(code, 0, stderr);
  return dir;
}

/** An environment in which everything leads to the watcher. */
function leadingTo(watcher: Watcher, dir: TempDir): Record<string, string> {
  const url = `http://${watcher.host}`;
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"];
  return {
    ...Object.fromEntries(proxies.map((name) => [name, url])),
    // The runtime that runs the sources asks for its own updates; the binary does not.
    DENO_NO_UPDATE_CHECK: "1",
    NO_PROXY: "",
    no_proxy: "",
    KODENO_MIRRORS: `${ELSEWHERE}=${watcher.host},docker.io=${watcher.host}`,
    DOCKER_HOST: `tcp://${watcher.host}`,
    DOCKER_CONFIG: dir.join("docker"),
    GOPROXY: `${url}/go`,
    GONOSUMDB: "*",
    GOFLAGS: "-mod=mod",
    GOMODCACHE: dir.join("modules"),
    KODENO_CACHE: dir.join("cache"),
  };
}

Deno.test("offline: commands that name no place on a wire dial nothing", async () => {
  await using dir = await userFolder();
  await using watcher = await startWatcher();
  const env = { ...leadingTo(watcher, dir), KODENO_KEY_PASSWORD: PASSWORD };
  const name = `${ELSEWHERE}/team/app`;
  const commands: readonly (readonly string[])[] = [
    ["build", "--oci-layout", "built"],
    ["build", "--tarball", "built.tar", "--base-image", "scratch"],
    ["copy", "oci:out", "archive:out.tar"],
    ["copy", "archive:out.tar", "oci:again", "--referrers"],
    ["ls", "out"],
    ["inspect", "out.tar"],
    ["key", "new"],
    ["sign", "out", "--key", "kodeno.key"],
    ["verify", "out", "--key", "kodeno.pub"],
    ["merge", "trusted", "out", "--verify-key", "kodeno.pub"],
    ["copy", "oci:trusted", "archive:trusted.tar", "--verify-key", "kodeno.pub"],
    ["verify", "trusted.tar", "--key", "kodeno.pub"],
    ["diff", "out", "out.tar"],
    ["tag", "out", name, `${name}:v2`],
    ["merge", "all", "out", "out.tar"],
    ["rm", "out", `${name}:v2`],
    ["gc", "out"],
    ["cache", "info"],
    ["cache", "clean"],
    ["logout", ELSEWHERE],
    ["version"],
  ];
  for (const args of commands) {
    const { code, stderr } = await kodeno([...args, "--offline"], { cwd: dir.path, env });
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    assert.equal(watcher.dialled(), 0, args.join(" "));
  }
});

Deno.test("offline: what would have to be fetched is refused, with what to do, and not dialled", async () => {
  await using dir = await userFolder();
  await using watcher = await startWatcher();
  const env = leadingTo(watcher, dir);
  const needy = await dir.write(
    "needy/main.go",
    'package main\n\nimport _ "example.com/other"\n\nfunc main() {}\n',
  );
  assert.ok(needy);
  const far = "tcp://192.0.2.1:2375";
  const cases: readonly {
    readonly args: readonly string[];
    readonly code: number;
    readonly message: RegExp;
    readonly env?: Readonly<Record<string, string>>;
    /** Whether the same is dialled without `--offline`. */
    readonly dials?: true;
  }[] = [
    {
      args: ["build", "--base-image", `${ELSEWHERE}/base:v1`],
      code: 1,
      message: /Cannot use base image .* offline: .*"kodeno pull origin\.invalid\/base:v1 --oci-/,
      dials: true,
    },
    {
      args: ["build", "./needy"],
      code: 1,
      message: /offline: go lacks modules; run "go mod download"/,
      dials: true,
    },
    {
      args: ["push", "out"],
      code: 2,
      message: /only the image's name says so; say it with --to/,
      dials: true,
    },
    { args: ["pull", `${ELSEWHERE}/x:v1`], code: 1, message: /there is no such host/, dials: true },
    {
      args: ["load", "out"],
      code: 2,
      message: /192\.0\.2\.1:2375 offline: .*"kodeno copy oci:DIR archive:FILE"/,
      env: { DOCKER_HOST: far },
    },
    {
      args: ["copy", "daemon:app", "oci:x"],
      code: 2,
      message: /192\.0\.2\.1:2375 offline/,
      env: { DOCKER_HOST: far },
    },
    {
      args: ["build", "-L"],
      code: 2,
      message: /192\.0\.2\.1:2375 offline/,
      env: { DOCKER_HOST: far },
    },
    {
      args: ["build", "--base-image", "daemon:x"],
      code: 2,
      message: /192\.0\.2\.1:2375 offline/,
      env: { DOCKER_HOST: far },
    },
  ];
  for (const { args, code, message, dials, ...more } of cases) {
    const options = { cwd: dir.path, env: { ...env, ...more.env } };
    const outcome = await kodeno([...args, "--offline"], options);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
    assert.equal(watcher.dialled(), 0, args.join(" "));
    if (!dials) continue;
    assert.notEqual((await kodeno(args, options)).code, 0);
    assert.ok(watcher.dialled() > 0, `${args.join(" ")} dials, were it not for --offline`);
  }
});

Deno.test({
  name: "offline: a registry that is named is dialled, and nobody else",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await userFolder();
    await using watcher = await startWatcher();
    await using registry = await startRegistry();
    await using secured = await startSecuredRegistry({ password: true });
    const env = leadingTo(watcher, dir);
    const { host } = registry;
    const mirrored = `${ELSEWHERE}/team/app:latest`;
    const commands: readonly (readonly string[])[] = [
      ["push", "out", "--to", `${host}/x`],
      ["push", "out", "--to", `${host}/x`, "--dry-run"],
      ["copy", "oci:out", `${host}/team/app`],
      ["pull", `${host}/team/app`, "--oci-layout", "pulled"],
      // A mirror of the command line is named there; one of the environment is not.
      ["pull", mirrored, "--oci-layout", "mirrored", "--mirror", `${ELSEWHERE}=${host}`],
      ["copy", `${host}/x/team/app`, `${host}/y/app:v1`, "--referrers"],
      ["login", secured.host, "-u", USER, "-p", PASSWORD],
    ];
    for (const args of commands) {
      const { code, stderr } = await kodeno([...args, "--offline"], { cwd: dir.path, env });
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
      assert.equal(watcher.dialled(), 0, args.join(" "));
    }
    await assertSound(dir.join("mirrored"));
    const push = ["build", "-B", "--push", "--offline"];
    const own = { ...env, KO_DOCKER_REPO: `${host}/built`, GOFLAGS: "" };
    const { code, stderr } = await kodeno(push, { cwd: dir.path, env: own });
    assert.equal(code, 0, stderr);
    assert.equal(watcher.dialled(), 0);
  },
});

Deno.test({
  name: "offline: a daemon on this machine is no network",
  ...needs("root", "dockerd", "docker"),
  fn: async () => {
    await using dir = await userFolder();
    await using watcher = await startWatcher();
    await using dockerd = await startDockerd();
    const env = { ...leadingTo(watcher, dir), DOCKER_HOST: dockerd.host };
    for (
      const args of [
        ["load", "out"],
        ["copy", `daemon:${ELSEWHERE}/team/app`, "oci:back"],
        ["copy", "oci:out", "daemon:copied:v1"],
        ["build", "-L"],
      ]
    ) {
      const { code, stderr } = await kodeno([...args, "--offline"], { cwd: dir.path, env });
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
      assert.equal(watcher.dialled(), 0, args.join(" "));
    }
  },
});

Deno.test("offline: serve only listens", async () => {
  await using dir = await userFolder();
  await using watcher = await startWatcher();
  const env = leadingTo(watcher, dir);
  const server = spawnKodeno(["serve", "out", "--offline", "--listen", "127.0.0.1:0"], {
    cwd: dir.path,
    env,
  });
  const reader = server.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  let host = "";
  await until("the server to listen", async () => {
    log += (await reader.read()).value ?? "";
    host = /127\.0\.0\.1:\d+/.exec(log)?.[0] ?? "";
    return host !== "";
  });
  try {
    const pull = ["pull", `${host}/team/app`, "--oci-layout", "served", "--offline"];
    const { code, stderr } = await kodeno(pull, { cwd: dir.path, env });
    assert.equal(code, 0, stderr);
    await assertSound(dir.join("served"));
    assert.equal(watcher.dialled(), 0);
  } finally {
    server.kill("SIGTERM");
    await reader.cancel();
    await server.stdout.cancel();
    assert.equal((await server.status).code, 0);
  }
});
