/**
 * Entries of a layout: one for each name, everybody else's left alone, in an order that does not
 * tell which image was finished first.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { type Descriptor, MediaType } from "./descriptor.ts";
import {
  calledName,
  findEntry,
  IMAGE_NAME,
  imageName,
  namedEntry,
  namelessEntry,
  REF_NAME,
  repositoryName,
  repositoryOfPath,
  taggedName,
  withEach,
} from "./entries.ts";

const withEntry = (entries: readonly Descriptor[], one: Descriptor) => withEach(entries, [one]);

const image = (digit: string): Descriptor => ({
  mediaType: MediaType.manifest,
  digest: `sha256:${digit.repeat(64)}`,
  size: 1,
});
const [A, B, C] = [image("a"), image("b"), image("c")];
const entry = (d: Descriptor, annotations?: Record<string, string>): Descriptor => ({
  ...d,
  ...(annotations ? { annotations } : {}),
});

Deno.test("entries: a name becomes the annotations that other tools read", () => {
  const cases: Record<string, Record<string, string>> = {
    "app:v1": { [IMAGE_NAME]: "docker.io/library/app:v1", [REF_NAME]: "v1" },
    "docker.io/app:v1": { [IMAGE_NAME]: "docker.io/library/app:v1", [REF_NAME]: "v1" },
    "127.0.0.1:5000/a/b:v1": { [IMAGE_NAME]: "127.0.0.1:5000/a/b:v1", [REF_NAME]: "v1" },
    "team/app": { [IMAGE_NAME]: "docker.io/team/app:latest", [REF_NAME]: "latest" },
    "v1": { [REF_NAME]: "v1" },
  };
  for (const [ref, annotations] of Object.entries(cases)) {
    assert.deepEqual(namedEntry({ ...A, annotations: { old: "x" } }, ref), { ...A, annotations });
  }
  const platform = { os: "linux", architecture: "arm64" };
  assert.deepEqual(namedEntry({ ...A, platform }, "v1").platform, platform);
});

Deno.test("entries: the only one with a name is found, whichever annotation says it", () => {
  for (const annotations of [{ [IMAGE_NAME]: "docker.io/library/app:v1" }, { [REF_NAME]: "v1" }]) {
    const named = entry(A, annotations);
    assert.equal(findEntry([entry(B), named], "", "layout x"), named);
  }
});

Deno.test("entries: a name has one, and those of others stay where they are", () => {
  const foreign = [
    entry(A),
    entry(B, { [REF_NAME]: "v1" }),
    entry(C, { [REF_NAME]: "zz", "org.example": "kept" }),
    entry(C, { [IMAGE_NAME]: "other:v1", [REF_NAME]: "v1" }),
  ];
  const named = namedEntry(A, "app:v1");
  const more = withEntry(foreign, named);
  assert.deepEqual(more.filter((e) => e !== named), foreign);
  assert.equal(more.length, 5);
  const replaced = withEntry(more, namedEntry(B, "app:v1"));
  assert.equal(replaced.length, 5);
  assert.equal(replaced[more.indexOf(named)]?.digest, B.digest);
  assert.deepEqual(withEntry(more, named), more);

  // A tag alone is another name than one with that tag.
  const tagged = withEntry(foreign, namedEntry(A, "v1"));
  assert.deepEqual(tagged.map((e) => e.digest), [A.digest, A.digest, C.digest, C.digest]);
  assert.equal(tagged[1]?.annotations?.[REF_NAME], "v1");
  // Whoever wrote a name twice gets it once.
  const twice = [entry(A, { [IMAGE_NAME]: "app:v1" }), B, entry(C, { [IMAGE_NAME]: "app:v1" })];
  assert.deepEqual(withEntry(twice, named), [named, B]);
});

Deno.test("entries: several at once come to what they come to one by one", () => {
  const named = (name: string, d = A) => namedEntry(d, name);
  const lists: readonly (readonly Descriptor[])[] = [
    [],
    [named("b:v1"), named("d:v1"), named("v3")],
    [named("z:v1"), entry(B), named("c:v1"), named("v1"), named("c:v1", C), named("a:v1")],
  ];
  const added = [
    "c:v1",
    "a:v0",
    "zz:v1",
    "v1",
    "v2",
    "c:v2",
    "y/b:v1",
    "c:v1",
    "docker.io/library/d:v1",
  ];
  for (const list of lists) {
    const entries = added.map((name) => named(name, B));
    const oneByOne = entries.reduce<readonly Descriptor[]>((all, one) => slowly(all, one), list);
    assert.deepEqual(withEach(list, entries), oneByOne);
  }
  // One without a name takes nobody's place.
  assert.deepEqual(withEach([entry(A)], [entry(B), named("a:v1")]), [
    entry(A),
    entry(B),
    named("a:v1"),
  ]);
});

/** The rule, as it is said: the place of the same name, or before the first that sorts after it. */
function slowly(all: readonly Descriptor[], one: Descriptor): readonly Descriptor[] {
  const nameOf = (d: Descriptor) => imageName(d) ?? d.annotations?.[REF_NAME] ?? "";
  const at = all.findIndex((d) => nameOf(d) === nameOf(one));
  if (at >= 0) {
    return all.filter((d, i) => i <= at || nameOf(d) !== nameOf(one)).with(at, one);
  }
  const after = all.findIndex((d) => nameOf(d) > nameOf(one));
  return after < 0 ? [...all, one] : all.toSpliced(after, 0, one);
}

Deno.test("entries: both forms of a name are one name", async () => {
  const whole = "docker.io/library/app:v1";
  const old = entry(A, { [IMAGE_NAME]: "app:v1", [REF_NAME]: "v1" });
  const of = (d: Descriptor) => ({ ...d, annotations: { [IMAGE_NAME]: whole, [REF_NAME]: "v1" } });
  assert.deepEqual([old, of(A)].map(imageName), ["app:v1", "app:v1"]);
  for (const before of [old, of(A)]) {
    for (const name of ["app:v1", "library/app:v1", whole, `index.${whole}`, "v1"]) {
      assert.equal(findEntry([before], name, "layout x"), before, name);
    }
    for (const name of ["app:v1", whole]) {
      assert.deepEqual(withEntry([before], namedEntry(B, name)), [of(B)], name);
    }
    // One of an older layout is brought here in today's form.
    assert.deepEqual(withEntry([before], old), [of(A)]);
  }
  assert.deepEqual(withEntry([old, of(C)], namedEntry(B, "app:v1")), [of(B)]);
  // So does one that has the whole name where the tag belongs.
  const skopeo = entry(A, { [REF_NAME]: "docker.io/library/app:v1" });
  assert.equal(findEntry([skopeo], "app:v1", "layout x"), skopeo);
  assert.deepEqual(withEntry([skopeo], namedEntry(B, "app:v1")), [of(B)]);
  const which = /: it has app:v1 \(sha256:a+\), app:v1 \(sha256:c+\); say one of these digests/;
  await failsWith("BAD_REFERENCE", () => findEntry([old, of(C)], "app:v1", "layout x"), which);
});

Deno.test("entries: the order of coming does not show", () => {
  const foreign = [entry(C, { [REF_NAME]: "m" }), entry(C), entry(C, { [REF_NAME]: "b" })];
  const names = ["app:v1", "app:v2", "b:v1", "v1", "zoo/x:v1"];
  const orders = [names, names.toReversed(), ["b:v1", "zoo/x:v1", "app:v2", "v1", "app:v1"]];
  for (const before of [[], foreign]) {
    const results = orders.map((order) =>
      order.reduce<readonly Descriptor[]>(
        (list, ref) => withEntry(list, namedEntry(A, ref)),
        before,
      )
    );
    for (const result of results) assert.deepEqual(result, results[0]);
    assert.deepEqual(results[0]?.filter((e) => before.includes(e)), before);
  }
});

Deno.test("entries: found by whole name, tag, digest, or as the only one", async () => {
  const entries = [
    namedEntry(A, "app:v1"),
    namedEntry(B, "app:latest"),
    namedEntry(B, "other:v2"),
    entry(C, { [REF_NAME]: "reg.local/x/y:v9" }),
  ];
  const cases: Record<string, Descriptor> = {
    "app:v1": A,
    "app": B,
    "v1": A,
    "v2": B,
    "latest": B,
    [C.digest]: C,
    "reg.local/x/y:v9": C,
    "v9": C,
  };
  for (const [ref, expected] of Object.entries(cases)) {
    assert.equal(findEntry(entries, ref, "layout x").digest, expected.digest, ref);
  }
  assert.equal(findEntry([entry(A), namedEntry(A, "v1")], "", "layout x").digest, A.digest);
  const has = /^Cannot find image "absent" in layout x: it has app:v1, app:latest, other:v2, reg/;
  await failsWith("NOT_FOUND", () => findEntry(entries, "absent", "layout x"), has);
  await failsWith("NOT_FOUND", () => findEntry([], "", "layout x"), /: it has no images$/);
  const which = /^Cannot tell which image is meant by "v1" in layout x: it has a:v1, b:v1; say one/;
  const two = [namedEntry(A, "a:v1"), namedEntry(B, "b:v1")];
  await failsWith("BAD_REFERENCE", () => findEntry(two, "v1", "layout x"), which);
  await failsWith("BAD_REFERENCE", () => findEntry(entries, "", "layout x"), /say one of these/);
});

Deno.test("entries: what is said of a plain blob stays, with a name and without one", () => {
  const about = { "org.freedesktop.specifications.metainfo.type": "AppData" };
  const names = { [REF_NAME]: "old", [IMAGE_NAME]: "old.example/app:old" };
  const plain = { ...A, mediaType: "application/xml", annotations: { ...names, ...about } };
  const { annotations: _, ...bare } = plain;
  assert.deepEqual(namelessEntry(plain), { ...bare, annotations: about });
  assert.deepEqual(namedEntry(plain, "v1").annotations, { ...about, [REF_NAME]: "v1" });
  // A manifest says of itself what it is.
  const manifest = { ...plain, mediaType: MediaType.manifest, artifactType: "application/x" };
  const { annotations: __, ...own } = manifest;
  assert.deepEqual(namelessEntry(manifest), own);
  assert.deepEqual(namedEntry(manifest, "v1").annotations, { [REF_NAME]: "v1" });
});

Deno.test("entries: beside a plain blob the only image is the one that is meant", () => {
  const plain = { ...B, mediaType: "application/xml" };
  const hex = "a".repeat(64);
  const signature = namedEntry(B, `app:sha256-${hex}.sig`);
  const signed = namedEntry(A, "app:v1");
  assert.equal(findEntry([signature, signed], "", "layout x"), signed);
  assert.equal(findEntry([signature], "", "layout x"), signature);
  assert.equal(findEntry([plain, A], "", "layout x"), A);
  assert.equal(findEntry([plain], "", "layout x"), plain);
});

Deno.test("entries: a place without names is called as its folder or file", () => {
  for (const path of ["My_App", "/x/my-app.tar", "my.app.tar.gz", "x/My App.tgz"]) {
    assert.equal(repositoryOfPath(path), "my-app", path);
  }
  assert.equal(repositoryOfPath("app.tar.tar"), "app-tar");
});

Deno.test("entries: one rule says what an image is called", () => {
  const digest = A.digest;
  // Both annotations; what it is called in a folder `carry`; all its tags together.
  const cases: readonly (readonly [image: string, ref: string, called?: string, all?: string])[] = [
    ["docker.io/library/app:v1", "v1", "app:v1", "app"],
    // podman, skopeo, nerdctl.
    ["", "localhost/app:v1", "localhost/app:v1", "localhost/app"],
    ["", "docker.io/library/app:v1", "app:v1", "app"],
    ["", "app:v1", "app:v1", "app"],
    ["", "127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app"],
    // One that is called in full says more than the other, unless it can be no name.
    ["reg.local/a:v1", "localhost/b:v2", "reg.local/a:v1", "reg.local/a"],
    ["Not/A:Name", "localhost/b:v2", "localhost/b:v2", "localhost/b"],
    ["Not/A:Name", "v2", "carry:v2", "carry"],
    // A name without a tag has the other one, or `latest`.
    ["reg.local/a", "v3", "reg.local/a:v3", "reg.local/a"],
    ["reg.local:5000/a", "", "reg.local:5000/a:latest", "reg.local:5000/a"],
    ["localhost/app", "localhost/app:v4", "localhost/app:v4", "localhost/app"],
    // A digest is no tag, and beside one it says nothing.
    [`reg.local/a@${digest}`, "", `reg.local/a@${digest}`, "reg.local/a"],
    [`reg.local/a:v1@${digest}`, "", "reg.local/a:v1", "reg.local/a"],
    ["", digest],
    ["", "v1", "carry:v1", "carry"],
    ["", "no/Tag"],
    ["", "v1+5"],
    ["", ""],
  ];
  for (const [image, ref, called, all] of cases) {
    const one = entry(A, { [IMAGE_NAME]: image, [REF_NAME]: ref });
    const text = JSON.stringify([image, ref]);
    assert.equal(calledName(one, "carry"), called, text);
    assert.equal(calledName(one), called?.replace(/^carry:/, ""), text);
    assert.equal(taggedName(one, "carry"), called?.includes("@") ? undefined : called, text);
    assert.equal(repositoryName(one, "carry"), all, text);
    if (called) assert.equal(findEntry([entry(B), one], called, "layout x", "carry"), one, text);
  }
});
