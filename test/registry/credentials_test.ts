/**
 * Where credentials are found and kept: the files of Docker and podman, and helper programs.
 * @module
 */
import assert from "node:assert/strict";
import { dockerCredentials } from "../../src/place/registry/credentials.ts";
import { forgetLogin, keepLogin } from "../../src/place/registry/login.ts";
import { failsWith, soon } from "../support/fails.ts";
import { isRunning } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const auth = (user: string, password: string) => ({ auth: btoa(`${user}:${password}`) });
const user = (username: string, password: string) => ({ kind: "password", username, password });

async function finder(home: TempDir, more: Record<string, string> = {}) {
  const warnings: string[] = [];
  const env = { HOME: home.path, PATH: `${home.path}/bin:/usr/bin:/bin`, ...more };
  const find = dockerCredentials(env, (text) => warnings.push(text));
  return await Promise.resolve({ find, warnings, env });
}

/** A helper that is a shell script. */
async function helper(home: TempDir, name: string, script: string): Promise<void> {
  const path = await home.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  await Deno.chmod(path, 0o755);
}

Deno.test("credentials: the files of Docker and podman, in order", async () => {
  await using home = await tempDir();
  await home.write(
    ".docker/config.json",
    JSON.stringify({
      auths: {
        "https://index.docker.io/v1/": auth("hub", "a:b"),
        "https://old.local/v2/": auth("old", "p"),
        "plain.local:5000": { username: "plain", password: "q" },
        "token.local": { identitytoken: "id", auth: btoa("<token>:") },
        "bearer.local": { registrytoken: "raw" },
        "empty.local": {},
        "broken.local": { auth: "***" },
      },
    }),
  );
  await home.write(
    ".config/containers/auth.json",
    JSON.stringify({
      auths: {
        "plain.local:5000": auth("podman", "q"),
        "parts.local": auth("all", "1"),
        "parts.local/team": auth("team", "2"),
        "parts.local/team/app": auth("app", "3"),
        "empty.local": auth("podman", "4"),
      },
    }),
  );
  const { find, warnings } = await finder(home);
  for (const hub of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
    assert.deepEqual(await find(hub, "library/alpine"), user("hub", "a:b"));
  }
  assert.deepEqual(await find("old.local", "x"), user("old", "p"));
  assert.deepEqual(await find("plain.local:5000", "x"), user("plain", "q"));
  assert.deepEqual(await find("token.local", "x"), { kind: "identity", token: "id" });
  assert.deepEqual(await find("bearer.local", "x"), { kind: "bearer", token: "raw" });
  assert.deepEqual(await find("empty.local", "x"), user("podman", "4"));
  assert.equal(await find("broken.local", "x"), undefined);
  assert.equal(await find("plain.local", "x"), undefined);
  assert.deepEqual(await find("parts.local", "other"), user("all", "1"));
  assert.deepEqual(await find("parts.local", "team"), user("team", "2"));
  assert.deepEqual(await find("parts.local", "team/app/web"), user("app", "3"));
  assert.deepEqual(await find("parts.local", "team/application"), user("team", "2"));
  assert.deepEqual(warnings, []);

  const file = await home.write(
    "mine.json",
    JSON.stringify({ auths: { "old.local": auth("m", "n") } }),
  );
  const named = await finder(home, { REGISTRY_AUTH_FILE: file });
  assert.deepEqual(await named.find("old.local", "x"), user("m", "n"));
  await home.write("d/config.json", JSON.stringify({ auths: { "old.local": auth("d", "n") } }));
  const docker = await finder(home, { DOCKER_CONFIG: home.join("d") });
  assert.deepEqual(await docker.find("old.local", "x"), user("d", "n"));
});

Deno.test("credentials: a file that nobody can read is a warning without its content", async () => {
  await using home = await tempDir();
  await home.write(".docker/config.json", '{"auths": {"a.local": {"password": "hunter2", ');
  await home.write(
    ".config/containers/auth.json",
    JSON.stringify({ auths: { "a.local": auth("u", "p") } }),
  );
  const { find, warnings } = await finder(home);
  assert.deepEqual(await find("a.local", "x"), user("u", "p"));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /config\.json: it is not JSON$/);
});

Deno.test("credentials: helpers that answer, lack one, fail, lie and are missing", async () => {
  await using home = await tempDir();
  await helper(
    home,
    "good",
    'read server; echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"of $server\\",\\"Secret\\":\\"s\\"}"',
  );
  await helper(home, "id", 'echo \'{"Username":"<token>","Secret":"identity"}\'');
  await helper(home, "none", "echo credentials not found in native keychain; exit 1");
  await helper(home, "bad", "exit 3");
  await helper(home, "liar", "echo 'Secret: hunter2'");
  await home.write(
    ".docker/config.json",
    JSON.stringify({
      credsStore: "good",
      credHelpers: {
        "id.local": "id",
        "none.local": "none",
        "bad.local": "bad",
        "liar.local": "liar",
        "missing.local": "missing",
        "path.local": "../../bin/evil",
      },
      auths: Object.fromEntries(
        ["none", "bad", "liar", "missing", "path"].map((n) => [`${n}.local`, auth("file", n)]),
      ),
    }),
  );
  const { find, warnings } = await finder(home);
  assert.deepEqual(await find("any.local:5000", "x"), user("of any.local:5000", "s"));
  assert.deepEqual(await find("docker.io", "x"), user("of https://index.docker.io/v1/", "s"));
  assert.deepEqual(await find("id.local", "x"), { kind: "identity", token: "identity" });
  assert.deepEqual(await find("none.local", "x"), user("file", "none"));
  assert.deepEqual(warnings, []);
  for (const name of ["bad", "liar", "missing", "path"]) {
    assert.deepEqual(await find(`${name}.local`, "x"), user("file", name));
  }
  assert.equal(warnings.length, 4);
  assert.match(
    warnings[2] ?? "",
    /docker-credential-missing about missing.local: there is no such/,
  );
  assert.equal(warnings.join().includes("hunter2"), false);
});

Deno.test("credentials: a helper that hangs is left behind", async () => {
  await using home = await tempDir();
  await helper(home, "hangs", "exec sleep 60");
  await home.write(
    ".docker/config.json",
    JSON.stringify({ credsStore: "hangs", auths: { "a.local": auth("u", "p") } }),
  );
  const warnings: string[] = [];
  const env = { HOME: home.path, PATH: `${home.path}/bin:/usr/bin:/bin` };
  const find = dockerCredentials(env, (text) => warnings.push(text), 500);
  assert.deepEqual(await soon(find("a.local", "x")), user("u", "p"));
  assert.match(warnings.join(), /it did not answer within 0.5 s/);
});

Deno.test("credentials: a helper that prints without end is ended, and what it holds open is let go", async () => {
  await using home = await tempDir();
  await helper(home, "endless", `echo $$ >${home.path}/pid; exec yes`);
  await helper(home, "noisy", "yes >&2");
  await helper(home, "leaves", "sleep 60 & exit 0");
  const hosts = ["endless", "noisy", "leaves"];
  const credHelpers = Object.fromEntries(hosts.map((name) => [`${name}.local`, name]));
  await home.write(".docker/config.json", JSON.stringify({ credHelpers }));
  const warnings: string[] = [];
  const env = { HOME: home.path, PATH: `${home.path}/bin:/usr/bin:/bin` };
  const find = dockerCredentials(env, (text) => warnings.push(text), 3000);
  for (const name of hosts) assert.equal(await soon(find(`${name}.local`, "x"), 60_000), undefined);
  assert.match(warnings[0] ?? "", /endless.*: its answer is longer than 1048576 bytes$/);
  assert.match(warnings[1] ?? "", /noisy.*: its answer is longer than 1048576 bytes$/);
  assert.match(warnings[2] ?? "", /leaves.*: it did not answer within 3 s$/);
  assert.equal(await isRunning(Number(await Deno.readTextFile(home.join("pid")))), false);
});

Deno.test("login keeps what others wrote, for the owner's eyes only; logout forgets", async () => {
  await using home = await tempDir();
  const file = home.join(".docker", "config.json");
  const { env } = await finder(home);
  assert.equal(await keepLogin("new.local:5000", "u", "p:w", env), file);
  assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      psFormat: "x",
      auths: { "other.local": auth("o", "o"), "https://index.docker.io/v1/": auth("old", "x") },
    }),
  );
  await keepLogin("docker.io", "hub", "new", env);
  await Promise.all(
    ["a.local", "b.local", "c.local"].map((host) => keepLogin(host, "u", "p", env)),
  );
  const { find } = await finder(home);
  assert.deepEqual(await find("docker.io", "x"), user("hub", "new"));
  assert.deepEqual(await find("b.local", "x"), user("u", "p"));
  const value = JSON.parse(await Deno.readTextFile(file));
  assert.equal(value.psFormat, "x");
  assert.equal(Object.keys(value.auths).length, 5);
  const before = await Deno.readTextFile(file);
  assert.deepEqual(await forgetLogin("never.local", env), { where: file, wasKept: false });
  assert.equal(await Deno.readTextFile(file), before);
  assert.deepEqual(await forgetLogin("index.docker.io", env), { where: file, wasKept: true });
  const again = await finder(home);
  assert.equal(await again.find("docker.io", "x"), undefined);
  assert.deepEqual(await again.find("other.local", "x"), user("o", "o"));
  assert.deepEqual(await home.list(".docker"), ["config.json"]);
  await failsWith("BAD_OPTION", () => keepLogin("../x", "u", "p", env));
  await failsWith("BAD_OPTION", () => keepLogin("a.local", "", "p", env));
  await failsWith("BAD_OPTION", () => keepLogin("a.local", "u", "p", {}), /HOME/);
});

Deno.test("login gives the password to a helper, where there is one", async () => {
  await using home = await tempDir();
  await helper(home, "keeps", `cat > ${home.path}/said-$1`);
  await home.write(".docker/config.json", JSON.stringify({ credsStore: "keeps" }));
  const { env } = await finder(home);
  assert.equal(await keepLogin("a.local", "u", "hunter2", env), "keeps");
  assert.deepEqual(JSON.parse(await Deno.readTextFile(home.join("said-store"))), {
    ServerURL: "a.local",
    Username: "u",
    Secret: "hunter2",
  });
  const text = await Deno.readTextFile(home.join(".docker", "config.json"));
  assert.equal(text.includes("hunter2"), false);
  assert.deepEqual(JSON.parse(text), { credsStore: "keeps", auths: { "a.local": {} } });
  await forgetLogin("a.local", env);
  assert.equal(await Deno.readTextFile(home.join("said-erase")), "a.local");
});

Deno.test("credentials: a config.json that is a link stays one, and what is no file stays, too", async () => {
  await using home = await tempDir();
  const env = { HOME: home.path };
  await Deno.mkdir(home.join(".docker"));
  await Deno.mkdir(home.join("kept"));
  const config = home.join(".docker/config.json");
  // What it leads to need not be there yet.
  await Deno.symlink("../kept/auth.json", config);
  for (const host of ["one.local", "two.local"]) await keepLogin(host, "u", "p", env);
  assert.equal(await Deno.readLink(config), "../kept/auth.json");
  const kept = JSON.parse(await Deno.readTextFile(home.join("kept/auth.json")));
  assert.deepEqual(Object.keys(kept.auths), ["one.local", "two.local"]);
  await Deno.remove(config);
  // As some switch it off.
  await Deno.symlink("/dev/null", config);
  await failsWith(
    "IO_FAILED",
    () => keepLogin("one.local", "u", "p", env),
    /\/dev\/null is no file;/,
  );
  assert.equal(await Deno.readLink(config), "/dev/null");
  assert.equal((await Deno.stat("/dev/null")).isCharDevice, true);
});

Deno.test("credentials: GitHub's token is for GitHub's registry alone, and comes last", async () => {
  await using home = await tempDir();
  const token = { GITHUB_TOKEN: "hunter2", GITHUB_ACTOR: "octocat" };
  const { find } = await finder(home, token);
  assert.deepEqual(await find("ghcr.io", "team/app"), {
    ...user("octocat", "hunter2"),
    isAmbient: true,
  });
  for (const other of ["docker.io", "ghcr.io:444", "xghcr.io", "ghcr.io.local", "reg.local"]) {
    assert.equal(await find(other, "team/app"), undefined, other);
  }
  const nobody = await finder(home, { GITHUB_TOKEN: "hunter2" });
  assert.equal((await nobody.find("ghcr.io", "x") as { username: string }).username, "unset");
  const auths = { "ghcr.io": auth("me", "mine") };
  await home.write(".docker/config.json", JSON.stringify({ auths }));
  const kept = await finder(home, token);
  assert.deepEqual(await kept.find("ghcr.io", "team/app"), user("me", "mine"));
});
