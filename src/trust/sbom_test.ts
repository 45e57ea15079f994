import assert from "node:assert/strict";
import type { SbomForm } from "../config/checks.ts";
import { MediaType } from "../oci/descriptor.ts";
import { digestOf } from "../io/hash.ts";
import type { ImageFacts } from "./contents.ts";
import { makeSbom } from "./sbom.ts";

const image = { mediaType: MediaType.manifest, digest: digestOf("image"), size: 5 };
const linux = { os: "linux", architecture: "arm", variant: "v7" };

/** Facts of a program with these modules. */
function facts(
  modules: NonNullable<ImageFacts["files"][number]["program"]>["modules"],
): ImageFacts {
  const program = {
    goVersion: "go1.26.8 X:boringcrypto",
    settings: { GOARCH: "arm", GOARM: "7", GOOS: "linux" },
    importPath: "example.com/team/app/cmd/app",
    main: { path: "example.com/team/app", version: "v1.2.0" },
    modules,
  };
  const file = { path: "/ko-app/app", sha1: "1".repeat(40), sha256: "2".repeat(64), program };
  return { image, name: "app", platform: linux, files: [file], images: [] };
}

function documentOf(from: ImageFacts, form: SbomForm, time?: number) {
  const { bytes, file } = makeSbom(from, form, { version: "0.1.0", time });
  return { file, ...JSON.parse(new TextDecoder().decode(bytes)) };
}

Deno.test("sbom: elements whose names differ by more than SPDX allows have names of their own", () => {
  const modules = ["a_b", "a-b", "a~b"].map((name) => ({ path: `example.com/${name}` }));
  const { packages } = documentOf(facts(modules), "spdx");
  const ids = packages.map(({ SPDXID }: { readonly SPDXID: string }) => SPDXID);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
});

Deno.test("sbom: a module that replaces another is named, and what was asked for beside it", () => {
  const replacement = {
    path: "example.com/fork",
    version: "v1.0.1+incompatible",
    replaces: { path: "example.com/lib", version: "v1.0.0" },
    location: "https://proxy.test/example.com/fork/@v/v1.0.1+incompatible.zip",
    sum: "h1:abc=",
    digest: digestOf("zip"),
  };
  const { packages } = documentOf(facts([replacement]), "spdx");
  const fork = packages.find(({ name }: { readonly name: string }) => name === "example.com/fork");
  assert.equal(fork.sourceInfo, "go.mod has it replace example.com/lib@v1.0.0");
  assert.equal(fork.downloadLocation, replacement.location);
  assert.equal(fork.checksums[0].checksumValue, digestOf("zip").slice(7));
  // Go's own hash is no SHA-256 of anything.
  assert.match(fork.comment, /h1:abc=/);
  const purl = "pkg:golang/example.com/fork@v1.0.1%2Bincompatible?type=module";
  assert.equal(fork.externalRefs[0].referenceLocator, purl);
  const cyclone = documentOf(facts([replacement]), "cyclonedx");
  assert.ok(cyclone.components.some((one: { readonly purl?: string }) => one.purl === purl));
});

Deno.test("sbom: scanners know the standard library by its release", () => {
  for (const form of ["spdx", "cyclonedx"] as const) {
    const text = JSON.stringify(documentOf(facts([]), form));
    assert.ok(text.includes("cpe:2.3:a:golang:go:1.26.8:-:*:*:*:*:*:*"), form);
    assert.ok(text.includes("pkg:golang/stdlib@1.26.8"), form);
    // In the order of their names (purl-spec), as cyclonedx-gomod has them.
    const application =
      "pkg:golang/example.com/team/app@v1.2.0?goarch=arm&goos=linux&type=module#cmd/app";
    assert.ok(text.includes(application), form);
  }
});

Deno.test("sbom: files are named as ko names them, and times are said only where they were", () => {
  const of = documentOf(facts([]), "spdx");
  assert.equal(of.file, "app-linux-arm-v7.spdx.json");
  assert.equal(of.creationInfo.created, "1970-01-01T00:00:00Z");
  assert.equal(documentOf(facts([]), "cyclonedx").metadata.timestamp, undefined);
  assert.equal(documentOf(facts([]), "cyclonedx", 1).metadata.timestamp, "1970-01-01T00:00:01Z");
  const index = { ...facts([]), image: { ...image, mediaType: MediaType.index }, files: [] };
  assert.equal(documentOf(index, "cyclonedx").file, "app-index.cdx.json");
  assert.equal(documentOf({ ...facts([]), platform: undefined }, "spdx").file, "app.spdx.json");
});

Deno.test("sbom: a base image has a package URL where it is in a registry", () => {
  const digest = digestOf("base");
  const urlOf = (name: string) => {
    const { packages } = documentOf({ ...facts([]), base: { name, digest } }, "spdx");
    return packages[1].externalRefs[0].referenceLocator;
  };
  const at = `@sha256%3A${digest.slice(7)}`;
  assert.equal(urlOf("static"), `pkg:oci/static${at}`);
  assert.equal(
    urlOf("reg.test:5000/os/debian:12"),
    `pkg:oci/debian${at}?repository_url=reg.test%3A5000/os/debian`,
  );
  assert.equal(
    urlOf(`reg.test/os/debian@${digest}`),
    `pkg:oci/debian${at}?repository_url=reg.test/os/debian`,
  );
});
