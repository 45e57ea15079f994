/**
 * What must hold of places with images, whatever is in them: what a command says it did is done, and
 * what it did not do it says.
 * @module
 */
import assert from "node:assert/strict";
import { copyImage } from "../../src/app/copy.ts";
import { diff } from "../../src/app/diff.ts";
import { gc } from "../../src/app/gc.ts";
import { inspect } from "../../src/app/inspect.ts";
import { ls } from "../../src/app/ls.ts";
import { merge } from "../../src/app/merge.ts";
import { rm } from "../../src/app/rm.ts";
import { tag } from "../../src/app/tag.ts";
import { openImages } from "../../src/place/open.ts";
import { hasSuccessors } from "../../src/content/walk.ts";
import type { KodenoEvent } from "../../src/events.ts";
import { assembleImage } from "../../src/image/assemble.ts";
import { readBase } from "../../src/image/base.ts";
import { type Descriptor, isDigest, MediaType } from "../../src/oci/descriptor.ts";
import { entryName, IMAGE_NAME, imageName, REF_NAME, refName } from "../../src/oci/entries.ts";
import { parseConfig, parseManifest } from "../../src/oci/manifest.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { copy } from "../../src/content/copy.ts";
import { digestOf } from "../../src/io/hash.ts";
import { makeHandler } from "../../src/serve/handler.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import type { Dice } from "../support/dice.ts";
import { plainEntries, type PlainEntry, plainGraph, plainSubject } from "./plain_layout.ts";
import { attempt, outcomeOf, type Tried } from "./target.ts";

/** Runs what only reads, and one thing that writes. */
export async function checkImages(folder: string, input: string, dice: Dice): Promise<string> {
  const listed = await attempt(() => ls(input));
  await attempt(() => inspect({ place: input }));
  const source = await attempt(() => openImages(input));
  if (source.value === undefined) {
    assert.equal(outcomeOf(listed), outcomeOf(source), "ls reads what nobody can open");
    return outcomeOf(source);
  }
  const entries = await attempt(() => source.value.entries());
  assert.equal(outcomeOf(listed), outcomeOf(entries), "ls fails in another way");
  if (entries.value === undefined) return outcomeOf(entries);
  assert.equal(listed.value?.length, entries.value.length, "ls leaves entries out");
  const isLayout = !Deno.statSync(input).isFile;
  if (isLayout) {
    // What refers to an image stands behind that.
    const rows = Map.groupBy(listed.value ?? [], ({ digest, name }) => `${digest} ${name}`);
    for (const entry of entries.value) {
      const same = rows.get(`${entry.digest} ${entryName(entry)}`);
      assert.ok(same, `ls leaves ${entry.digest} out`);
      if (!same.every(({ complete }) => complete)) continue;
      const { fault } = plainGraph(input, entry, { subjects: false });
      // The bytes of layers are not read for a list.
      assert.ok(fault === undefined || / is sha256/.test(fault), `ls says whole, but ${fault}`);
    }
  }
  if (entries.value.length === 0) return "empty";
  const entry = dice.pick(entries.value);
  const place = `${isLayout ? "oci" : "archive"}:${input}`;
  const all = entries.value;
  const checks = [
    () => copyToLayout(folder, place, input, entry),
    () => copyToLayout(folder, place, input, entry),
    () => copyToArchive(folder, place, entry),
    () => copyToMemory(input, entry),
    () => mergeInto(folder, input, all),
    () => standOn(input, entry, dice),
    () => compare(place, entry, dice.pick(all)),
  ];
  const writing = [
    () => serveAll(input),
    () => collect(input),
    () => tagIn(input, entry),
    () => removeFrom(input, entry),
  ];
  return await dice.pick(isLayout ? [...checks, ...writing] : checks)();
}

/** Copies an image, and checks what is said of it. */
async function tryCopy(place: string, entry: Descriptor, to: string): Promise<Tried<Copied>> {
  const notes: string[] = [];
  const emit = (event: KodenoEvent) => void (event.type === "note" && notes.push(event.message));
  const done = await attempt(() => copyImage({ from: `${place}@${entry.digest}`, to, emit }));
  if (done.value === undefined) return done;
  const { digest } = done.value;
  const isTold = (what: RegExp) => notes.some((note) => what.test(note));
  // What docker saved of an index may be one of its platforms.
  const isPart = digest !== entry.digest;
  assert.ok(!isPart || isTold(/^Took .+ alone: /), "the copy has another digest");
  // One digest may be there as several kinds; the first one counts.
  const source = await openImages(place.replace(/^\w+:/, ""));
  const found = await source.resolve(entry.digest);
  if (!isPart && !hasSuccessors(found)) assert.ok(isTold(/as a blob alone/), "a blob alone");
  return { value: { digest, isPart } };
}

/** What {@link tryCopy} copied. */
interface Copied {
  readonly digest: string;
  /** Whether it is a part of what was asked for. */
  readonly isPart: boolean;
}

/** What differs is told, and the same whichever of the two comes first. */
async function compare(place: string, one: Descriptor, other: Descriptor): Promise<string> {
  const [a, b] = [`${place}@${one.digest}`, `${place}@${other.digest}`];
  const there = await attempt(() => diff({ a, b }));
  const back = await attempt(() => diff({ a: b, b: a }));
  if (there.value === undefined || back.value === undefined) {
    assert.equal(there.value, back.value, "one way there is a difference, and the other way none");
    return outcomeOf(there);
  }
  const { found, differences, first } = there.value;
  const { found: again, differences: others } = back.value;
  const sizes = ({ onlyA, onlyB, index, images }: typeof found, isTurned: boolean) => {
    const alone = [onlyA.length, onlyB.length];
    return [...isTurned ? alone.reverse() : alone, index.length, images.length];
  };
  assert.deepEqual(sizes(again, true), sizes(found, false), "another difference the other way");
  assert.equal(differences().length, others().length, "more is told the other way");
  assert.equal(found.isEqual, found.a === found.b, "the same digest, and different");
  assert.equal(differences().length === 0, found.isEqual, "different, and nothing is told");
  assert.equal(first === undefined, found.isEqual, "different, and nothing comes first");
  return found.isEqual ? "ok, the same" : "ok, different";
}

/** A copy has all that the source has below the image, byte for byte, or there is none. */
async function copyToLayout(
  folder: string,
  place: string,
  input: string,
  entry: Descriptor,
): Promise<string> {
  const to = `${folder}/in/copied`;
  const done = await tryCopy(place, entry, `oci:${to}:app:copy`);
  if (done.value === undefined) return outcomeOf(done);
  const [copied] = plainEntries(to);
  assert.equal(copied?.digest, done.value.digest, "the copy's entry has another digest");
  const { fault, digests } = plainGraph(to, copied);
  assert.equal(fault, undefined, `the copy is not whole: ${fault}`);
  if (!Deno.statSync(input).isFile) {
    const before = plainGraph(input, copied);
    assert.deepEqual([...digests].sort(), [...before.digests].sort(), "the copy has other blobs");
  }
  return done.value.isPart ? "ok, in part" : "ok";
}

/** An archive that was written can be read, and has the same image. */
async function copyToArchive(folder: string, place: string, entry: Descriptor): Promise<string> {
  const path = `${folder}/in/copied.tar`;
  const done = await tryCopy(place, entry, `archive:${path}:app:copy`);
  if (done.value === undefined) return outcomeOf(done);
  const again = `${folder}/in/again`;
  const { digest } = await copyImage({ from: `archive:${path}:app:copy`, to: `oci:${again}` });
  assert.equal(digest, done.value.digest, "the archive has another digest");
  const [copied] = plainEntries(again);
  const fault = copied ? plainGraph(again, copied).fault : "it has no entry";
  assert.equal(fault, undefined, `the archive is not whole: ${fault}`);
  return done.value.isPart ? "ok, in part" : "ok";
}

/** The walk alone, as pushes to a registry do it. */
async function copyToMemory(input: string, entry: Descriptor): Promise<string> {
  const source = await openImages(input);
  const store = new MemoryStore();
  const done = await attempt(() => copy(source, entry, store, { tags: ["app:v1"] }));
  if (done.value === undefined) return outcomeOf(done);
  assert.ok(await store.has(entry), "the copy in memory is not whole");
  return "ok";
}

/** Every image is in the merged layout, or the whole merge fails. */
async function mergeInto(
  folder: string,
  input: string,
  entries: readonly Descriptor[],
): Promise<string> {
  const out = `${folder}/in/merged`;
  const notes: string[] = [];
  const emit = (event: KodenoEvent) => void (event.type === "note" && notes.push(event.message));
  const done = await attempt(() => merge(out, [input], { emit }));
  if (done.value === undefined) return outcomeOf(done);
  const merged = plainEntries(out);
  for (const entry of entries) {
    const name = nameOf(entry);
    const is = merged.some((one) =>
      one.digest === entry.digest && (name === undefined || nameOf(one) === name)
    );
    const called = name ?? entry.digest;
    const told = notes.some((note) => note.startsWith(`Left out ${called}`));
    // Of an index one platform may be all that an archive has; it has the name then.
    const isPart = notes.some((note) => /^Took .+ alone: /.test(note) && note.includes(called)) &&
      merged.some((one) => name === undefined || nameOf(one) === name);
    assert.ok(is || told || isPart, `merge left ${JSON.stringify(name)} ${entry.digest} out`);
  }
  for (const one of merged) {
    const { fault } = plainGraph(out, one);
    assert.equal(fault, undefined, `the merged layout is not whole: ${fault}`);
  }
  return "ok";
}

/** One name may be written in two ways. */
function nameOf(entry: PlainEntry): string | undefined {
  return imageName(entry as Descriptor) ?? refName(entry as Descriptor);
}

/** A base is read as it is, or refused. */
async function standOn(input: string, entry: Descriptor, dice: Dice): Promise<string> {
  const source = await openImages(input);
  const wanted = dice.chance(0.5)
    ? "all" as const
    : [{ os: "linux", architecture: dice.pick(["amd64", "arm64"]) }];
  const base = await attempt(() => readBase(source, entry, wanted, "base image x"));
  for (const one of base.value?.images ?? []) {
    const { manifest, config } = assembleImage(one, "x", APP, NOTHING);
    const { layers } = parseManifest(manifest.bytes, "what was built");
    parseConfig(config.bytes, "what was built");
    const below = layers.slice(0, -2).map(({ digest }) => digest);
    assert.deepEqual(below, one.manifest.layers.map(({ digest }) => digest));
  }
  return outcomeOf(base);
}

const LAYER = {
  descriptor: { mediaType: MediaType.layerGzip, digest: digestOf("a layer"), size: 7 },
  diffId: digestOf("its tar"),
  open: () => Promise.reject(new Error("nobody reads it")),
};
const APP = { importPath: "example.com/app", appName: "app", kodata: LAYER, binary: LAYER };
const NOTHING = {
  labels: {},
  annotations: {},
  imageEnv: {},
  user: undefined,
  entrypointArgs: [],
  expose: [],
  sourceDateEpoch: undefined,
  kodataTime: undefined,
};

/** What a layout is served as: documents with their digests, or a reason. */
async function serveAll(input: string): Promise<string> {
  const notes: string[] = [];
  const handle = makeHandler(await openLayout(input), (note) => notes.push(note));
  const ask = async (target: string): Promise<Uint8Array | undefined> => {
    const request = { method: "GET", target, headers: new Headers(), hasBody: false };
    const { status, headers, body } = await handle({ ...request, keepAlive: true });
    assert.ok([200, 404, 500].includes(status), `${status} for ${target}`);
    if (!(body instanceof Uint8Array) || status !== 200) return undefined;
    assert.equal(headers["content-length"], String(body.length));
    const named = headers["docker-content-digest"];
    if (named !== undefined) assert.equal(digestOf(body), named, target);
    return body;
  };
  const list = async (target: string, field: string): Promise<readonly string[]> => {
    const body = await ask(target);
    return body === undefined ? [] : JSON.parse(new TextDecoder().decode(body))[field];
  };
  for (const name of await list("/v2/_catalog", "repositories")) {
    const tags = await list(`/v2/${name}/tags/list`, "tags");
    for (const tag of tags) await ask(`/v2/${name}/manifests/${tag}`);
    for (const entry of plainEntries(input)) {
      // Where a digest has to be, anything may stand, which is no address.
      const digest = String(entry?.digest);
      if (!isDigest(digest)) continue;
      await ask(`/v2/${name}/manifests/${digest}`);
      await ask(`/v2/${name}/referrers/${digest}`);
    }
  }
  for (const note of notes) assert.doesNotMatch(note, /TypeError|RangeError|SyntaxError/);
  return "ok, served";
}

/** What an image needs stays; entries go only where they are about something that nothing leads to. */
async function collect(input: string): Promise<string> {
  const before = plainEntries(input);
  const whole = wholeEntries(input);
  const about = new Map(whole.map((entry) => [entry, subjectOf(input, entry)]));
  const done = await attempt(() => gc(input, { pruneNow: true }));
  const dropped = new Set<string>(done.value?.dropped);
  const after = plainEntries(input);
  assertKept(before.filter((entry) => !dropped.has(entry?.digest)), after, done);
  const reached = new Set(after.flatMap((entry) => [...plainGraph(input, entry).digests]));
  for (const entry of whole) {
    const subject = about.get(entry);
    if (dropped.has(entry.digest) && subject !== undefined && !reached.has(subject)) continue;
    assert.equal(plainGraph(input, entry).fault, undefined, "gc took what an image needs");
  }
  return outcomeOf(done);
}

/** What an entry is only there for: it has no name, or cosign's for that. */
function subjectOf(input: string, entry: PlainEntry): string | undefined {
  // Anything may stand there.
  const { [IMAGE_NAME]: name, [REF_NAME]: ref } = entry.annotations ?? {};
  if (!name && !ref) return plainSubject(input, entry);
  const hex = /^"(?:.*:)?sha256-([0-9a-f]{64})\.sig"$/.exec(JSON.stringify(ref ?? null))?.[1];
  return hex && `sha256:${hex}`;
}

async function tagIn(input: string, entry: Descriptor): Promise<string> {
  const before = plainEntries(input);
  const done = await attempt(() => tag(input, entry.digest, ["new/name:v9"]));
  assertKept(before, plainEntries(input), done);
  return outcomeOf(done);
}

async function removeFrom(input: string, entry: Descriptor): Promise<string> {
  const before = plainEntries(input);
  const notes: string[] = [];
  const emit = (event: KodenoEvent) => void (event.type === "note" && notes.push(event.message));
  const parts = await (await openImages(input)).partsOf(entry.digest) ?? [entry];
  const done = await attempt(() => rm(input, [entry.digest], emit));
  // What has no digest may have the name of others in its place, which are meant then.
  const gone = done.value ?? [];
  const isName = !isDigest(entry.digest) && gone.some(({ digest }) => digest !== entry.digest);
  const meant = new Set<string>((isName ? gone : parts).map(({ digest }) => digest));
  // What refers to it goes with it, and that is told.
  const isTold = (digest: string) =>
    isDigest(digest) &&
    notes.some((note) => /^Removed .*, too: /.test(note) && note.includes(digest));
  const kept = before.filter((other) =>
    !meant.has(calledDigest(other)) && !isTold(calledDigest(other))
  );
  assertKept(kept, plainEntries(input), done);
  return outcomeOf(done);
}

/** How kodeno calls what an entry has in the place of a digest. */
function calledDigest(entry: PlainEntry | null): string {
  const digest: unknown = entry?.digest;
  return typeof digest === "string" ? digest.slice(0, 300) : "?";
}

/** Entries of others stay as they are, to the last field. */
function assertKept(
  before: readonly PlainEntry[],
  after: readonly PlainEntry[],
  done: Tried<unknown>,
): void {
  const have = new Set(after.map((entry) => JSON.stringify(entry)));
  for (const entry of before) {
    assert.ok(have.has(JSON.stringify(entry)), `${outcomeOf(done)}: an entry of others is lost`);
  }
}

function wholeEntries(input: string): readonly PlainEntry[] {
  return plainEntries(input).filter((entry) => plainGraph(input, entry).fault === undefined);
}
