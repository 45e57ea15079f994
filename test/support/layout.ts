/**
 * Layouts under test: checked byte by byte with kodeno's own code, and read with a program of
 * somebody else's (regctl).
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { verify } from "../../src/content/check.ts";
import { temporaryPath } from "../../src/io/atomic.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { imageName } from "../../src/oci/entries.ts";
import type { ImageConfig, Index, Manifest } from "../../src/oci/manifest.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { goTool } from "../parts/tools.ts";
import { succeed } from "./process.ts";
import { filesBelow, names } from "./temp.ts";

/** Every file below a folder with the digest of its bytes. */
export async function fingerprint(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await filesBelow(folder)) {
    const bytes = await Deno.readFile(join(folder, name));
    found[name] = createHash("sha256").update(bytes).digest("hex");
  }
  return found;
}

/** The entries of `index.json`, as they are in the file. */
export async function entriesOf(layout: string): Promise<Descriptor[]> {
  return JSON.parse(await Deno.readTextFile(join(layout, "index.json"))).manifests;
}

/** Names (`NAME:TAG`) of the entries as they are shown, in their order. */
export async function imageNames(layout: string): Promise<(string | undefined)[]> {
  return (await entriesOf(layout)).map(imageName);
}

/** The path of a temporary file whose process is gone. */
export function deadTemporary(folder: string): string {
  return temporaryPath(folder).replace(`-${Deno.pid}-`, "-4194303-");
}

/** Files in a layout or cache that only a running kodeno may have. */
export async function temporaries(folder: string): Promise<string[]> {
  return (await filesBelow(folder)).filter((name) => name.endsWith(".tmp"));
}

/**
 * Checks a layout: each blob has the digest that names it, and each entry is whole. Temporary files
 * of a process that was killed may lie about, but only where the next one finds them.
 */
export async function assertSound(layout: string): Promise<readonly Descriptor[]> {
  const blobs = join(layout, "blobs", "sha256");
  for (const name of await names(blobs)) {
    const digest = createHash("sha256").update(await Deno.readFile(join(blobs, name)));
    assert.equal(digest.digest("hex"), name, "a blob is not what its name says");
  }
  const others = (await filesBelow(layout)).filter((name) => !name.startsWith("blobs/sha256/"));
  assert.deepEqual(others.filter((name) => !name.endsWith(".tmp")), ["index.json", "oci-layout"]);
  assert.ok(others.every((name) => !name.includes("/")), others.join(" "));
  const place = await openLayout(layout);
  const entries = await place.entries();
  for (const entry of entries) await verify(place, entry);
  return entries;
}

/** {@link assertSound}, and that nothing temporary is left. */
export async function assertClean(layout: string): Promise<readonly Descriptor[]> {
  const entries = await assertSound(layout);
  assert.deepEqual(await temporaries(layout), []);
  return entries;
}

/** The provenance in a layout, of an image by its digest. */
export async function provenanceIn(layout: string, digest: string) {
  using place = await openLayout(layout);
  for (const entry of await place.entries()) {
    if (entry.artifactType !== "application/vnd.in-toto+json") continue;
    const manifest = await new Response(await place.fetch(entry)).json();
    if (manifest.subject.digest === digest) {
      return await new Response(await place.fetch(manifest.layers[0])).text();
    }
  }
  return assert.fail(`no provenance of ${digest}`);
}

/** The digest at the end of a reference that kodeno printed. */
export function digestIn(reference: string): string {
  const found = /@(sha256:[0-9a-f]{64})$/.exec(reference.trim());
  assert.ok(found?.[1], `no digest in ${reference}`);
  return found[1];
}

/** The manifest or index behind a tag or digest, as regctl reads it. */
export async function manifestOf(layout: string, ref: string): Promise<Manifest & Index> {
  const args = ["manifest", "get", "--format", "raw-body", ocidir(layout, ref)];
  return JSON.parse(await succeed(await goTool("regctl"), args));
}

/** The config of an image, as regctl reads it. */
export async function configOf(
  layout: string,
  ref: string,
  platform?: string,
): Promise<ImageConfig> {
  const args = ["image", "inspect", ...platformFlag(platform), ocidir(layout, ref)];
  return JSON.parse(await succeed(await goTool("regctl"), args));
}

/** A file of an image, as regctl takes it out of the layers. */
export async function fileOf(
  layout: string,
  ref: string,
  path: string,
  platform?: string,
): Promise<Uint8Array> {
  const out = await Deno.makeTempFile({ prefix: "kodeno-test-" });
  try {
    const args = ["image", "get-file", ...platformFlag(platform), ocidir(layout, ref), path, out];
    await succeed(await goTool("regctl"), args);
    return await Deno.readFile(out);
  } finally {
    await Deno.remove(out);
  }
}

/** What the program of an image for this machine's platform prints. */
export async function outputOf(
  layout: string,
  ref: string,
  name = "app",
  args: readonly string[] = [],
): Promise<string> {
  return await withProgram(layout, ref, name, (path) => succeed(path, args));
}

/** The build settings that go left in the program `app` of an image, by their names. */
export async function buildSettings(
  layout: string,
  ref: string,
  platform?: string,
): Promise<Record<string, string>> {
  const work = (path: string) => succeed("go", ["version", "-m", path]);
  const text = await withProgram(layout, ref, "app", work, platform);
  // go puts quotes around what has blanks in it.
  const found = [...text.matchAll(/^\tbuild\t([^=\n]+)=(?:"(.*)"|(.*))$/gm)];
  return Object.fromEntries(found.map(([, key, quoted, plain]) => [key, quoted ?? plain]));
}

async function withProgram<T>(
  layout: string,
  ref: string,
  name: string,
  work: (path: string) => Promise<T>,
  platform?: string,
): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "kodeno-test-" });
  try {
    await Deno.writeFile(path, await fileOf(layout, ref, `ko-app/${name}`, platform));
    await Deno.chmod(path, 0o755);
    return await work(path);
  } finally {
    await Deno.remove(path);
  }
}

function ocidir(layout: string, ref: string): string {
  return `ocidir://${layout}${ref.startsWith("sha256:") ? "@" : ":"}${ref}`;
}

function platformFlag(platform: string | undefined): string[] {
  return platform === undefined ? [] : ["--platform", platform];
}
