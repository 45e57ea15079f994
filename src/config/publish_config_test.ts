/**
 * Where images go and what they are called, from options and ko's variable.
 * @module
 */
import assert from "node:assert/strict";
import type { ErrorCode } from "../errors.ts";
import { failsWith } from "../../test/support/fails.ts";
import type { PublishOptions } from "./options.ts";
import { type PublishConfig, resolvePublishConfig } from "./config.ts";

const config = (options?: PublishOptions, repository?: string): PublishConfig => {
  const environment = repository === undefined ? {} : { KO_DOCKER_REPO: repository };
  return resolvePublishConfig({ ...options, environment });
};

Deno.test("publish config: nothing said is a layout, and short names", () => {
  const { transfer, ...rest } = config();
  assert.deepEqual([transfer.insecureRegistry, transfer.offline], [false, false]);
  assert.deepEqual(rest, {
    repository: "",
    naming: "short",
    layout: "out",
    push: false,
    local: false,
    kind: undefined,
    tarball: undefined,
    tags: ["latest"],
    tagOnly: false,
    imageRefs: undefined,
  });
  assert.ok(Object.isFrozen(config()));
});

Deno.test("publish config: a layout is made where nothing else is, or where one is named", async () => {
  const cases: readonly (readonly [PublishOptions, string, Partial<PublishConfig>])[] = [
    [{ push: true }, "reg.local/x", { push: true, local: false, layout: undefined }],
    [{ push: false }, "reg.local/x", { push: false, layout: "out" }],
    [{ push: true, ociLayout: "l" }, "reg.local/x", { push: true, layout: "l" }],
    [{ tarball: "a.tar" }, "", { tarball: "a.tar", layout: undefined }],
    [{ local: true }, "", { local: true, repository: "ko.local", layout: undefined }],
    [{}, "ko.local/team", { local: true, push: false, layout: undefined }],
    [{ localDomain: "dev.local" }, "dev.local", { local: true }],
    [{}, "ko.localhost/x", { local: false, layout: "out" }],
    [{}, "kind.local", { kind: "kind", local: false, layout: undefined }],
    [{ local: true }, "kind.local/team", { kind: "kind", local: false, layout: undefined }],
    [{}, "kind.localhost/x", { kind: undefined, layout: "out" }],
  ];
  for (const [options, repository, expected] of cases) {
    const found = config(options, repository);
    assert.deepEqual({ ...found, ...expected }, found, JSON.stringify(options));
  }
  await failsWith("BAD_OPTION", () => config({ push: true }));
  await failsWith("BAD_OPTION", () => config({ push: true }, "ko.local"));
  await failsWith("BAD_OPTION", () => config({ push: true }, "kind.local"), /is no registry/);
  const pushed = (options: PublishOptions, KO_DOCKER_REPO: string) =>
    resolvePublishConfig({ ...options, environment: { KO_DOCKER_REPO } }, { pushes: true }).push;
  const asked: readonly (readonly [PublishOptions, string, boolean])[] = [
    [{}, "reg.local/x", true],
    [{ push: false }, "reg.local/x", false],
    [{ local: true }, "reg.local/x", false],
    [{}, "ko.local/x", false],
    [{}, "kind.local", false],
  ];
  for (const [options, repository, push] of asked) {
    assert.equal(pushed(options, repository), push, `${repository} ${JSON.stringify(options)}`);
  }
  await failsWith("BAD_OPTION", () => pushed({}, ""), /KO_DOCKER_REPO is not set/);
  const environment = { KO_DOCKER_REPO: "kind.local", KIND_CLUSTER_NAME: "dev" };
  assert.equal(resolvePublishConfig({ environment }).kind, "dev");
});

Deno.test("publish config: names follow ko's flags, the more special one first", () => {
  const [bare, base, full] = [
    { bare: true },
    { baseImportPaths: true },
    { preserveImportPaths: true },
  ];
  const cases: readonly (readonly [PublishOptions, string, PublishConfig["naming"]])[] = [
    [{}, "", "short"],
    [{}, "reg.local/team", "md5"],
    [bare, "reg.local/team", "bare"],
    [base, "reg.local/team", "base"],
    [full, "", "full"],
    [{ ...bare, ...base }, "reg.local/team", "base"],
    [{ ...bare, ...base, ...full }, "reg.local/team", "full"],
  ];
  for (const [options, repository, naming] of cases) {
    assert.equal(config(options, repository).naming, naming);
  }
});

Deno.test("publish config: the option beats KO_DOCKER_REPO; a host alone is a prefix", () => {
  for (const repo of ["reg.local", "localhost:5000", "127.0.0.1:5000/a/b", "team", "a.b/c__d"]) {
    assert.equal(config({}, repo).repository, repo);
    assert.equal(config({ dockerRepo: repo }, "reg.local/other").repository, repo);
  }
  assert.equal(config({ dockerRepo: "" }, "reg.local/other").repository, "");
});

Deno.test("publish config: each tag once, in the order given", () => {
  assert.deepEqual(config({ tags: ["v2", "v1", "v2"] }).tags, ["v2", "v1"]);
  assert.deepEqual(config({ tags: [] }).tags, ["latest"]);
  assert.equal(config({ tags: ["v1"], tagOnly: true }).tagOnly, true);
});

Deno.test("publish config: what cannot be used is refused at once", async () => {
  const cases: readonly (readonly [ErrorCode, PublishOptions, string, RegExp])[] = [
    ["BAD_REFERENCE", { tags: ["v 1"] }, "", /tag "v 1"/],
    ["BAD_REFERENCE", { tags: [""] }, "", /tag ""/],
    ["BAD_REFERENCE", {}, "reg.local/Team", /"Team" may hold only lower-case/],
    ["BAD_REFERENCE", {}, "reg.local/team:v1", /"team:v1"/],
    ["BAD_REFERENCE", { dockerRepo: "https://reg.local/x" }, "", /./],
    ["BAD_OPTION", { bare: true }, "", /--bare/],
    ["BAD_OPTION", { tagOnly: true }, "", /say one tag that is not "latest"/],
    ["BAD_OPTION", { tagOnly: true, tags: ["latest"] }, "", /one tag/],
    ["BAD_OPTION", { tagOnly: true, tags: ["v1", "v2"] }, "", /with tags v1,v2/],
  ];
  for (const [code, options, repository, why] of cases) {
    await failsWith(code, () => config(options, repository), why);
  }
});
