/**
 * SBOMs and provenance in the index of an image, where Docker's tools look for them.
 * @module
 */
import assert from "node:assert/strict";
import { digestOf } from "../../src/io/hash.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { startOddRegistry } from "../interop/odd_registry.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf, imageNames } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const SPDX = "https://spdx.dev/Document";
const PROVENANCE = "https://slsa.dev/provenance/v1";

Deno.test("attestations: they are in the index where that is said, one manifest for each platform", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const platforms = ["--platform", "linux/amd64,linux/arm64"];
  await done(dir, ["build", "--oci-layout", "plain", ...platforms]);
  const attested = ["--attest-in-index", "--sbom", "spdx", "--provenance"];
  const reference = await done(dir, [
    "build",
    "--tarball",
    "a.tar",
    "--oci-layout",
    "out",
    ...platforms,
    ...attested,
  ]);
  const read = async (layout: string, { digest }: { readonly digest: string }) => {
    const bytes = await Deno.readFile(dir.join(`${layout}/blobs/${digest.replace(":", "/")}`));
    assert.equal(digestOf(bytes), digest);
    return JSON.parse(new TextDecoder().decode(bytes));
  };
  const [plain] = await entriesOf(dir.join("plain"));
  const [entry, ...others] = await entriesOf(dir.join("out"));
  assert.ok(plain && entry);
  assert.deepEqual(others, []);
  assert.ok(reference.endsWith(`@${entry.digest}`), reference);
  const images: Descriptor[] = (await read("plain", plain)).manifests;
  const index = await read("out", entry);
  // The images stay what they are without.
  assert.deepEqual(index.manifests.slice(0, 2), images);
  assert.equal(index.manifests.length, 4);
  for (const [i, image] of images.entries()) {
    const { annotations, platform, ...of } = index.manifests[2 + i];
    assert.deepEqual(platform, { architecture: "unknown", os: "unknown" });
    assert.deepEqual(annotations, {
      "vnd.docker.reference.digest": image.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    });
    const { artifactType, subject, layers } = await read("out", of);
    assert.equal(artifactType, "application/vnd.docker.attestation.manifest.v1+json");
    assert.equal(subject.digest, image.digest);
    const found = [];
    for (const layer of layers) {
      const { predicateType, subject: [about], predicate } = await read("out", layer);
      assert.equal(layer.annotations["in-toto.io/predicate-type"], predicateType);
      assert.equal(`sha256:${about.digest.sha256}`, image.digest);
      found.push([predicateType, predicate.spdxVersion ?? predicate.runDetails.builder.id]);
    }
    assert.deepEqual(found, [[SPDX, "SPDX-2.3"], [PROVENANCE, "urn:kodeno:builder:local"]]);
  }
  await assertSound(dir.join("out"));
  const shown = JSON.parse(await done(dir, ["ls", "out", "--json"]));
  assert.deepEqual(shown.platforms, ["linux/amd64", "linux/arm64"]);
  const tree = await done(dir, ["inspect", "out"]);
  assert.equal(tree.match(/attestation of sha256:/g)?.length, 2, tree);
  assert.doesNotMatch(tree, /shown above/);

  // They go wherever the image goes, also where nothing that refers to it can.
  await done(dir, ["merge", "unpacked", "a.tar"]);
  assert.deepEqual((await entriesOf(dir.join("unpacked"))).map(({ digest }) => digest), [
    entry.digest,
  ]);
  await using registry = await startOddRegistry();
  await done(dir, ["push", "out", "--to", registry.host, "--no-referrers"]);
  const [name = ""] = await imageNames(dir.join("out"));
  await done(dir, ["pull", `${registry.host}/${name}`, "--oci-layout", "pulled"]);
  assert.deepEqual((await entriesOf(dir.join("pulled"))).map(({ digest }) => digest), [
    entry.digest,
  ]);

  // An image of one platform gets an index.
  const one = ["build", "--oci-layout", "one", "--platform", "linux/amd64"];
  await done(dir, [...one, "--attest-in-index", "--sbom", "cyclonedx"]);
  const [single] = await entriesOf(dir.join("one"));
  assert.ok(single);
  const [amd64, about] = (await read("one", single)).manifests;
  assert.deepEqual(amd64, images[0]);
  const [layer] = (await read("one", about)).layers;
  assert.equal((await read("one", layer)).predicate.bomFormat, "CycloneDX");
  const nothing = await kodeno([...one, "--attest-in-index"], { cwd: dir.path });
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /^Error: Cannot attest in the index: .*add --sbom spdx or --prov/m);
});
