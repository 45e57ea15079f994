/**
 * Registries on a bad day, as the binary meets them: what breaks is sent or fetched again, what is
 * wrong ends with one line, and no name is left for it.
 * @module
 */
import assert from "node:assert/strict";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { needs } from "../parts/tools.ts";
import {
  endlessManifest,
  type Handle,
  is,
  large as lump,
  startFaulty,
} from "../registry/fault_lab.ts";
import { soon } from "../support/fails.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { assertClean } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const large = blob(lump.bytes, MediaType.layerGzip);
const graph = image({ os: "linux", architecture: "amd64" }, [large]);
const blobs = [large, graph.config, graph.manifest];
const digest = graph.manifest.descriptor.digest;

interface Case {
  readonly what: string;
  readonly handle: Handle;
  /** The one line that tells of it; without it, all goes well in the end. */
  readonly says?: RegExp;
}

const PUSHES: readonly Case[] = [
  {
    what: "the connection breaks in the middle of a blob, twice",
    handle: (exchange, count) =>
      exchange.pass(is(exchange, "PATCH", "blobs") && count <= 2 ? { cutUpload: 2_000_000 } : {}),
  },
  {
    what: "the answer to a blob is lost",
    handle: async (exchange, count) => {
      const lost = is(exchange, "PUT", "blobs") && count === 1;
      await exchange.pass({ headers: (headers) => lost && (headers["content-length"] = "1") });
      if (lost) exchange.cut();
    },
  },
  {
    what: "every request is answered 503 at first",
    handle: (exchange, count) => count <= 2 ? exchange.answer(503) : exchange.pass(),
  },
  {
    what: "it asks for a pause",
    handle: (exchange, count) =>
      count === 1 ? exchange.answer(429, { "retry-after": "1" }) : exchange.pass(),
  },
  {
    what: "it is slow",
    handle: (exchange) => exchange.pass({ slowMs: 5 }),
  },
  {
    what: "it is full",
    handle: (exchange) =>
      is(exchange, "PUT", "blobs") || is(exchange, "PATCH", "blobs")
        ? exchange.answer(413)
        : exchange.pass(),
    says: /Cannot push blob sha256:\w+ to .*: .*413/,
  },
];

const PULLS: readonly Case[] = [
  {
    what: "the connection breaks in the middle of a blob, three times",
    handle: (exchange) => {
      const range = exchange.seen.headers.range ?? "";
      const cut = is(exchange, "GET", "blobs") && !/bytes=3\d{6}/.test(range);
      return exchange.pass(cut ? { cutAnswer: 1_200_000 } : {});
    },
  },
  {
    what: "a manifest breaks off",
    handle: (exchange, count) =>
      exchange.pass(is(exchange, "GET", "manifests") && count === 1 ? { cutAnswer: 20 } : {}),
  },
  {
    what: "every request is answered 500 at first",
    handle: (exchange, count) => count <= 2 ? exchange.answer(500) : exchange.pass(),
  },
  {
    what: "its bytes are others",
    handle: (exchange) =>
      exchange.pass(
        is(exchange, "GET", "blobs") ? { change: (bytes) => bytes.map((b) => b ^ 1) } : {},
      ),
    says: /Cannot use blob sha256:\w+ of repository \S+: its content has digest sha256:\w+; /,
  },
  {
    what: "a web page is in its place",
    handle: ({ answer }) => answer(200, { "content-type": "text/html" }, "<html>log in</html>"),
    says: /answered with a web page; make sure that it is a registry/,
  },
  {
    what: "it sends one round in circles",
    handle: (exchange) => exchange.answer(307, { location: exchange.seen.url }),
    says: /redirects more than 8 times/,
  },
  {
    what: "a manifest has no end",
    handle: (exchange) => endlessManifest(exchange, { "docker-content-digest": digest }),
    says: /larger than 4194304 bytes/,
  },
];

for (const { what, handle, says } of PUSHES) {
  Deno.test({
    name: `faults: push to a registry, and ${what}`,
    ...needs("docker-registry"),
    async fn() {
      await using dir = await tempDir();
      const layout = await openLayout(dir.join("layout"), { create: true });
      await pushAll(layout, blobs);
      await layout.tag(graph.manifest.descriptor, "app:v1");
      await using faulty = await startFaulty(handle);
      const args = ["push", "layout", "--to", faulty.proxy.host];
      const { code, stderr } = await soon(kodeno(args, { cwd: dir.path }), 60_000);
      if (says === undefined) {
        assert.equal(code, 0, stderr);
        assert.equal((await faulty.direct.resolve("v1")).digest, digest);
        assert.equal(await faulty.direct.has(large.descriptor), true);
      } else {
        assert.equal(code, 1, stderr);
        assert.match(stderr, says);
        await assert.rejects(() => faulty.direct.resolve("v1"));
      }
    },
  });
}

for (const { what, handle, says } of PULLS) {
  Deno.test({
    name: `faults: pull from a registry, and ${what}`,
    ...needs("docker-registry"),
    async fn() {
      await using dir = await tempDir();
      await using faulty = await startFaulty(handle);
      await pushAll(faulty.direct, blobs);
      await faulty.direct.tag(graph.manifest.descriptor, "v1");
      const args = ["pull", `${faulty.proxy.host}/app:v1`, "--oci-layout", "out"];
      const { code, stdout, stderr } = await soon(kodeno(args, { cwd: dir.path }), 60_000);
      if (says === undefined) {
        assert.equal(code, 0, stderr);
        const layout = await openLayout(dir.join("out"));
        assert.equal(await layout.has(graph.manifest.descriptor), true);
        await assertClean(dir.join("out"));
      } else {
        assert.deepEqual([code, stdout], [1, ""], stderr);
        assert.match(stderr, says);
        await assert.rejects(Deno.stat(dir.join("out")), "nothing is left of a layout that failed");
      }
    },
  });
}
