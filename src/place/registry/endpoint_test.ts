/**
 * Names of repositories, and which hosts they mean.
 * @module
 */
import assert from "node:assert/strict";
import { isLoopback, mirrorOf, parseEndpoint, withMirror } from "./endpoint.ts";

Deno.test("parseEndpoint knows Docker Hub by all of its names", () => {
  for (const name of ["alpine", "docker.io/alpine", "index.docker.io/library/alpine"]) {
    const { registry, host, path } = parseEndpoint(name);
    assert.deepEqual([registry, host, path], [
      "docker.io",
      "registry-1.docker.io",
      "library/alpine",
    ]);
  }
  const own = parseEndpoint("Reg.Local:5000/team/app");
  assert.deepEqual([own.registry, own.path], ["reg.local:5000", "team/app"]);
  assert.throws(() => parseEndpoint("reg.local:5000"), /no path|Cannot use/);
});

Deno.test("isLoopback is this machine, and nothing that sounds like it", () => {
  for (const one of ["localhost", "a.localhost", "127.1.2.3", "::1", "[::1]"]) {
    assert.ok(isLoopback(one), one);
  }
  for (const one of ["localhost.example", "127.example", "10.0.0.1"]) assert.ok(!isLoopback(one));
});

Deno.test("a mirror stands for a registry, and the origin for a mirror that fails", async () => {
  const origin = parseEndpoint("alpine");
  const mirror = mirrorOf(origin, { "index.docker.io": "mirror.local:5000/hub" });
  assert.equal(mirror?.name, "mirror.local:5000/hub/library/alpine");
  assert.throws(() => mirrorOf(origin, { "docker.io": "hub" }), /has to begin with a host/);
  const warnings: string[] = [];
  const asked = await withMirror({ endpoint: origin }, mirror && { endpoint: mirror }, (one) => {
    if (one.endpoint === mirror) return Promise.reject(new Error("it is down"));
    return Promise.resolve(one.endpoint.name);
  }, (message) => warnings.push(message));
  assert.equal(asked, "alpine");
  assert.deepEqual(warnings, ["it is down; asking docker.io instead"]);
});
