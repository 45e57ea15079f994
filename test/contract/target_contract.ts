/**
 * What every place that is read from and written to has to do, whichever it is: one suite of tests
 * that each place runs.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { copy } from "../../src/content/copy.ts";
import type { CallOptions, OpenBlob, Source, Target } from "../../src/content/places.ts";
import { verify } from "../../src/content/check.ts";
import { successors } from "../../src/content/walk.ts";
import { bytesStream, readAll } from "../../src/io/streams.ts";
import {
  bareDescriptor,
  type Descriptor,
  type Digest,
  MediaType,
} from "../../src/oci/descriptor.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { failsWith, soon } from "../support/fails.ts";
import {
  type Blob,
  blob,
  image,
  imageGraph,
  index,
  jsonBlob,
  pushAll,
} from "../support/image_graph.ts";

/** An empty place for one test. */
export interface MadePlace extends AsyncDisposable {
  readonly place: Target;
  /**
   * Ends the work and gives who reads what came of it, for a place that has images only, once the work
   * is ended. Leave it out for one that gives back each blob at once: it is a source itself.
   */
  readonly settle?: () => Promise<Source>;
  /**
   * What somebody finds who looks past the interface (files, say), so that leftovers show. Leave it
   * out where nobody can look.
   */
  readonly traces?: () => Promise<unknown>;
  /** The reference of a tag in this place; `app:TAG` unless given. */
  readonly ref?: (tag: string) => string;
}

type Fill = (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>;

const open = ({ bytes }: Blob): OpenBlob => () => Promise.resolve(bytesStream(bytes));
const opening = (pull: Fill): OpenBlob => () => Promise.resolve(new ReadableStream({ pull }));
const bytesOf = async (source: Source, d: Descriptor): Promise<Uint8Array> =>
  await readAll(await source.fetch(d), 1 << 20, "a test's blob");

/** Sends one half of a blob and then goes on as told. */
function half({ bytes }: Blob, then: Fill): OpenBlob {
  let sent = false;
  return opening(async (controller) => {
    if (sent) return await then(controller);
    sent = true;
    controller.enqueue(bytes.subarray(0, bytes.length / 2));
  });
}

/** A target that tells what came in, and how much of it at once. */
class Recorder implements Target {
  readonly calls: string[] = [];
  #now = 0;
  most = 0;

  constructor(readonly target: Target) {}

  async has(d: Descriptor, o?: CallOptions): Promise<boolean> {
    return await this.target.has(d, o);
  }

  async push(d: Descriptor, open: OpenBlob, o?: CallOptions): Promise<void> {
    this.most = Math.max(this.most, ++this.#now);
    try {
      await this.target.push(d, open, o);
    } finally {
      this.#now--;
    }
    this.calls.push(d.digest);
  }

  async tag(d: Descriptor, ref: string, o?: CallOptions): Promise<void> {
    await this.target.tag(d, ref, o);
    this.calls.push(`tag ${ref}`);
  }
}

/** A source that tells what was fetched, and how much of it was on its way at once. */
class Fetched implements Source {
  readonly digests: string[] = [];
  #now = 0;
  most = 0;

  constructor(readonly source: Source, readonly missing?: Digest) {}

  async resolve(ref: string, o?: CallOptions): Promise<Descriptor> {
    return await this.source.resolve(ref, o);
  }

  async fetch(d: Descriptor, o?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    this.digests.push(d.digest);
    if (d.digest === this.missing) return await new MemoryStore().fetch(d);
    this.most = Math.max(this.most, ++this.#now);
    const whole = await bytesOf(this.source, d);
    // Long enough that the others come, if they may.
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.#now--;
    o?.signal?.throwIfAborted();
    return bytesStream(whole);
  }
}

/** Runs the contract against a kind of place. */
export function targetContract(
  name: string,
  make: () => Promise<MadePlace>,
  more: Partial<Deno.TestDefinition> = {},
): void {
  interface Context {
    readonly place: Target;
    /** What can be read there; gives images only, and ends the work, where `isBlobwise` is false. */
    readonly read: () => Promise<Source>;
    readonly isBlobwise: boolean;
    readonly ref: (tag: string) => string;
    /** Runs work that must leave no blob, no name and no leftover. */
    readonly leavesNothing: (d: Descriptor, work: () => Promise<unknown>) => Promise<void>;
  }

  function test(what: string, fn: (context: Context) => Promise<void>): void {
    Deno.test({
      ...more,
      name: `${name}: ${what}`,
      async fn() {
        await using made = await make();
        const { place, ref = (tag) => `app:${tag}`, traces, settle } = made;
        const isBlobwise = settle === undefined;
        const read = settle ?? (() => Promise.resolve(place as Source & Target));
        await fn({
          place,
          read,
          isBlobwise,
          ref,
          async leavesNothing(d, work) {
            const before = await traces?.();
            await work();
            assert.equal(await place.has(d).catch(() => false), false);
            if (isBlobwise) await assert.rejects(async () => await (await read()).fetch(d));
            assert.deepEqual(await traces?.(), before);
          },
        });
      },
    });
  }

  test("gives back the bytes that were pushed", async ({ place, read, isBlobwise }) => {
    const large = new Uint8Array(3_000_000).map((_, i) => i * i >> 3);
    for (const b of [blob("hello"), blob(""), blob(large)]) {
      assert.equal(await place.has(b.descriptor), false);
      await place.push(b.descriptor, open(b));
      assert.equal(await place.has(b.descriptor), true);
      if (!isBlobwise) continue;
      const back = await readAll(await (await read()).fetch(b.descriptor), 4_000_000, "the blob");
      assert.ok(back.length === b.bytes.length && back.every((byte, i) => byte === b.bytes[i]));
    }
  });

  test("takes blobs that are named by sha512", async ({ place, read, isBlobwise }) => {
    const good = blob("long name", MediaType.layer, "sha512");
    await failsWith("BAD_CONTENT", () => place.push(good.descriptor, open(blob("long nose"))));
    await pushAll(place, [good, good]);
    assert.equal(await place.has(good.descriptor), true);
    if (isBlobwise) assert.deepEqual(await bytesOf(await read(), good.descriptor), good.bytes);
    // An image of ours may have such a layer, of a base that others made.
    const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [good]);
    await pushAll(place, [config, manifest]);
    assert.equal(await place.has(manifest.descriptor), true);
  });

  test("has no blob whose size is another one", async ({ place }) => {
    const b = blob("hello");
    await place.push(b.descriptor, open(b));
    assert.equal(await place.has({ ...b.descriptor, size: 4 }), false);
  });

  test("does not mind a blob that is there", async ({ place, read, isBlobwise }) => {
    const b = blob("twice");
    await pushAll(place, [b, b]);
    if (isBlobwise) assert.deepEqual(await bytesOf(await read(), b.descriptor), b.bytes);
  });

  test("takes the same blob from several at once", async ({ place, read, isBlobwise }) => {
    const b = blob("at once");
    await Promise.all(Array.from({ length: 8 }, () => place.push(b.descriptor, open(b))));
    if (isBlobwise) assert.deepEqual(await bytesOf(await read(), b.descriptor), b.bytes);
  });

  test("says NOT_FOUND for what is not there", async ({ place, read, ref }) => {
    const { descriptor } = blob("absent");
    assert.equal(await place.has(descriptor), false);
    const source = await read();
    await failsWith("NOT_FOUND", () => source.fetch(descriptor), new RegExp(descriptor.digest));
    await failsWith("NOT_FOUND", () => source.resolve(ref("absent")), /absent/);
    await failsWith("NOT_FOUND", () => source.resolve(descriptor.digest));
  });

  const right = blob("exactly these bytes");
  const wrong: Readonly<Record<string, OpenBlob>> = {
    "other bytes of the same size": open(blob("exactly other bytes")),
    "a byte less": open(blob("exactly these byte")),
    "a byte more": open(blob("exactly these bytes.")),
    "no bytes": open(blob("")),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    test(`refuses ${what}`, async ({ place, read, isBlobwise, leavesNothing }) => {
      await leavesNothing(right.descriptor, async () => {
        await failsWith(
          "BAD_CONTENT",
          () => place.push(right.descriptor, bytes),
          new RegExp(right.descriptor.digest),
        );
      });
      await place.push(right.descriptor, open(right));
      assert.equal(await place.has(right.descriptor), true);
      if (isBlobwise) assert.deepEqual(await bytesOf(await read(), right.descriptor), right.bytes);
    });
  }

  test("keeps a good blob when bad bytes come under its name", async (context) => {
    const { place, read, isBlobwise } = context;
    await place.push(right.descriptor, open(right));
    const bad = blob("exactly other bytes");
    // A place may say that it has the blob, and not read any further.
    await place.push(right.descriptor, open(bad)).catch(() => {});
    assert.equal(await place.has(right.descriptor), true);
    if (isBlobwise) assert.deepEqual(await bytesOf(await read(), right.descriptor), right.bytes);
  });

  test("leaves nothing of a stream that breaks", async ({ place, leavesNothing }) => {
    const broken: readonly OpenBlob[] = [
      () => Promise.reject(new Error("cable cut")),
      opening((controller) => controller.error(new Error("cable cut"))),
      half(right, (controller) => controller.error(new Error("cable cut"))),
    ];
    for (const stream of broken) {
      await leavesNothing(right.descriptor, async () => {
        await assert.rejects(place.push(right.descriptor, stream), /cable cut/);
      });
    }
  });

  test("throws what opening a blob throws, as it came", async ({ place, leavesNothing }) => {
    const reason = new Error("cable cut");
    await leavesNothing(right.descriptor, async () => {
      const push = () => place.push(right.descriptor, () => Promise.reject(reason));
      await assert.rejects(push, (error) => error === reason);
    });
  });

  test("does not begin when the signal is aborted", async (context) => {
    const { place, read, isBlobwise, ref, leavesNothing } = context;
    const reason = new Error("stopped by the test");
    const signal = AbortSignal.abort(reason);
    await leavesNothing(right.descriptor, async () => {
      const calls: readonly (() => Promise<unknown>)[] = [
        () => place.push(right.descriptor, open(right), { signal }),
        () => place.has(right.descriptor, { signal }),
        () => place.tag(right.descriptor, ref("v1"), { signal }),
      ];
      const source = await read();
      const reads: readonly (() => Promise<unknown>)[] = [
        () => source.fetch(right.descriptor, { signal }),
        () => source.resolve(ref("v1"), { signal }),
      ];
      // A call gives a promise, whatever becomes of it: nobody guards against both.
      for (const call of [...calls, ...isBlobwise ? reads : []]) {
        await assert.rejects(call(), (error) => error === reason);
      }
    });
  });

  for (const silent of [false, true]) {
    const stream = silent ? "a stream that says no more" : "a stream that goes on";
    test(`ends with the signal, for ${stream}, too`, async ({ place, leavesNothing }) => {
      const controller = new AbortController();
      let cancelled = false;
      await leavesNothing(right.descriptor, async () => {
        let sent = 0;
        const endless = new ReadableStream<Uint8Array>({
          async pull(c) {
            c.enqueue(right.bytes.subarray(sent, sent + 1));
            if (++sent !== 3) return;
            const abort = () => controller.abort(new Error("stopped by the test"));
            if (!silent) return abort();
            // When the chunk has long been taken, and the next one is waited for.
            setTimeout(abort, 20);
            await new Promise(() => {});
          },
          cancel: () => void (cancelled = true),
        }, { highWaterMark: 0 });
        const { signal } = controller;
        const work = place.push(right.descriptor, () => Promise.resolve(endless), { signal });
        await assert.rejects(soon(work), /stopped by the test/);
      });
      // Otherwise the file or connection behind it would stay open.
      assert.equal(cancelled, true);
    });
  }

  test("names, and names anew", async ({ place, read, ref }) => {
    const [one, two] = [imageGraph("one"), imageGraph("two")];
    await pushAll(place, [...one.blobs, ...two.blobs]);
    await place.tag(one.root.descriptor, ref("v1"));
    await place.tag(one.root.descriptor, ref("v2"));
    const of = async (name: string) => bareDescriptor(await (await read()).resolve(name));
    assert.deepEqual(await of(ref("v1")), one.root.descriptor);
    await pushAll(place, two.blobs);
    await place.tag(two.root.descriptor, ref("v1"));
    assert.deepEqual(await of(ref("v1")), two.root.descriptor);
    assert.deepEqual(await of(ref("v2")), one.root.descriptor);
    assert.deepEqual(await of(two.root.descriptor.digest), two.root.descriptor);
  });

  test("names nothing that is not there", async ({ place, read, ref }) => {
    const isNameless = async () => {
      const source = await read();
      await failsWith("NOT_FOUND", () => source.resolve(ref("v1")));
    };
    const { root, shared, blobs } = imageGraph();
    await failsWith("NOT_FOUND", () => place.tag(root.descriptor, ref("v1")));
    await isNameless();
    // Neither an image that lacks a layer; a place may already refuse its manifest.
    await pushAll(place, blobs.filter((b) => b !== shared)).catch(() => {});
    assert.equal(await place.has(root.descriptor), false);
    await failsWith("NOT_FOUND", () => place.tag(root.descriptor, ref("v1")));
    await isNameless();
    await pushAll(place, blobs);
    assert.equal(await place.has(root.descriptor), true);
  });

  test("refuses names that nobody could read", async ({ place, ref }) => {
    const { root, blobs } = imageGraph();
    await pushAll(place, blobs);
    for (const tag of ["", "-v1", "v 1", "v1/x:", "x".repeat(129), "../v1"]) {
      await failsWith("BAD_REFERENCE", () => place.tag(root.descriptor, ref(tag)));
    }
  });

  test("takes no digest for a path", async ({ place, read, leavesNothing }) => {
    const hex = right.descriptor.digest.slice("sha256:".length);
    const digests = ["sha256:../../x", "sha256:../../oci-layout", "../x", "", `sha256:${hex}/..`];
    digests.push(`SHA256:${hex}`, `sha512:${hex}`, `sha256:${hex.toUpperCase()}`, hex);
    for (const text of digests) {
      const d = { ...right.descriptor, digest: text as Digest };
      await leavesNothing(d, async () => {
        await failsWith("BAD_CONTENT", () => place.push(d, open(right)));
        const source = await read();
        await failsWith("BAD_CONTENT", () => source.fetch(d));
      });
    }
  });

  test("copy brings children before parents, and the names last", async ({ place, ref }) => {
    const { root, blobs } = imageGraph();
    const from = new MemoryStore();
    await pushAll(from, blobs);
    const target = new Recorder(place);
    const tags = [ref("v1"), ref("v2")];
    assert.deepEqual(await copy(from, root.descriptor, target, { tags }), root.descriptor);
    assert.deepEqual(target.calls.slice(-3), [
      root.descriptor.digest,
      ...tags.map((t) => `tag ${t}`),
    ]);
    // Each once: the shared layer, too.
    const digests = blobs.map(({ descriptor }) => descriptor.digest);
    assert.deepEqual(target.calls.slice(0, -2).sort(), digests.sort());
    for (const { descriptor, bytes } of blobs) {
      for (const child of successors(descriptor, bytes)) {
        assert.ok(target.calls.indexOf(child.digest) < target.calls.indexOf(descriptor.digest));
      }
    }
  });

  test("copy goes there and back, by name", async ({ place, read, ref }) => {
    const { root, blobs } = imageGraph();
    await pushAll(place, blobs);
    await place.tag(root.descriptor, ref("v1"));
    const back = new MemoryStore();
    const source = await read();
    const copied = await copy(source, ref("v1"), back, { tags: ["app:back"] });
    assert.equal(copied.digest, root.descriptor.digest);
    assert.equal((await verify(back, root.descriptor)).blobs, blobs.length);
    assert.equal((await verify(source, root.descriptor)).blobs, blobs.length);
  });

  test("copy fetches nothing that is there", async ({ place, read, ref }) => {
    const [one, two] = [imageGraph("one"), imageGraph("two")];
    const from = new MemoryStore();
    await pushAll(from, [...one.blobs, ...two.blobs]);
    await copy(from, one.root.descriptor, place, { tags: [ref("v1")] });
    const again = new Fetched(from);
    const told: boolean[] = [];
    await copy(again, one.root.descriptor, place, {
      tags: [ref("v2")],
      onBlob: (_, moved) => told.push(moved),
    });
    assert.deepEqual([again.digests, told], [[], [false]]);

    // An image that has one layer there and one not.
    const mixed = image({ os: "linux", architecture: "386" }, [one.shared, two.shared]);
    await pushAll(from, [mixed.config, mixed.manifest]);
    await copy(again, mixed.manifest.descriptor, place);
    const wanted = [mixed.manifest, mixed.config, two.shared].map((b) => b.descriptor.digest);
    assert.deepEqual(again.digests.toSorted(), wanted.sort());
    assert.equal((await (await read()).resolve(ref("v2"))).digest, one.root.descriptor.digest);
  });

  test("copy moves no more at once than it may", async ({ place }) => {
    const images = ["386", "amd64", "arm64", "s390x", "riscv64"].map((architecture) => {
      const layers = [blob(`one for ${architecture}`), blob(`two for ${architecture}`)];
      return { layers, ...image({ os: "linux", architecture }, layers) };
    });
    const root = index(images.map(({ manifest }) => [manifest]));
    const parts = images.flatMap(({ layers, config, manifest }) => [...layers, config, manifest]);
    const from = new MemoryStore();
    await pushAll(from, [...parts, root]);
    for (const [concurrency, target] of [[3, place], [1, new MemoryStore()]] as const) {
      const [source, recorder] = [new Fetched(from), new Recorder(target)];
      await copy(source, root.descriptor, recorder, { concurrency });
      assert.equal(recorder.most, concurrency);
      // A place may have read a small blob before the next one is opened.
      assert.ok(source.most <= concurrency, String(source.most));
    }
  });

  test("copy gives no name to what the source lacks a part of", async ({ place, read, ref }) => {
    const { root, shared, blobs } = imageGraph();
    const from = new MemoryStore();
    await pushAll(from, blobs);
    const source = new Fetched(from, shared.descriptor.digest);
    const tags = [ref("v1")];
    await failsWith(
      "NOT_FOUND",
      () => copy(source, root.descriptor, place, { tags }),
      new RegExp(shared.descriptor.digest),
    );
    assert.equal(await place.has(root.descriptor), false);
    const before = await read();
    await failsWith("NOT_FOUND", () => before.resolve(ref("v1")));
    // What was moved is of use the next time.
    await copy(from, root.descriptor, place, { tags });
    assert.equal((await verify(await read(), root.descriptor)).blobs, blobs.length);
  });

  test("copy leaves foreign layers, and brings what descriptors carry", async (context) => {
    const { place, read, ref } = context;
    const config = blob("{}", "application/vnd.oci.empty.v1+json");
    const type = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    const foreign = blob("somewhere else", type);
    const manifest = jsonBlob({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: { ...config.descriptor, data: "e30=" },
      layers: [{ ...foreign.descriptor, urls: ["https://layers.example/x"] }],
    }, MediaType.manifest);
    // So does what names the image, as entries of an index.json may.
    const root = { ...manifest.descriptor, data: Buffer.from(manifest.bytes).toString("base64") };
    const moved: string[] = [];
    const onBlob = ({ digest }: Descriptor, isMoved: boolean) => isMoved && moved.push(digest);
    await copy(new MemoryStore(), root, place, { tags: [ref("v1")], onBlob });
    assert.deepEqual(moved, [config.descriptor.digest, root.digest]);
    assert.equal(await place.has(manifest.descriptor), true);
    assert.equal(await place.has(config.descriptor), true);
    assert.equal(await place.has(foreign.descriptor), false);
    const source = await read();
    const { digest } = await source.resolve(ref("v1"));
    assert.equal(digest, manifest.descriptor.digest);
    assert.equal((await verify(source, manifest.descriptor)).blobs, 2);
  });

  test("copy ends with the signal, and gives no name", async ({ place, read, ref }) => {
    const { root, blobs } = imageGraph();
    const from = new MemoryStore();
    await pushAll(from, blobs);
    const controller = new AbortController();
    const work = copy(from, root.descriptor, place, {
      concurrency: 1,
      tags: [ref("v1")],
      signal: controller.signal,
      onBlob: () => controller.abort(new Error("stopped by the test")),
    });
    await assert.rejects(soon(work), /stopped by the test/);
    const source = await read();
    await failsWith("NOT_FOUND", () => source.resolve(ref("v1")));
  });
}
