/**
 * Where the daemon is: the environment, Docker's contexts, and addresses that are of no use.
 * @module
 */
import assert from "node:assert/strict";
import { daemonPlatforms } from "./daemon_place.ts";
import { findDaemon, formatEndpoint, parseDaemonEndpoint } from "./endpoint.ts";
import { digestOf } from "../../io/hash.ts";
import { failsWith } from "../../../test/support/fails.ts";
import { type TempDir, tempDir } from "../../../test/support/temp.ts";

async function context(dir: TempDir, name: string, docker: unknown): Promise<string> {
  const id = digestOf(name).slice("sha256:".length);
  const meta = JSON.stringify({ Name: name, Endpoints: { docker } });
  await dir.write(`contexts/meta/${id}/meta.json`, meta);
  return id;
}

Deno.test("find daemon: DOCKER_HOST, then DOCKER_CONTEXT, then the current context", async () => {
  await using dir = await tempDir();
  await context(dir, "one", { Host: "unix:///run/one.sock" });
  const id = await context(dir, "two", { Host: "tcp://two.local:2376" });
  await dir.write(`contexts/tls/${id}/docker/ca.pem`, "CA");
  await dir.write("config.json", JSON.stringify({ currentContext: "two", auths: {} }));
  const env = { DOCKER_CONFIG: dir.path };
  const two = { kind: "tcp", host: "two.local", port: 2376 };
  assert.deepEqual(findDaemon(env), {
    ...two,
    tls: { ca: "CA", cert: undefined, key: undefined },
  });
  const one = { kind: "unix", path: "/run/one.sock" };
  assert.deepEqual(findDaemon({ ...env, DOCKER_CONTEXT: "one" }), one);
  const host = { ...env, DOCKER_CONTEXT: "one", DOCKER_HOST: "unix:///run/host.sock" };
  assert.deepEqual(findDaemon(host), { kind: "unix", path: "/run/host.sock" });
  await failsWith("BAD_OPTION", () => findDaemon({ ...env, DOCKER_CONTEXT: "three" }), /"three"/);

  await dir.write(".docker/config.json", "{");
  await failsWith("BAD_OPTION", () => findDaemon({ HOME: dir.path }), /damaged/);
});

Deno.test("find daemon: certificates count only where they are asked for", async () => {
  await using dir = await tempDir();
  for (const name of ["ca", "cert", "key"]) await dir.write(`${name}.pem`, name);
  const env = { DOCKER_HOST: "tcp://[::1]:80", DOCKER_CERT_PATH: dir.path };
  const plain = { kind: "tcp", host: "[::1]", port: 80, tls: undefined };
  assert.deepEqual(findDaemon(env), plain);
  const tls = { ca: "ca", cert: "cert", key: "key" };
  assert.deepEqual(findDaemon({ ...env, DOCKER_TLS_VERIFY: "1" }), { ...plain, tls });
  // Without a home, those of the current folder are nobody's.
  await dir.write(".docker/ca.pem", "of the folder");
  const before = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    const homeless = findDaemon({ DOCKER_HOST: "tcp://[::1]:80", DOCKER_TLS_VERIFY: "1" });
    assert.deepEqual(homeless, { ...plain, tls: {} });
  } finally {
    Deno.chdir(before);
  }
  await context(dir, "blind", { Host: "tcp://b:1", SkipTLSVerify: true });
  const blind = { DOCKER_CONFIG: dir.path, DOCKER_CONTEXT: "blind" };
  await failsWith("BAD_OPTION", () => findDaemon(blind), /not to be checked/);
});

Deno.test("find daemon: the usual sockets of the user", async () => {
  await using dir = await tempDir();
  const usual = await Deno.stat("/var/run/docker.sock").then(() => true, () => false);
  const env = { XDG_RUNTIME_DIR: dir.path, HOME: dir.path };
  const path = await dir.write("podman/podman.sock", "");
  if (!usual) assert.deepEqual(findDaemon(env), { kind: "unix", path });
});

Deno.test("find daemon: addresses", async () => {
  const said = (text: string) => formatEndpoint(parseDaemonEndpoint(text, "a test"));
  assert.equal(said("tcp://127.0.0.1"), "tcp://127.0.0.1:2375");
  assert.equal(said("https://d.local"), "https://d.local:2376");
  assert.equal(said("http://d.local:80/"), "tcp://d.local:80");
  assert.equal(said("unix:///run/d.sock"), "unix:///run/d.sock");
  const bad = ["", "d.local", "ssh://d.local", "npipe:////./pipe/d", "unix://run/d.sock"];
  bad.push("tcp://", "tcp://u:p@d.local", "tcp://d.local/path", "tcp://d.local:99999");
  for (const text of bad) await failsWith("BAD_OPTION", () => said(text), /a test/);
});

Deno.test("find daemon: 32-bit arm runs its own variant and older ones", () => {
  const variants = (machine: string) =>
    daemonPlatforms("linux", "arm", machine).map((p) => p.variant);
  assert.deepEqual(variants("armv7l"), ["v7", "v6", "v5", undefined]);
  assert.deepEqual(variants("armv6l"), ["v6", "v5", undefined]);
  assert.deepEqual(daemonPlatforms("linux", "amd64"), [{ os: "linux", architecture: "amd64" }]);
});
