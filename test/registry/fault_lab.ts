/**
 * A registry behind a proxy of the tests, for what one cannot make a registry do; every such test
 * has an end.
 * @module
 */
import { createHash } from "node:crypto";
import type { OpenBlob } from "../../src/content/places.ts";
import { readAll } from "../../src/io/streams.ts";
import { openRegistry, type RegistryStore } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import {
  type Exchange,
  type FaultProxy,
  type Seen,
  startFaultProxy,
} from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { soon } from "../support/fails.ts";
import { type Blob, blob } from "../support/image_graph.ts";

/** Bytes of {@link large}. */
export const SIZE = 5_000_000;
/** A blob that takes a while. */
export const large: Blob = blob(
  new Uint8Array(SIZE).map((_, i) => (i * i) >> 7),
  "application/octet-stream",
);
/** A blob that does not. */
export const small: Blob = blob("a few bytes", "application/octet-stream");

/** What a test gets. */
export interface Context {
  readonly proxy: FaultProxy;
  /** Through the proxy. */
  readonly store: RegistryStore;
  /** Past it. */
  readonly direct: RegistryStore;
}

/** How requests are handled; `count` is that of requests of the same method and kind. */
export type Handle = (exchange: Exchange, count: number) => Promise<unknown> | unknown;

/** A registry, and the way to it that leads through the faults. */
export async function startFaulty(handle: Handle) {
  const registry = await startRegistry();
  const counts = new Map<string, number>();
  const proxy = await startFaultProxy(registry.host, (exchange) => {
    const kind = `${exchange.seen.method} ${exchange.seen.url.split("/")[3]}`;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return handle(exchange, count);
  });
  const credentials = () => Promise.resolve(undefined);
  const direct = openRegistry(`${registry.host}/app`, { credentials });
  return {
    proxy,
    /** Past the proxy. */
    direct,
    async [Symbol.asyncDispose]() {
      direct.close();
      await proxy.stop();
      await registry.stop();
    },
  };
}

/** A test with a registry behind a proxy that handles its requests as told. */
export function fault(
  what: string,
  handle: Handle,
  fn: (context: Context) => Promise<void>,
  options: RegistryOptions = {},
): void {
  Deno.test({
    name: `registry faults: ${what}`,
    ...needs("docker-registry"),
    async fn() {
      await using faulty = await startFaulty(handle);
      const { proxy, direct } = faulty;
      const retry = { baseMs: 5, maxMs: 20 };
      const credentials = () => Promise.resolve(undefined);
      await using store = openRegistry(`${proxy.host}/app`, { credentials, retry, ...options });
      await soon(fn({ proxy, store, direct }), 30_000);
    },
  });
}

/** Answers each GET with a manifest of 100 MB. */
export async function endlessManifest(
  { seen, response }: Exchange,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const type = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  response.writeHead(200, { ...type, ...headers });
  const chunk = new Uint8Array(1 << 20).fill(32);
  for (let i = 0; i < 100 && !response.destroyed && seen.method === "GET"; i++) {
    if (!response.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  response.end();
}

/** Opens a blob of pieces. */
export const open = ({ bytes }: Blob): OpenBlob => () =>
  Promise.resolve(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 100_000) {
          controller.enqueue(bytes.subarray(at, at + 100_000));
        }
        controller.close();
      },
    }),
  );
/** Pushes a blob. */
export const push = (store: RegistryStore, b: Blob): Promise<void> =>
  store.push(b.descriptor, open(b));
/** Pulls a blob, unchecked. */
export const pull = async (store: RegistryStore, b: Blob): Promise<Uint8Array> =>
  await readAll(await store.fetch(b.descriptor), 1 << 24, "a blob");
/** Whether bytes are the same; assertions on millions of them would take long to tell. */
export const same = (a: Uint8Array, b: Uint8Array): boolean =>
  createHash("sha256").update(a).digest("hex") === createHash("sha256").update(b).digest("hex");
/** The requests of a method that came in. */
export const sent = (proxy: FaultProxy, method: string): Seen[] =>
  proxy.seen.filter((s) => s.method === method);
/** Whether a request is of a method, and for `blobs`, `manifests` or the like. */
export const is = ({ seen }: Exchange, method: string, kind: string): boolean =>
  seen.method === method && seen.url.split("/")[3] === kind;
