/**
 * A Docker daemon on another machine, as it were: over TCP, with the certificates that Docker's own
 * command line takes, and a kind cluster in it.
 * @module
 */
import assert from "node:assert/strict";
import { makeCertificates } from "../parts/certificates.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startNode } from "../parts/kind.ts";
import { needs } from "../parts/tools.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { simpleModule } from "../support/go_module.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "daemon over TCP with certificates: images go in and come out, also for kind",
  ...needs("root", "dockerd", "docker", "containerd", "ctr", "openssl"),
  async fn() {
    await using dir = await tempDir();
    await simpleModule(dir, "over the wire");
    const certs = dir.join("certs");
    await Deno.mkdir(certs);
    await makeCertificates(certs);
    const of = (name: string) => `${certs}/${name}`;
    // The names that Docker's command line looks for.
    const names = [["ca.crt", "ca.pem"], ["client.crt", "cert.pem"], ["client.key", "key.pem"]];
    for (const [from = "", to = ""] of names) await Deno.copyFile(of(from), of(to));
    const tls = { ca: of("ca.crt"), cert: of("server.crt"), key: of("server.key") };
    await using dockerd = await startDockerd({ tls });
    const env = {
      DOCKER_HOST: `tcp://${dockerd.address}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certs,
      KO_DOCKER_REPO: "ko.local",
    };
    const name = await done(dir, ["build", "--bare", "-t", "v1"], env);
    assert.match(name, /^ko\.local:[0-9a-f]{64}$/);
    const run = await dockerd.docker("run", "--rm", "--network", "none", "ko.local:v1");
    assert.equal(run.stdout, "over the wire dev\n", run.stderr);
    await done(dir, ["copy", "daemon:ko.local:v1", "oci:back"], env);
    assert.match(await done(dir, ["ls", "back"], env), /ko\.local:v1/);

    const node = await startNode(dockerd, "kind", "kind-control-plane");
    const inKind = { ...env, KO_DOCKER_REPO: "kind.local" };
    await done(dir, ["build", "--bare", "-t", "v1"], inKind);
    const { stdout } = await node.ctr("images", "list", "-q");
    assert.match(stdout, /^docker\.io\/library\/kind\.local:v1$/m);

    // Nobody else is let in, and the reason is told.
    const { code, stderr } = await kodeno(["load", "back"], {
      cwd: dir.path,
      env: { ...env, DOCKER_TLS_VERIFY: "", DOCKER_CERT_PATH: "" },
    });
    assert.equal(code, 1);
    assert.match(stderr, /^Error: [^\n]+\n$/);
  },
});
