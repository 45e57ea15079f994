/**
 * Image references: what is host, path, tag and digest, and what is none.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  normalizeName,
  parseImageName,
  parseReference,
  parseRepository,
  parseTag,
  shortName,
  withoutTag,
} from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

Deno.test("reference: takes host, path, tag and digest apart", () => {
  const cases: Record<string, readonly [name: string, tag?: string | undefined, digest?: string]> =
    {
      "app": ["app"],
      "app:v1": ["app", "v1"],
      "team/app:v1.0_x-y": ["team/app", "v1.0_x-y"],
      "127.0.0.1:5000/app": ["127.0.0.1:5000/app"],
      "127.0.0.1:5000/app:v1": ["127.0.0.1:5000/app", "v1"],
      "localhost/app": ["localhost/app"],
      "[::1]:5000/app:v1": ["[::1]:5000/app", "v1"],
      "Reg.Local/app": ["Reg.Local/app"],
      [`app@${DIGEST}`]: ["app", undefined, DIGEST],
      [`reg.local:1/a/b__c/d--e.f:v1@${DIGEST}`]: ["reg.local:1/a/b__c/d--e.f", "v1", DIGEST],
    };
  for (const [text, expected] of Object.entries(cases)) {
    const { name, tag, digest } = parseReference(text);
    const [wantedName, wantedTag, wantedDigest] = expected;
    assert.deepEqual([name, tag, digest], [wantedName, wantedTag, wantedDigest], text);
    assert.equal(withoutTag(text.replace(/@.*/, "")), wantedName);
  }
});

Deno.test("reference: a name has a whole form and a short one, as Docker has them", () => {
  const hub = (text: string) => [`docker.io/${text}`, text] as const;
  const other = (text: string) => [text, text] as const;
  const cases: Record<string, readonly [whole: string, short: string]> = {
    "app": ["docker.io/library/app", "app"],
    "app:v1": ["docker.io/library/app:v1", "app:v1"],
    "library/app:v1": ["docker.io/library/app:v1", "app:v1"],
    "docker.io/app:v1": ["docker.io/library/app:v1", "app:v1"],
    "index.docker.io/library/app:v1": ["docker.io/library/app:v1", "app:v1"],
    "docker.io/library/app:v1": ["docker.io/library/app:v1", "app:v1"],
    [`app:v1@${DIGEST}`]: [`docker.io/library/app:v1@${DIGEST}`, `app:v1@${DIGEST}`],
    "team/app:v1": hub("team/app:v1"),
    "library/team/app": hub("library/team/app"),
    "localhost": ["docker.io/library/localhost", "localhost"],
    "reg.io": ["docker.io/library/reg.io", "reg.io"],
    "localhost/app": other("localhost/app"),
    "reg.io/library/app": other("reg.io/library/app"),
    "reg:5000/app:v1": other("reg:5000/app:v1"),
    // Its path alone would be another image.
    "docker.io/reg.io/app": other("docker.io/reg.io/app"),
    "docker.io/localhost/app": other("docker.io/localhost/app"),
    "": other(""),
    "docker.io/": other("docker.io/"),
  };
  for (const [text, [whole, short]] of Object.entries(cases)) {
    assert.deepEqual([normalizeName(text), shortName(text)], [whole, short], text);
    assert.deepEqual([normalizeName(short), shortName(whole)], [whole, short], text);
  }
});

Deno.test("reference: refuses what no registry would take", async () => {
  const cases: Record<string, RegExp> = {
    "": /empty path element/,
    "/app": /empty path element/,
    "app/": /empty path element/,
    "a//b": /empty path element/,
    "App": /"App" may hold only lower-case/,
    "team/App:v1": /"App" may hold only/,
    "app:99999/x": /"app:99999" is no registry host/,
    "docker..io/x": /"docker..io" is no registry host/,
    "reg-.io/x": /"reg-.io" is no registry host/,
    "1.2.3.4.5/x": /"1.2.3.4.5" is no registry host/,
    "app127.0.0.1:1/x": /"app127.0.0.1:1" is no registry host/,
    "-app": /"-app" may hold/,
    "app-": /"app-" may hold/,
    "a..b": /may hold/,
    "a___b": /may hold/,
    "../app": /may hold|no registry host/,
    "a/../b": /may hold/,
    "caf\u00e9": /may hold/,
    "app:": /tag ""/,
    "app:v 1": /tag "v 1"/,
    "app:.v1": /tag ".v1"/,
    "host:port/app": /"host:port" is no registry host/,
    "-x.y/app": /no registry host/,
    "user@host/app": /what follows "@"/,
    [`app@${DIGEST}@${DIGEST}`]: /what follows "@"/,
    "app@sha256:abc": /what follows "@"/,
    [`app@${DIGEST.toUpperCase()}`]: /what follows "@"/,
    "docker://reg.io/app:v1": /leave "docker:\/\/" out$/,
    "https://reg.io/app": /leave "https:\/\/" out$/,
    ["a".repeat(256)]: /longer than 255/,
  };
  for (const [text, why] of Object.entries(cases)) {
    await failsWith("BAD_REFERENCE", () => parseReference(text), why);
  }
});

Deno.test("reference: tags are up to 128 characters", async () => {
  for (const tag of ["v1", "_", "A.b-c_d", "x".repeat(128), "1"]) assert.equal(parseTag(tag), tag);
  for (const tag of ["", "-a", ".a", "a/b", "a:b", "x".repeat(129), "v1\n"]) {
    await failsWith("BAD_REFERENCE", () => parseTag(tag), /a tag is 1 to 128/);
  }
});

Deno.test("reference: a repository has no tag; a host alone is no path", async () => {
  assert.equal(parseRepository("reg.local:5000/team/app"), "reg.local:5000/team/app");
  await failsWith("BAD_REFERENCE", () => parseRepository("app:v1"), /"app:v1" may hold/);
  await failsWith("BAD_REFERENCE", () => parseRepository("http://reg.io"), /leave "http:/);
});

Deno.test("reference: the name of an image in a place", async () => {
  assert.deepEqual(parseImageName("v1"), { tag: "v1" });
  assert.deepEqual(parseImageName("app:v1"), { name: "app", tag: "v1" });
  assert.deepEqual(parseImageName("team/app"), { name: "team/app", tag: "latest" });
  const bad = ["", "a b", "App:v1", ":v1", `app:v1@${DIGEST}`, `app@${DIGEST}`];
  for (const text of bad) await failsWith("BAD_REFERENCE", () => parseImageName(text));
});
