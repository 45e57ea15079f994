/**
 * What provenance says of an image, by the values that it is made of.
 * @module
 */
import assert from "node:assert/strict";
import { BUILD_PARAMETERS } from "../../test/support/build_parameters.ts";
import { digestOf } from "../io/hash.ts";
import { MediaType } from "../oci/descriptor.ts";
import type { ImageFacts, ModuleFacts } from "./contents.ts";
import { type BuildFacts, makeProvenance, statementAttachment } from "./provenance.ts";
import { parseStatement, subjectOf } from "./statement.ts";

const digest = digestOf(new Uint8Array([1]));
const image = { mediaType: MediaType.manifest, digest, size: 1 };
const build: BuildFacts = {
  parameters: {
    ...BUILD_PARAMETERS,
    base: "registry.test/team/base:1",
  },
  goFlags: "",
  source: { commit: "a".repeat(40), isDirty: true },
  base: { name: "registry.test/team/base:1", digest },
};

function facts(modules: readonly ModuleFacts[], goVersion = "go1.26.8"): ImageFacts {
  const program = {
    goVersion,
    importPath: "example.com/app",
    modules,
    settings: { "-ldflags": "-X main.key=secret", GOOS: "linux" },
  };
  const file = { path: "/ko-app/app", sha1: "1".repeat(40), sha256: "2".repeat(64), program };
  const kodata = { path: "/var/run/ko/x", sha1: "3".repeat(40), sha256: "4".repeat(64) };
  const platform = { os: "linux", architecture: "amd64" };
  return { image, name: "app", platform, files: [file, kodata], images: [] };
}

Deno.test("provenance: what an image was made of, by the digests that SLSA has for it", () => {
  // The sum is the example of in-toto's specification of digests.
  const sum = "h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48=";
  const one = facts([
    { path: "example.com/z", version: "v1.0.0", sum },
    { path: "example.com/fork", version: "v1.0.1", replaces: { path: "example.com/a" } },
    { path: "example.com/local", folder: "../local" },
  ]);
  const maker = { version: "0.1.0", deno: "2.9.6" };
  const made = makeProvenance(one, [one], build, maker);
  const statement = parseStatement(made.bytes, "it");
  assert.ok(subjectOf(statement, digest));
  assert.equal(statement.predicateType, "https://slsa.dev/provenance/v1");
  const { buildDefinition, runDetails } = statement.predicate as Record<string, unknown> & {
    readonly buildDefinition: { readonly resolvedDependencies: readonly unknown[] };
    readonly runDetails: Readonly<Record<string, unknown>>;
  };
  assert.deepEqual(buildDefinition.resolvedDependencies, [
    { name: "source", digest: { gitCommit: "a".repeat(40) }, annotations: { dirty: true } },
    {
      name: "base",
      uri: `pkg:oci/base@${encodeURIComponent(digest)}?repository_url=registry.test/team/base`,
      digest: { sha256: digest.slice("sha256:".length) },
      annotations: { name: "registry.test/team/base:1" },
    },
    {
      name: "toolchain",
      uri: "pkg:golang/stdlib@1.26.8",
      annotations: { goVersion: "go1.26.8" },
    },
    {
      uri: "pkg:golang/example.com/fork@v1.0.1?type=module",
      annotations: { replaces: "example.com/a" },
    },
    { uri: "pkg:golang/example.com/local?type=module", annotations: { folder: "../local" } },
    {
      uri: "pkg:golang/example.com/z@v1.0.0?type=module",
      digest: { dirHash1: "2a1bb6127fb481c60f67692e22285fb306f3c6ffe62075e0ccf674d7c3adcb8f" },
    },
  ]);
  assert.deepEqual(runDetails["byproducts"], [{
    name: "/ko-app/app",
    digest: { sha256: "2".repeat(64) },
    annotations: { platform: "linux/amd64" },
  }]);
  assert.equal("metadata" in runDetails, false);
  const devel = facts([], "devel go1.28-abc");
  const other = makeProvenance(devel, [devel], build, { ...maker, time: 0 });
  const text = new TextDecoder().decode(other.bytes);
  assert.match(text, /"uri":"pkg:golang\/stdlib","annotations":{"goVersion":"devel go1\.28-abc"}/);
  assert.match(text, /"metadata":{"finishedOn":"1970-01-01T00:00:00Z"}/);
});

Deno.test("provenance: beside an image it is what others take for a statement", () => {
  const one = facts([]);
  const made = makeProvenance(one, [one], build, { version: "0.1.0", deno: "2.9.6" });
  const { manifest } = statementAttachment(made);
  const value = JSON.parse(new TextDecoder().decode(manifest.bytes));
  const note = { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" };
  assert.equal(value.artifactType, "application/vnd.in-toto+json");
  assert.deepEqual(value.annotations, note);
  assert.deepEqual(value.layers[0].annotations, note);
  assert.deepEqual(value.subject, image);
});
