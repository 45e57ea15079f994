/**
 * Registries whose certificate is that of a CA itself, as the binary reaches them: checked, where that
 * very certificate is named, and unchecked.
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { makeOwnCertificate } from "../parts/certificates.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { startSecuredRegistry } from "../parts/secured_registry.ts";
import { needs, startDaemon } from "../parts/tools.ts";
import { goMod, simpleModule } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, digestIn } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "own certificate: large images go there and back, checked, unchecked and by a proxy",
  ...needs("docker-registry", "openssl"),
  async fn(t) {
    await using registry = await startSecuredRegistry({ tls: true, own: true, clients: true });
    await using proxy = await startProxy(registry.host, true);
    await using dir = await tempDir();
    await simpleModule(dir);
    // Much more than all buffers on the way hold.
    await dir.write("kodata/random", randomBytes(24_000_000));
    const digest = digestIn(await done(dir, ["build", "--base-image", "scratch"]));
    const ca = await dir.write("own.pem", registry.ca);
    for (const host of [registry.host, "reg.test:5000"]) {
      await dir.write(`.docker/certs.d/${host}/me.cert`, registry.client.cert);
      await dir.write(`.docker/certs.d/${host}/me.key`, registry.client.key);
    }
    const thereAndBack = async (
      repository: string,
      flags: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ) => {
      const out = dir.join(crypto.randomUUID());
      const TMPDIR = dir.join("tmp");
      await Deno.mkdir(TMPDIR, { recursive: true });
      const more = { HOME: dir.path, DENO_NO_UPDATE_CHECK: "1", TMPDIR, ...env };
      await done(dir, ["push", "out", "--to", repository, "--bare", "-t", "v1", ...flags], more);
      await done(dir, ["pull", `${repository}:v1`, "--oci-layout", out, ...flags], more);
      assert.equal((await assertSound(out))[0]?.digest, digest);
      // Keys of client certificates are among what it keeps for a while; the runtime has a cache there.
      const left = await Array.fromAsync(Deno.readDir(TMPDIR), ({ name }) => name);
      assert.deepEqual(left.filter((name) => name.startsWith("kodeno-")), []);
    };
    await t.step("named", () => thereAndBack(`${registry.host}/named`, ["--ca-file", ca]));
    await t.step("unchecked", () => thereAndBack(`${registry.host}/any`, ["--insecure-registry"]));
    await t.step("by a proxy", async () => {
      const https_proxy = `http://me:open%20sesame@${proxy.host}`;
      await dir.write(".docker/certs.d/reg.test:5000/ca.crt", registry.ca);
      await thereAndBack("reg.test:5000/far", [], { https_proxy });
      assert.ok(proxy.asked.length > 0);
      for (const line of proxy.asked) {
        assert.match(line, new RegExp(`^CONNECT reg.test:5000 Basic ${btoa("me:open sesame")} `));
      }
    });
    await t.step("not named, and nothing shown", async () => {
      const pull = ["pull", `${registry.host}/named:v1`];
      const env = { HOME: dir.join("none"), DENO_NO_UPDATE_CHECK: "1" };
      const unnamed = await kodeno(pull, { cwd: dir.path, env });
      assert.match(unnamed.stderr, /that of a CA \(CA:TRUE\).*; name it with --ca-file/);
      const unshown = await kodeno([...pull, "--ca-file", ca], { cwd: dir.path, env });
      assert.match(unshown.stderr, /it lets in only who shows a client certificate/);
    });
  },
});

Deno.test({
  name: "own certificate: one that an unknown CA has made is trusted where it is named, as by curl",
  // Newer versions of the runtime want to know the CA.
  ignore: !Deno.env.get("KODENO_BIN") || needs("docker-registry", "openssl").ignore,
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true });
    await using dir = await tempDir();
    const ca = await dir.write("server.pem", registry.server);
    const pull = ["pull", `${registry.host}/app:v1`];
    const named = await kodeno([...pull, "--ca-file", ca], { cwd: dir.path });
    assert.match(named.stderr, /the registry does not have it/);
    await makeOwnCertificate(dir.path, "other");
    for (const more of [[], ["--ca-file", "other.crt"]]) {
      const { stderr } = await kodeno([...pull, ...more], { cwd: dir.path });
      assert.match(stderr, /nobody here knows the CA that made it; name its CA with --ca-file/);
    }
  },
});

/** Shows a certificate with the key of another one. */
const IMPOSTOR = `package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
)

func block(path string) []byte {
	text, _ := os.ReadFile(path)
	found, _ := pem.Decode(text)
	return found.Bytes
}

func main() {
	key, err := x509.ParsePKCS8PrivateKey(block(os.Args[2]))
	if err != nil {
		panic(err)
	}
	shown := tls.Certificate{Certificate: [][]byte{block(os.Args[1])}, PrivateKey: key}
	version := uint16(tls.VersionTLS13)
	if os.Args[3] == "12" {
		version = tls.VersionTLS12
	}
	config := &tls.Config{Certificates: []tls.Certificate{shown}, MaxVersion: version}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	http.Serve(tls.NewListener(listener, config), http.NotFoundHandler())
}
`;

Deno.test({
  name: "own certificate: who shows it without its key is refused",
  ...needs("openssl"),
  async fn() {
    await using dir = await tempDir();
    await dir.write("go.mod", goMod("example.com/impostor"));
    await dir.write("main.go", IMPOSTOR);
    await succeed("go", ["build", "-o", dir.join("impostor"), "."], { cwd: dir.path });
    await makeOwnCertificate(dir.path, "own");
    await makeOwnCertificate(dir.path, "other");
    for (const [key, version] of [["other", "13"], ["other", "12"], ["own", "13"], ["own", "12"]]) {
      const args = [dir.join("own.crt"), dir.join(`${key}.key`), version ?? ""];
      const ready = (log: string) => /listening on (\S+)/.exec(log)?.[1];
      const server = await startDaemon(dir.join("impostor"), args, ready);
      try {
        const pull = ["pull", `${server.ready}/app:v1`, "--ca-file", "own.crt"];
        const { code, stderr } = await kodeno(pull, { cwd: dir.path });
        assert.equal(code, 1);
        const told = key === "own"
          ? /does not have it/
          : /did not answer: its certificate cannot be/;
        assert.match(stderr, told, `${key} ${version}`);
      } finally {
        await server.stop();
      }
    }
  },
});

Deno.test({
  name: "own certificate: a registry of plain HTTP will do where none is checked",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using dir = await tempDir();
    await simpleModule(dir);
    const env = { KO_DOCKER_REPO: `${registry.host}/plain` };
    const said = await done(dir, ["build", "--push", "--bare", "--insecure-registry"], env);
    assert.ok(said.startsWith(`${registry.host}/plain:latest@sha256:`), said);
  },
});
