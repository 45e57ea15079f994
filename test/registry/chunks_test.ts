/**
 * Registries behind proxies that take no large bodies: a blob goes there in chunks, and each chunk
 * once.
 * @module
 */
import assert from "node:assert/strict";
import type { Exchange } from "../parts/fault_proxy.ts";
import { failsWith } from "../support/fails.ts";
import { until } from "../support/process.ts";
import { type Blob, blob } from "../support/image_graph.ts";
import {
  type Context,
  fault,
  is,
  large,
  open,
  pull,
  push,
  same,
  sent,
  SIZE,
  small,
} from "./fault_lab.ts";

const MIB = 1024 * 1024;

/** How many bytes a body has; infinitely many where it does not say so before. */
const lengthOf = ({ seen: { headers } }: Exchange): number =>
  headers["transfer-encoding"] === "chunked" ? Infinity : Number(headers["content-length"] ?? 0);

/** Refuses a body by its length, before it has come in, and closes, as nginx does. */
function refused(exchange: Exchange, most: number, status = 413): boolean {
  const { response, request } = exchange;
  if (lengthOf(exchange) <= most) return false;
  response.writeHead(status, { "content-length": "0", connection: "close" });
  response.end(() => setTimeout(() => exchange.cut(), 20));
  request.resume();
  return true;
}

/** Content-Range and length of the chunks that came in whole. */
function chunks({ proxy }: Context): [range: string | undefined, bytes: number][] {
  return sent(proxy, "PATCH").filter(({ headers, bytes }) =>
    bytes === Number(headers["content-length"])
  )
    .map(({ headers, bytes }) => [headers["content-range"], bytes]);
}

/** The ranges of chunks of 1 MiB, and of the rest. */
function ranges(chunk = MIB): [string, number][] {
  return Array.from({ length: Math.ceil(SIZE / chunk) }, (_, i) => {
    const end = Math.min(SIZE, (i + 1) * chunk);
    return [`${i * chunk}-${end - 1}`, end - i * chunk];
  });
}

async function arrived({ direct }: Context, b: Blob = large): Promise<void> {
  assert.ok(same(await pull(direct, b), b.bytes));
}

fault("a blob too large for a proxy goes in chunks", async (exchange) => {
  if (!refused(exchange, MIB + 1000)) await exchange.pass();
}, async (context) => {
  const { proxy, store } = context;
  await push(store, large);
  await arrived(context);
  assert.deepEqual(chunks(context).slice(-5), ranges());
  // One that is read whole after each refusal, or sent in part, would show here.
  const tries = proxy.seen.filter(isUpload).slice(0, 5)
    .map(({ headers }) => headers["content-range"]);
  assert.deepEqual(tries, [undefined, "0-4194303", "0-2097151", "0-1048575", "1048576-2097151"]);
  assert.equal(sent(proxy, "PUT").at(-1)?.bytes, 0);

  // What was found out once holds for the next blob, and for one that fits.
  const before = proxy.seen.length;
  const other = blob(large.bytes.slice().fill(7, 0, 100), "application/octet-stream");
  await push(store, other);
  await push(store, small);
  await arrived(context, other);
  await arrived(context, small);
  const later = proxy.seen.slice(before).filter(isUpload).map(({ method }) => method);
  assert.deepEqual(later, ["PATCH", "PATCH", "PATCH", "PATCH", "PATCH", "PUT", "PUT"]);
});

for (const status of [400, 411, 416]) {
  fault(
    `a registry that answers ${status} to a body without a length gets chunks`,
    async (exchange) => {
      if (!refused(exchange, SIZE, status)) await exchange.pass();
    },
    async (context) => {
      await push(context.store, large);
      await arrived(context);
      assert.deepEqual(chunks(context), ranges(4 * MIB));
    },
  );
}

const isUpload = ({ method }: { method: string }) => method === "PUT" || method === "PATCH";

fault("a proxy that reads before it refuses", async (exchange) => {
  const { seen, request } = exchange;
  if (lengthOf(exchange) <= 2 * MIB) {
    await exchange.pass();
    return;
  }
  request.resume();
  await until("so much has come in", () => seen.bytes > 2 * MIB);
  exchange.answer(413, { connection: "close" });
}, async (context) => {
  await push(context.store, large);
  await arrived(context);
  assert.deepEqual(chunks(context).slice(-3), ranges(2 * MIB));
});

fault("a blob is read once for all of its chunks", async (exchange) => {
  if (!refused(exchange, MIB)) await exchange.pass();
}, async (context) => {
  await push(context.store, blob(large.bytes.slice(0, 2_000_000), "application/octet-stream"));
  let opened = 0;
  await context.store.push(large.descriptor, () => {
    opened++;
    return open(large)();
  });
  assert.equal(opened, 1);
  await arrived(context);
});

let broken = false;
fault("a chunk that breaks goes on where the registry is", async (exchange, count) => {
  if (refused(exchange, MIB)) return;
  // The third chunk that is let through.
  const cut = is(exchange, "PATCH", "blobs") && exchange.seen.headers["content-range"]
    ?.startsWith(`${2 * MIB}-`) &&
    count < 20 && !broken;
  if (cut) broken = true;
  await exchange.pass(cut ? { cutUpload: 300_000 } : {});
}, async (context) => {
  broken = false;
  await push(context.store, large);
  assert.ok(broken);
  await arrived(context);
  // Only the one that broke was sent again; the first of all had another size.
  const [first, second, third, ...rest] = ranges();
  assert.deepEqual(chunks(context).slice(1), [first, second, third, third, ...rest]);
});

fault("the smallest chunk that a registry takes is heeded", async (exchange) => {
  if (refused(exchange, 3_000_000)) return;
  await exchange.pass({
    headers: (headers) => {
      if (exchange.seen.method === "POST") headers["oci-chunk-min-length"] = "2500000";
    },
  });
}, async (context) => {
  await push(context.store, large);
  await arrived(context);
  assert.deepEqual(chunks(context), ranges(2_500_000));
});

fault("a proxy that takes nothing is told of, and the upload given up", async (exchange) => {
  if (!refused(exchange, 1000)) await exchange.pass();
}, async (context) => {
  const { proxy, store, direct } = context;
  const message = /registry answered 413; let it, or the proxy before it, take larger bodies$/;
  await failsWith("REGISTRY_FAILED", () => push(store, large), message);
  assert.equal(await direct.has(large.descriptor), false);
  assert.ok(proxy.seen.length < 60, String(proxy.seen.length));
  assert.equal(sent(proxy, "DELETE").length, sent(proxy, "POST").length);
  await push(store, small);
  await arrived(context, small);
});

fault("wrong bytes do not arrive in chunks either", async (exchange) => {
  if (!refused(exchange, MIB)) await exchange.pass();
}, async ({ store, direct }) => {
  const wrong = { ...large, bytes: large.bytes.slice().fill(1, SIZE - 9) };
  await failsWith("BAD_CONTENT", () => push(store, wrong), /content has digest/);
  assert.equal(await direct.has(large.descriptor), false);
});
