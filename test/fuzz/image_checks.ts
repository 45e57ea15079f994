/**
 * What must hold of places with images, whatever is in them: what a command says it did is done, and
 * what it did not do it says.
 * @module
 */
import assert from "node:assert/strict";
import { copyImage } from "../../src/app/copy.ts";
import { gc } from "../../src/app/gc.ts";
import { inspect } from "../../src/app/inspect.ts";
import { ls } from "../../src/app/ls.ts";
import { merge } from "../../src/app/merge.ts";
import { openImages } from "../../src/app/places.ts";
import { rm } from "../../src/app/rm.ts";
import { tag } from "../../src/app/tag.ts";
import { readBase } from "../../src/image/base.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { imageName, refName } from "../../src/oci/entries.ts";
import { MemoryStore } from "../../src/store/memory/memory.ts";
import { copy } from "../../src/content/copy.ts";
import type { Dice } from "../support/dice.ts";
import { plainEntries, type PlainEntry, plainGraph } from "./plain_layout.ts";
import { attempt, outcomeOf, type Tried } from "./target.ts";

/** Runs what only reads, and one thing that writes. */
export async function checkImages(folder: string, input: string, dice: Dice): Promise<string> {
  const listed = await attempt(() => ls(input));
  await attempt(() => inspect(input));
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
    for (const [i, entry] of entries.value.entries()) {
      if (!listed.value?.[i]?.complete) continue;
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
  ];
  const writing = [
    () => collect(input),
    () => tagIn(input, entry),
    () => removeFrom(input, entry),
  ];
  return await dice.pick(isLayout ? [...checks, ...writing] : checks)();
}

/** A copy has all that the source has below the image, byte for byte, or there is none. */
async function copyToLayout(
  folder: string,
  place: string,
  input: string,
  entry: Descriptor,
): Promise<string> {
  const to = `${folder}/in/copied`;
  const done = await attempt(() =>
    copyImage({ from: `${place}@${entry.digest}`, to: `oci:${to}:app:copy` })
  );
  if (done.value === undefined) return outcomeOf(done);
  assertCopied(to, input, entry, done.value.digest);
  return "ok";
}

function assertCopied(to: string, input: string, entry: Descriptor, digest: string): void {
  assert.equal(digest, entry.digest, "the copy has another digest");
  const [copied] = plainEntries(to);
  assert.equal(copied?.digest, entry.digest, "the copy's entry has another digest");
  const { fault, digests } = plainGraph(to, copied);
  assert.equal(fault, undefined, `the copy is not whole: ${fault}`);
  if (!Deno.statSync(input).isFile) {
    const before = plainGraph(input, copied);
    assert.deepEqual([...digests].sort(), [...before.digests].sort(), "the copy has other blobs");
  }
}

/** An archive that was written can be read, and has the same image. */
async function copyToArchive(folder: string, place: string, entry: Descriptor): Promise<string> {
  const path = `${folder}/in/copied.tar`;
  const done = await attempt(() =>
    copyImage({ from: `${place}@${entry.digest}`, to: `archive:${path}:app:copy` })
  );
  if (done.value === undefined) return outcomeOf(done);
  const again = `${folder}/in/again`;
  const { digest } = await copyImage({ from: `archive:${path}:app:copy`, to: `oci:${again}` });
  assert.equal(digest, entry.digest, "the archive has another digest");
  const [copied] = plainEntries(again);
  const fault = copied ? plainGraph(again, copied).fault : "it has no entry";
  assert.equal(fault, undefined, `the archive is not whole: ${fault}`);
  return "ok";
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
  const done = await attempt(() => merge(out, [input]));
  if (done.value === undefined) return outcomeOf(done);
  const merged = plainEntries(out);
  for (const entry of entries) {
    const name = nameOf(entry);
    const is = merged.some((one) =>
      one.digest === entry.digest && (name === undefined || nameOf(one) === name)
    );
    assert.ok(is, `merge left ${JSON.stringify(nameOf(entry))} ${entry.digest} out`);
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
  return outcomeOf(await attempt(() => readBase(source, entry, wanted, "base image x")));
}

/** What an image needs stays. */
async function collect(input: string): Promise<string> {
  const whole = wholeEntries(input);
  const done = await attempt(() => gc(input, { pruneNow: true }));
  for (const entry of whole) {
    assert.equal(plainGraph(input, entry).fault, undefined, "gc took what an image needs");
  }
  return outcomeOf(done);
}

async function tagIn(input: string, entry: Descriptor): Promise<string> {
  const before = plainEntries(input);
  const done = await attempt(() => tag(input, entry.digest, ["new/name:v9"]));
  assertKept(before, plainEntries(input), done);
  return outcomeOf(done);
}

async function removeFrom(input: string, entry: Descriptor): Promise<string> {
  const before = plainEntries(input);
  const done = await attempt(() => rm(input, [entry.digest]));
  assertKept(before.filter(({ digest }) => digest !== entry.digest), plainEntries(input), done);
  return outcomeOf(done);
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
