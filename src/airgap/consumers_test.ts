/**
 * What clients of a registry put in place, as text.
 * @module
 */
import assert from "node:assert/strict";
import { imageList, mirrorFiles, parseMirrorHost, registryOf } from "./consumers.ts";

const D = `sha256:${"ab".repeat(32)}`;
const E = `sha256:${"cd".repeat(32)}`;
const PLAIN = parseMirrorHost("http://10.0.0.5:5000");
const BELOW = parseMirrorHost("mirror.site/team/");

const image = (name: string, digest = D) => ({ name, entryName: name, digest });

Deno.test("consumers: a host with its scheme, port and path", () => {
  assert.deepEqual(PLAIN, { isPlain: true, prefix: "10.0.0.5:5000" });
  assert.deepEqual(BELOW, { isPlain: false, prefix: "mirror.site/team" });
  assert.equal(parseMirrorHost("localhost:5000").isPlain, true);
  assert.equal(parseMirrorHost("[::1]:5000").isPlain, true);
  assert.equal(parseMirrorHost("https://127.0.0.1").isPlain, false);
  for (const bad of ["", "mirror", "http://", "ftp://a.b", "a.b/UPPER"]) {
    assert.throws(() => parseMirrorHost(bad), /^KodenoError: Cannot use /, bad);
  }
  assert.deepEqual(
    ["app:v1", "library/app:v1", "reg.local:5000/a:v1"].map(registryOf),
    ["docker.io", "docker.io", "reg.local:5000"],
  );
});

Deno.test("consumers: files that send clients to a host", () => {
  const text = (...args: Parameters<typeof mirrorFiles>) =>
    mirrorFiles(...args).map(({ path, text }) => `${path}\n${text}`).join("\n");
  assert.equal(
    text("containerd", ["a.b", "c.d:1"], PLAIN),
    ["a.b", "c.d:1"].map((name) =>
      `${name}/hosts.toml
server = "http://10.0.0.5:5000"

[host."http://10.0.0.5:5000"]
capabilities = ["pull", "resolve"]
`
    ).join("\n"),
  );
  assert.equal(
    text("containerd", [], BELOW),
    `_default/hosts.toml
server = "https://mirror.site/v2/team"
override_path = true

[host."https://mirror.site/v2/team"]
capabilities = ["pull", "resolve"]
override_path = true
`,
  );
  assert.equal(
    text("k3s", ["a.b"], BELOW),
    `registries.yaml
mirrors:
  a.b:
    endpoint:
      - https://mirror.site
    rewrite:
      ^(.*)$: team/$1
`,
  );
  assert.match(text("k3s", [], PLAIN), /^ {2}"\*":\n {4}endpoint:\n {6}- http:/m);
  assert.equal(
    text("registries.conf", ["a.b", "docker.io"], PLAIN),
    `kodeno.conf
[[registry]]
location = "a.b"

[[registry.mirror]]
location = "10.0.0.5:5000"
insecure = true

[[registry]]
location = "docker.io"

[[registry.mirror]]
location = "10.0.0.5:5000"
insecure = true
`,
  );
  assert.equal(
    text("idms", ["a.b"], BELOW),
    `idms.yaml
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: kodeno
spec:
  imageDigestMirrors:
    - source: a.b
      mirrors:
        - mirror.site/team
`,
  );
  assert.throws(() => text("idms", [], PLAIN), /Cannot write idms for all registries: /);
});

Deno.test("consumers: lists of images by digest", () => {
  const images = [image("a.b/x:v1"), image("a.b/x:v2"), image("y:v1", E)];
  const text = (...args: Parameters<typeof imageList>) => imageList(...args).text;
  assert.equal(
    text("imageslock", images.slice(1), undefined),
    `apiVersion: imgpkg.carvel.dev/v1alpha1
kind: ImagesLock
images:
  - image: a.b/x@${D}
    annotations:
      kbld.carvel.dev/id: a.b/x:v2
  - image: y@${E}
    annotations:
      kbld.carvel.dev/id: y:v1
`,
  );
  assert.equal(
    text("kustomize", images, BELOW),
    `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: a.b/x
    newName: mirror.site/team/x
    digest: ${D}
  - name: y
    newName: mirror.site/team/y
    digest: ${E}
`,
  );
  assert.throws(
    () => text("kustomize", [image("x:v1"), image("x:v2", E)], undefined),
    /Cannot list two images of x: .* say one of x:v1 and x:v2/,
  );
  assert.match(
    text("hauler", images, undefined),
    new RegExp(`images:\n    - name: a.b/x@${D}\n.*y@`),
  );
  const zarf = text("zarf", images, undefined, "app.tar");
  assert.match(
    zarf,
    /imageArchives:\n +- path: app.tar\n +images:\n +- a.b\/x:v1\n +- a.b\/x:v2\n/,
  );
  assert.match(text("zarf", images, PLAIN, "app.tar"), /images:\n +- 10.0.0.5:5000\/x@sha256:/);
});
