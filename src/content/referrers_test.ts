import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { KodenoError } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { type Descriptor, MediaType } from "../oci/descriptor.ts";
import type { Source } from "./places.ts";
import { findAbout, referrerFinder } from "./referrers.ts";

const named = (text: string): Descriptor & { readonly digest: string } => ({
  mediaType: MediaType.manifest,
  digest: digestOf(text),
  size: 100,
});
const config = { mediaType: MediaType.config, digest: digestOf("{}"), size: 2 };
const bytes = new TextEncoder().encode(
  JSON.stringify({ schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [] }),
);
const root = { mediaType: MediaType.manifest, digest: digestOf(bytes), size: bytes.length };

/** A registry that says what a test wants it to of each manifest. */
function listing(of: (d: Descriptor) => readonly Descriptor[] | Promise<readonly Descriptor[]>) {
  const seen = { asked: 0, now: 0, most: 0 };
  const source: Source = {
    resolve: () => Promise.resolve(root),
    fetch: () => Promise.resolve(new Blob([bytes]).stream()),
    async referrers(d) {
      seen.asked++;
      seen.most = Math.max(seen.most, ++seen.now);
      // Answers come in whatever order.
      await new Promise((resolve) => setTimeout(resolve, seen.asked % 3));
      seen.now--;
      return await of(d);
    },
  };
  return { source, seen };
}

Deno.test("referrers: ten thousand are found in order, few of them asked for at a time", async () => {
  const all = Array.from({ length: 10_000 }, (_, i) => named(`referrer ${i}`));
  const { source, seen } = listing((d) => d.digest === root.digest ? all : []);
  const { referrers, tagged } = await findAbout(source, root);
  assert.deepEqual(referrers, all);
  assert.deepEqual(tagged, []);
  assert.equal(seen.asked, all.length + 1);
  assert.ok(seen.most <= 16, `${seen.most} at once`);
});

Deno.test("referrers: a circle of them is gone round once, and ever new ones have an end", async () => {
  const [a, b] = [named("a"), named("b")];
  const circle = listing((d) => d.digest === a.digest ? [b, root] : [a, a, b]);
  assert.deepEqual(await (await referrerFinder(circle.source))(root), [a, b]);
  assert.equal(circle.seen.asked, 3);
  const endless = listing((d) => [named(`about ${d.digest}`)]);
  await failsWith(
    "BAD_CONTENT",
    async () => await (await referrerFinder(endless.source))(root),
    /no honest image has that/,
  );
});

Deno.test("referrers: one that cannot be asked for ends the others, which are waited for", async () => {
  const all = Array.from({ length: 100 }, (_, i) => named(`referrer ${i}`));
  const { source, seen } = listing((d) => {
    if (d === all[3]) throw new KodenoError("REGISTRY_FAILED", "in vain");
    return d.digest === root.digest ? all : [];
  });
  const find = await referrerFinder(source);
  await failsWith("REGISTRY_FAILED", () => find(root), /^in vain$/);
  assert.equal(seen.now, 0);
  assert.ok(seen.asked < 50, `${seen.asked} were asked for`);
});
