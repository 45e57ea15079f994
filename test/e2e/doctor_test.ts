/**
 * `kodeno doctor` where real parts are missing or broken: it says what, and how to mend it.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { refusal, startOddRegistry } from "../interop/odd_registry.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { startTokenRegistry } from "../parts/token_registry.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { assertFails } from "../support/failure.ts";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tmpfs } from "../support/mounts.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "wrong";
  readonly found: string;
  readonly mend?: string;
}

interface Told {
  readonly code: number;
  readonly all: readonly Finding[];
  readonly text: string;
  /** The findings of one check. */
  of(check: string): readonly Finding[];
}

/** No credentials, no daemon and no proxies but those of a test. */
function quiet(dir: TempDir): Record<string, string> {
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
  const none = Object.fromEntries(
    proxies.flatMap((name) => [[name, ""], [name.toLowerCase(), ""]]),
  );
  return {
    ...none,
    DOCKER_CONFIG: dir.join("docker"),
    DOCKER_HOST: `unix://${dir.join("no.sock")}`,
    REGISTRY_AUTH_FILE: "",
    XDG_RUNTIME_DIR: dir.join("run"),
    XDG_CONFIG_HOME: dir.join("config"),
    GOFLAGS: "",
  };
}

async function doctor(
  dir: TempDir,
  env: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): Promise<Told> {
  const options = { cwd: dir.path, env: { ...quiet(dir), ...env } };
  const { code, stdout, stderr } = await kodeno(["doctor", "--json", ...args], options);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const all: readonly Finding[] = lines.filter(({ type }) => type === "finding");
  const wrong = all.filter(({ status }) => status === "wrong").length;
  assert.equal(code, wrong > 0 ? 1 : 0, stdout + stderr);
  return {
    code,
    all,
    text: stdout + stderr,
    of: (check) => all.filter((one) => one.check === check),
  };
}

Deno.test("doctor: base images that the configuration names", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await layoutWith(dir, "bases", { "base:v1": imageGraph() });
  await dir.write(
    ".ko.yaml",
    "defaultBaseImage: 127.0.0.1:9/base:v1\nbaseImageOverrides:\n  a/b: oci:bases\n" +
      "  a/c: oci:bases:none\n  a/d: static\nbuilds:\n- {id: x, main: ./x}\n",
  );
  const found = (await doctor(dir)).of("base image");
  assert.deepEqual(found.map(({ status }) => status), ["wrong", "ok", "wrong", "ok"]);
  const [away, there, none, own] = found;
  const away9 =
    /^Cannot use base image 127\.0\.0\.1:9\/base:v1 \(\.ko\.yaml:1\): .* did not answer: /;
  assert.match(away?.found ?? "", away9);
  assert.match(
    away?.mend ?? "",
    /^name a mirror \(--mirror 127\.0\.0\.1:9=MIRROR\), bring it with /,
  );
  assert.match(there?.found ?? "", /^oci:bases \(\.ko\.yaml:3\): sha256:[0-9a-f]{64}$/);
  assert.match(
    none?.found ?? "",
    /^Cannot use base image oci:bases:none \(\.ko\.yaml:4\): .*"none"/,
  );
  assert.equal(own?.found, "static (.ko.yaml:5), which is built in");
  const offline = (await doctor(dir, {}, "--offline")).of("base image");
  assert.match(offline[0]?.found ?? "", /, which was not asked for \(--offline\)$/);
});

Deno.test("doctor: where all is well nothing is wrong, and nothing is changed", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const before = await filesBelow(dir.path);
  const options = { cwd: dir.path, env: { ...quiet(dir), KODENO_CACHE: dir.join("cache") } };
  const { code, stdout } = await kodeno(["doctor"], options);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ok {7}go: go1\.\d+\S* in \/\S+$/m);
  assert.match(stdout, /^ok {7}module: \S+\/go\.mod$/m);
  assert.match(stdout, /^ok {7}git: \d/m);
  assert.match(stdout, /^ok {7}cache: \S+\/cache, not there yet$/m);
  assert.match(stdout, /^ok {7}registry: KO_DOCKER_REPO is not set/m);
  assert.match(stdout, /^warning {2}daemon: .*there is no such socket\n {9}-> start it/m);
  // Go counts its own runs, where it is told that a user's settings are.
  const after = (await filesBelow(dir.path)).filter((name) => !name.includes("go/telemetry/"));
  assert.deepEqual(after, before);
});

Deno.test("doctor: Go that is missing, too old, or told to run another program", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const none = await doctor(dir, { KO_GO_PATH: dir.join("no-go") });
  assert.match(none.of("go")[0]?.found ?? "", /no-go.*there is no such command/);
  assert.match(none.of("go")[0]?.mend ?? "", /install Go/);
  const toolexec = await doctor(dir, { GOFLAGS: "-toolexec=/bin/true" });
  assert.ok(
    toolexec.of("go").some(({ status, found }) => status === "wrong" && /-toolexec/.test(found)),
  );
  await dir.write("go.mod", "module example.com/app\n\ngo 1.999\n");
  const old = await doctor(dir, { GOTOOLCHAIN: "local" });
  assert.equal(old.of("module")[0]?.status, "wrong");
  assert.match(old.of("module")[0]?.found ?? "", /wants Go 1\.999, and there is go1\./);
  const fetched = await doctor(dir, { GOTOOLCHAIN: "auto" });
  assert.equal(fetched.of("module")[0]?.status, "warning");
  const offline = await doctor(dir, { GOTOOLCHAIN: "auto" }, "--offline");
  assert.equal(offline.of("module")[0]?.status, "wrong");
  await Deno.remove(dir.join("go.mod"));
  assert.match((await doctor(dir)).of("module")[0]?.found ?? "", /no go\.mod/);
});

Deno.test("doctor: a cache below a file is told of with its path and the next step", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const [cache] = (await doctor(dir, { KODENO_CACHE: dir.join("go.mod/x") })).of("cache");
  assert.equal(cache?.status, "wrong");
  assert.match(cache?.found ?? "", /\/go\.mod\/x cannot be used: .*a part of the path is a file/);
  assert.match(cache?.mend ?? "", /set KODENO_CACHE to another folder/);
});

Deno.test("doctor: a PATH without git and kubectl is a warning with what to install", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const go = rootTool("go") ?? "go";
  const { of } = await doctor(dir, { PATH: dir.join("bin"), KO_GO_PATH: go });
  const [git] = of("git");
  assert.equal(git?.status, "warning");
  assert.match(`${git?.found}; ${git?.mend}`, /there is no such command on PATH; install git/);
  const [kubectl] = of("kubectl");
  assert.equal(kubectl?.status, "warning");
  assert.match(kubectl?.mend ?? "", /install it, or use "kodeno resolve"/);
});

Deno.test("doctor: a broken config.json is wrong, and what is in it is not shown", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const path = await dir.write(
    "docker/config.json",
    '{"auths": {"reg.local": {"auth": "c2VjcmV0" ',
  );
  const broken = await doctor(dir);
  assert.match(
    broken.of("credentials")[0]?.found ?? "",
    /config\.json cannot be read: it is not JSON/,
  );
  assert.equal(broken.code, 1);
  assert.doesNotMatch(broken.text, /c2VjcmV0/);
  const inActions = await doctor(dir, { GITHUB_TOKEN: "c2VjcmV0" });
  assert.match(inActions.of("credentials")[1]?.found ?? "", /^GITHUB_TOKEN, for ghcr\.io/);
  assert.doesNotMatch(inActions.text, /c2VjcmV0/);

  const auths = { "reg.local": { auth: btoa("me:hidden-word") } };
  await Deno.writeTextFile(path, JSON.stringify({ auths, credsStore: "not-there" }));
  await Deno.chmod(path, 0o644);
  const kept = await doctor(dir);
  assert.match(kept.of("credentials")[0]?.found ?? "", /for reg\.local; helpers not-there$/);
  assert.ok(kept.of("credentials").some(({ mend }) => mend === `run "chmod 600 ${path}"`));
  assert.ok(
    kept.of("credentials").some(({ status, found }) =>
      status === "warning" && /no docker-credential-not-there on PATH/.test(found)
    ),
  );
  assert.doesNotMatch(kept.text, /hidden-word|bWU6/);
  // The registry that images go to cannot do without.
  const needed = await doctor(dir, { KO_DOCKER_REPO: "reg.local/x" }, "--offline");
  assert.ok(
    needed.of("credentials").some(({ status, found }) =>
      status === "wrong" && /docker-credential-not-there/.test(found)
    ),
  );
});

Deno.test("doctor: helpers that answer, that break and that hang", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const helper = async (name: string, script: string) =>
    await Deno.chmod(
      await dir.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`),
      0o755,
    );
  await helper("good", `echo '{"Username":"me","Secret":"hidden-word"}'`);
  await helper("bad", "echo hidden-word; exit 3");
  await helper("slow", "exec sleep 60");
  const credHelpers = { "a.local": "good", "b.local": "bad", "c.local": "slow" };
  await dir.write("docker/config.json", JSON.stringify({ credHelpers }));
  const env = { PATH: `${dir.join("bin")}:${Deno.env.get("PATH")}` };
  const { of, text } = await doctor(dir, env);
  const found = of("credentials").map((one) => `${one.status}: ${one.found}`).join("\n");
  assert.match(found, /^ok: docker-credential-good answers, with a credential for a\.local$/m);
  assert.match(found, /^warning: .*docker-credential-bad about b\.local: it failed$/m);
  assert.match(found, /^warning: .*docker-credential-slow about c\.local: it did not answer/m);
  assert.doesNotMatch(text, /hidden-word/);
  const offline = await doctor(dir, env, "--offline");
  assert.equal(offline.of("credentials").filter(({ found }) => /not asked/.test(found)).length, 3);
});

Deno.test({
  name:
    "doctor: a registry that wants a password, without one, with a wrong one and with the right",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using registry = await startSecuredRegistry({ password: true });
    const env = { KO_DOCKER_REPO: `${registry.host}/team` };
    const login = async (password: string): Promise<void> => {
      const auths = { [registry.host]: { auth: btoa(`${USER}:${password}`) } };
      await Deno.chmod(await dir.write("docker/config.json", JSON.stringify({ auths })), 0o600);
    };
    const wrong = [
      [() => {}, /: not logged in \(401\)$/],
      [() => login("wrong"), /registry answered 401 \(UNAUTHORIZED: authentication required\)/],
    ] as const;
    for (const [prepare, why] of wrong) {
      await prepare();
      const [refused] = (await doctor(dir, env)).of("registry");
      assert.equal(refused?.status, "wrong");
      assert.match(refused?.found ?? "", why);
      assert.equal(refused?.mend, `run "kodeno login ${registry.host}"`);
    }
    await login(PASSWORD);
    const right = await doctor(dir, env);
    assert.equal(right.of("registry")[0]?.status, "ok", right.text);
    assert.match(right.of("registry")[0]?.found ?? "", /lets in with your credential/);
    assert.doesNotMatch(right.text, new RegExp(`${PASSWORD}|${btoa(`${USER}:${PASSWORD}`)}`));
  },
});

Deno.test("doctor: what a registry says may have semicolons of its own", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  for (const words of ["closed (till noon; or later); ask ops", "closed (till noon; ask ops"]) {
    await using odd = await startOddRegistry([{ answer: refusal(403, "DENIED", words) }]);
    const env = { KO_DOCKER_REPO: `${odd.host}/team` };
    const [refused] = (await doctor(dir, env)).of("registry");
    assert.ok(refused?.found.includes(`403 (DENIED: ${words})`), refused?.found);
    const login = `run "kodeno login ${odd.host}"`;
    assert.ok(refused?.mend === login || refused?.found.endsWith(`; ${login}`), refused?.mend);
  }
});

Deno.test("doctor: who may not push is not sent to log in again", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const grants = { access: [{ name: "team/x", actions: ["pull"] }] };
  const token = ["e30", btoa(JSON.stringify(grants)), "signed"].join(".");
  await using odd = await startOddRegistry([
    { url: "/token", answer: { status: 200, body: { token } } },
    {
      answer: ({ headers: { host, authorization } }, usual) =>
        authorization !== undefined ? usual() : {
          status: 401,
          headers: { "www-authenticate": `Bearer realm="http://${host}/token"` },
        },
    },
  ]);
  const env = { KO_DOCKER_REPO: `${odd.host}/team` };
  const [unknown] = (await doctor(dir, env)).of("registry");
  assert.match(unknown?.found ?? "", /lets in without a credential, but not to push/);
  assert.match(unknown?.mend ?? "", /kodeno login/);
  const auths = { [odd.host]: { auth: btoa(`${USER}:${PASSWORD}`) } };
  await dir.write("docker/config.json", JSON.stringify({ auths }));
  const [known] = (await doctor(dir, env)).of("registry");
  assert.match(known?.found ?? "", /lets in with your credential, but not to push/);
  assert.match(known?.mend ?? "", /^have its owner let you push/);
});

Deno.test({
  name: "doctor: a token for pushing is asked for, and nothing is pushed",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using registry = await startTokenRegistry({ secret: ["team/x"] });
    const denied = await doctor(dir, { KO_DOCKER_REPO: `${registry.host}/team` });
    assert.equal(denied.of("registry")[0]?.status, "wrong", denied.text);
    const open = await doctor(dir, { KO_DOCKER_REPO: `${registry.host}/mine` });
    assert.equal(open.of("registry")[0]?.status, "warning", open.text);
    assert.match(open.of("registry")[0]?.found ?? "", /without a credential/);
    assert.ok(registry.given.some((scopes) => scopes.includes("repository:mine/x:pull,push")));
    assert.ok(registry.proxy.seen.every(({ method }) => method === "GET"));
  },
});

Deno.test({
  name: "doctor: an open registry, one that nobody answers for, and --offline, which dials neither",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using registry = await startRegistry();
    const env = { KO_DOCKER_REPO: `${registry.host}/team` };
    assert.match((await doctor(dir, env)).of("registry")[0]?.found ?? "", /lets everybody in/);
    await registry.stop();
    const [gone] = (await doctor(dir, env)).of("registry");
    assert.equal(gone?.status, "wrong");
    assert.match(gone?.found ?? "", /did not answer/);
    const [asleep] = (await doctor(dir, env, "--offline")).of("registry");
    assert.equal(asleep?.status, "ok");
    assert.match(asleep?.found ?? "", /not asked \(--offline\)/);
  },
});

Deno.test({
  name: "doctor: a read-only and a full cache",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using disk = await tmpfs(dir.join("disk"), 1 << 20);
    const env = { KODENO_CACHE: join(disk.path, "cache") };
    const full = await doctor(dir, env);
    assert.ok(
      full.of("cache").some(({ status, found, mend }) =>
        status === "wrong" && /^1 MB are free/.test(found) && /cache clean/.test(mend ?? "")
      ),
      full.text,
    );
    await disk.makeReadOnly();
    const [locked] = (await doctor(dir, env)).of("cache");
    assert.equal(locked?.status, "wrong");
    assert.match(locked?.found ?? "", /cannot be used: .*read-only/);
    assert.match(locked?.mend ?? "", /KODENO_CACHE/);
  },
});

Deno.test("doctor: proxies that differ, that are no URL, and that take loopback away", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = {
    HTTPS_PROXY: "http://me:hidden-word@proxy.example:3128",
    https_proxy: "http://b:1",
  };
  const two = await doctor(dir, env, "--offline");
  const found = two.of("proxies").map((one) => `${one.status}: ${one.found}`).join("\n");
  assert.match(found, /^ok: HTTPS_PROXY is http:\/\/proxy\.example:3128$/m);
  assert.match(found, /^warning: HTTPS_PROXY and https_proxy differ/m);
  assert.match(found, /^warning: NO_PROXY lacks localhost and 127\.0\.0\.1/m);
  assert.doesNotMatch(two.text, /hidden-word/);
  const bad = await doctor(dir, { HTTPS_PROXY: "socks4://x:1", NO_PROXY: "localhost,127.0.0.1" });
  assert.deepEqual(bad.of("proxies").map(({ status }) => status), ["wrong"]);
  assert.match(bad.of("proxies")[0]?.found ?? "", /has to be an http:\/\/ or socks5:\/\/ URL/);
});

Deno.test("doctor: what Skaffold reads beside a skaffold.yaml", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("skaffold.yaml", "apiVersion: skaffold/v4beta13\nkind: Config\n");
  await dir.write("skaffold.env", "A=1\nno line\n");
  const SKAFFOLD_CONFIG = await dir.write("global.yaml", "global:\n  default-repo: [a]\n");
  const check = "Skaffold's settings";
  const { of } = await doctor(dir, { SKAFFOLD_CONFIG });
  const [env, global, ...others] = of(check);
  assert.deepEqual([env?.status, global?.status, others], ["warning", "wrong", []]);
  assert.match(env?.found ?? "", /^skaffold\.env:2:1: /);
  assert.match(global?.found ?? "", /global\.yaml:2:17: global\.default-repo: found a list/);
});

Deno.test("doctor: all faults of .ko.yaml and skaffold.yaml, with their places", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write(".ko.yaml", "builds:\n  - id: [x]\n  - main: [1]\n");
  await dir.write("skaffold.yaml", "apiVersion: skaffold/v4beta13\nkind: Confg\n");
  const { of } = await doctor(dir);
  assert.deepEqual(of(".ko.yaml").map(({ status }) => status), ["wrong", "wrong"]);
  assert.match(of(".ko.yaml")[0]?.found ?? "", /^\.ko\.yaml:2:9: builds\[0\]\.id: found a list/);
  assert.match(of("skaffold.yaml")[0]?.found ?? "", /^skaffold\.yaml:2:7: .*"Confg"/);
});

Deno.test({
  name: "doctor: the daemon, and kind.local without a cluster",
  ...needs("dockerd", "root"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    const lost = await doctor(dir, { KO_DOCKER_REPO: "ko.local" });
    assert.equal(lost.of("daemon")[0]?.status, "wrong");
    await using dockerd = await startDockerd();
    const env = { DOCKER_HOST: dockerd.host, KO_DOCKER_REPO: "kind.local" };
    const { of } = await doctor(dir, env);
    assert.match(of("daemon")[0]?.found ?? "", /^Docker \d/);
    assert.equal(of("kind")[0]?.status, "wrong");
    assert.match(of("kind")[0]?.mend ?? "", /kind create cluster/);
    assert.match((await doctor(dir, env, "--offline")).of("daemon")[0]?.found ?? "", /not asked/);
  },
});

Deno.test("doctor: wrong usage", async () => {
  await using dir = await tempDir();
  await assertFails(dir, ["doctor", "none"], { code: 2, message: /none: there is no such folder/ });
  const both = ["doctor", "--online", "--offline"];
  await assertFails(dir, both, { code: 2, message: /--online together with --offline/ });
});
