/**
 * Registries whose certificate is that of a CA itself, as the binary reaches them: unchecked.
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { startSecuredRegistry } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { done } from "../support/kodeno.ts";
import { assertSound, digestIn } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "own certificate: large images go there and back, unchecked",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true, own: true, clients: true });
    await using dir = await tempDir();
    await simpleModule(dir);
    // Much more than all buffers on the way hold.
    await dir.write("kodata/random", randomBytes(24_000_000));
    const digest = digestIn(await done(dir, ["build", "--base-image", "scratch"]));
    await dir.write(`.docker/certs.d/${registry.host}/me.cert`, registry.client.cert);
    await dir.write(`.docker/certs.d/${registry.host}/me.key`, registry.client.key);
    const thereAndBack = async (repository: string, flags: readonly string[]) => {
      const out = dir.join(crypto.randomUUID());
      const more = { HOME: dir.path };
      await done(dir, ["push", "out", "--to", repository, "--bare", "-t", "v1", ...flags], more);
      await done(dir, ["pull", `${repository}:v1`, "--oci-layout", out, ...flags], more);
      assert.equal((await assertSound(out))[0]?.digest, digest);
    };
    await thereAndBack(`${registry.host}/any`, ["--insecure-registry"]);
  },
});
