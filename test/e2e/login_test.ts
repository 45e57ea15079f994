/**
 * `kodeno login` and `logout`: against a registry with a password and one with tokens, and on a real
 * terminal.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import { startTokenRegistry } from "../parts/token_registry.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { until } from "../support/process.ts";
import { commandLine, shown, terminal } from "../support/terminal.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** What is kept for a host, as `USER:PASSWORD`. */
async function kept(dir: TempDir, host: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(dir.join("docker", "config.json")).catch(() => "{}");
  const auth = JSON.parse(text).auths?.[host]?.auth;
  return auth === undefined ? undefined : atob(auth);
}

const own = (dir: TempDir) => ({ DOCKER_CONFIG: dir.join("docker") });

async function login(dir: TempDir, stdin: string, ...args: readonly string[]) {
  const child = spawnKodeno(["login", ...args], { env: own(dir), stdin: "piped" });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test({
  name: "login: keeps what the registry takes, and nothing that it does not",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using basic = await startSecuredRegistry({ password: true });
    await using token = await startTokenRegistry({ users: { [USER]: PASSWORD } });
    for (const { host } of [basic, token]) {
      const stdin = [host, "-u", USER, "--password-stdin"];
      const wrong = await login(dir, "wrong\n", ...stdin);
      assert.equal(wrong.code, 1, wrong.stderr);
      assert.match(wrong.stderr, /^Error: Cannot log in to .* answered 401 .*nothing was kept\n$/);
      assert.equal(await kept(dir, host), undefined);

      const right = await login(dir, `${PASSWORD}\n`, ...stdin);
      assert.deepEqual([right.code, right.stdout], [0, ""], right.stderr);
      assert.match(right.stderr, /^Credentials are kept in \S+config\.json\n$/);
      assert.equal(await kept(dir, host), `${USER}:${PASSWORD}`);

      const worse = await login(dir, "wrong\n", ...stdin);
      assert.equal(worse.code, 1);
      assert.equal(await kept(dir, host), `${USER}:${PASSWORD}`);
    }
    const pull = ["copy", `${basic.host}/none:v1`, "oci:out"];
    const { stderr } = await kodeno(pull, { cwd: dir.path, env: own(dir) });
    assert.match(stderr, /the registry does not have it/);

    const seen = await login(dir, "", basic.host, "-u", USER, "-p", PASSWORD);
    assert.equal(seen.code, 0, seen.stderr);
    assert.match(seen.stderr, /^Warning: other users can see a password.*--password-stdin\n/);

    const out = () => kodeno(["logout", basic.host], { env: own(dir) });
    assert.match((await out()).stderr, /^Credentials are no longer kept in /);
    assert.equal(await kept(dir, basic.host), undefined);
    const again = await out();
    assert.equal(again.code, 0);
    assert.match(
      again.stderr,
      /^Not logged in to 127\.0\.0\.1:\d+: \S+ has no credentials for it\n$/,
    );
  },
});

Deno.test("login: what it cannot ask for, or about, is told in one line", async () => {
  await using dir = await tempDir();
  const cases: readonly (readonly [number, RegExp, ...string[]])[] = [
    [2, /stdin is no terminal to ask on/, "127.0.0.1:1"],
    [2, /stdin is no terminal/, "127.0.0.1:1", "-u", "me"],
    [2, /--password-stdin needs --username/, "127.0.0.1:1", "--password-stdin"],
    [2, /exclude each other/, "127.0.0.1:1", "-u", "a", "-p", "b", "--password-stdin"],
    [2, /must not be empty/, "127.0.0.1:1", "-u", "me", "--password-stdin"],
    [2, /name its host/, "../x", "-u", "a", "--password-stdin", "x"],
    [1, /127\.0\.0\.1:1 did not answer/, "127.0.0.1:1", "-u", "a", "--password-stdin", "x"],
  ];
  for (const [code, message, ...args] of cases) {
    const stdin = args.at(-1) === "x" ? args.pop() ?? "" : "";
    const outcome = await login(dir, stdin, ...args);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stderr.trim().split("\n").length, 1, outcome.stderr);
  }
  const long = await login(dir, "x".repeat(70_000), "127.0.0.1:1", "-u", "me", "--password-stdin");
  assert.equal(long.code, 1, long.stderr);
  assert.match(long.stderr, /^Error: Cannot read the password: it is larger than 65536 bytes\n$/);
  assert.deepEqual(await dir.list(), []);
});

Deno.test({
  name: "login: on a terminal it asks, and shows no password",
  ...needs("docker-registry", "tmux"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startSecuredRegistry({ password: true });
    await using screen = await terminal(dir, own(dir));
    const waitFor = (text: string) =>
      until(text, async () => (await screen.lines()).at(-1)?.startsWith(text) ?? false);
    const begin = async () => {
      await screen.type(`clear; ${commandLine("login", registry.host)}`);
      await waitFor("Username:");
      await screen.type(USER);
      await waitFor("Password:");
    };
    await begin();
    // With a slip of the finger, as a terminal takes it back.
    await screen.tmux("send-keys", "-l", `${PASSWORD}x`);
    await screen.tmux("send-keys", "BSpace");
    await screen.tmux("send-keys", "Enter");
    await waitFor("ended 0 >");
    const lines = (await screen.lines()).join("\n");
    assert.match(lines, /^Credentials are kept in /m);
    assert.doesNotMatch(lines, /sesame/);
    assert.equal(await kept(dir, registry.host), `${USER}:${PASSWORD}`);

    await begin();
    await screen.tmux("send-keys", "-l", "secret");
    await screen.tmux("send-keys", "C-c");
    await waitFor("ended 130 >");
    assert.doesNotMatch((await screen.lines()).join("\n"), /secret/);
    // The terminal shows again what is typed.
    const after = await shown(screen, "echo visible");
    assert.ok(after.includes("visible"), after.join("\n"));
    assert.equal(await kept(dir, registry.host), `${USER}:${PASSWORD}`);
  },
});

Deno.test({
  name: "login: a build that pushes fails for want of one before go is asked to compile",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await dir.write("go.mod", "module example.test/app\n\ngo 1.21\n");
    await dir.write("main.go", "package main\n\nfunc main() { this does not compile }\n");
    await using basic = await startSecuredRegistry({ password: true });
    await using token = await startTokenRegistry({ users: { [USER]: PASSWORD } });
    for (const { host } of [basic, token]) {
      const env = { ...own(dir), KO_DOCKER_REPO: `${host}/team` };
      const build = () => kodeno(["build", "--push", "."], { cwd: dir.path, env });
      const without = await build();
      assert.equal(without.code, 1, without.stderr);
      assert.match(without.stderr, /^Error: .*(401|denied|log in|login)/m);
      assert.doesNotMatch(without.stderr, /main\.go/);
      assert.equal(
        (await login(dir, `${PASSWORD}\n`, host, "-u", USER, "--password-stdin")).code,
        0,
      );
      assert.match((await build()).stderr, /main\.go:3/);
    }
  },
});
