/**
 * Looking into images in a registry: a small file of a layer of 1 GB, and of one above it, beside `crane
 * export` and `tar`; and an index of several platforms, beside crane and skopeo.
 * @module
 */
import { join } from "node:path";
import { startFaultProxy } from "../test/parts/fault_proxy.ts";
import { startRegistry } from "../test/parts/registry.ts";
import { goTool } from "../test/parts/tools.ts";
import type { Comparison } from "./comparison.ts";
import type { Setting } from "./competitors.ts";
import { type Command, environment, output, run } from "./process.ts";
import { type Descriptor, type Layer, makeLayout, randomBytes } from "./write_layout.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/s390x", "linux/386"];
/** What is asked for beside layers is less. */
const DOCUMENT_BYTES = 100_000;
const SMALL = "etc/small";
/** A tar with a small file before 1 GB that gzip packs to three quarters. */
const MAKE_LARGE = `mkdir etc && echo small > ${SMALL}
  head -c 750000000 /dev/urandom | base64 -w 0 > etc/large
  tar -cf layer.tar ${SMALL} etc/large && rm -r etc`;

/** An image `bench/large` whose lower layer has 1 GB; the upper one has a file. */
async function largeImage(work: string): Promise<{ folder: string; layers: readonly Layer[] }> {
  const folder = join(work, "images", "looked-at");
  const layers: Layer[] = [];
  await makeLayout(folder, async (layout) => {
    const work = await Deno.makeTempDir({ dir: layout.folder });
    await output({ program: "sh", args: ["-euc", MAKE_LARGE], env: environment(), cwd: work });
    const large = await layout.packed(join(work, "layer.tar"));
    await Deno.remove(work, { recursive: true });
    const top = await layout.layer(randomBytes(100_000));
    const manifest = await layout.manifest("linux/amd64", [large, top]);
    await layout.finish([[manifest, "bench/large:v1"]]);
    await Deno.writeTextFile(join(layout.folder, "layers.json"), JSON.stringify([large, top]));
  });
  layers.push(...JSON.parse(await Deno.readTextFile(join(folder, "layers.json"))));
  return { folder, layers };
}

/** A file of the lower layer, or of the upper one. What is more than that is not read. */
export async function openCat(
  { work, kodeno }: Setting,
  where: "lower" | "upper",
): Promise<Comparison> {
  const { folder, layers } = await largeImage(work);
  const [large, top] = layers;
  if (large === undefined || top === undefined) throw new Error("the image has two layers");
  const path = where === "lower" ? SMALL : (await output({
    program: "sh",
    args: ["-c", `tar -tzf "$0" | tail -1`, blobIn(folder, top.descriptor)],
    env: environment(),
    cwd: work,
  })).replace(/^\.\//, "");
  const crane = await goTool("crane");
  const registry = await startRegistry();
  const own = (host: string, ...args: string[]): Command => ({
    program: kodeno,
    args: ["cat", ...args, `${host}/bench/large:v1:/${path}`],
    env: environment(),
    cwd: work,
  });
  const push = ["push", folder, "--to", registry.host];
  await run({ program: kodeno, args: push, env: environment(), cwd: work });
  const most = top.descriptor.size + (where === "lower" ? large.descriptor.size : 0);
  const asked = await askedBy(registry.host, (host) => run(own(host)));
  const bytes = asked.reduce((sum, { answered }) => sum + answered, 0);
  if (bytes > most + DOCUMENT_BYTES) throw new Error(`${bytes} bytes were read, more than ${most}`);
  const script = `"$0" export "$1" - | tar -xO "$2"`;
  const args = ["-c", script, crane, `${registry.host}/bench/large:v1`, path];
  const other: Command = { program: "sh", args, env: environment(), cwd: work };
  const contents = [await output(own(registry.host)), await output(other)];
  if (contents[0] !== contents[1]) throw new Error(`the two print something else of ${path}`);
  return {
    run: (side, watch) => run(side === "kodeno" ? own(registry.host) : other, watch),
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

/** All of an index of four platforms beside one of its images, or its bytes beside its bytes. */
export async function openInspect(
  { work, kodeno }: Setting,
  what: "trees" | "bytes",
): Promise<Comparison> {
  const folder = join(work, "images", "inspected");
  await makeLayout(folder, async (layout) => {
    const manifests: Descriptor[] = [];
    for (const platform of PLATFORMS) {
      manifests.push(await layout.manifest(platform, [await layout.layer(randomBytes(20_000))]));
    }
    await layout.finish([[await layout.index(manifests), "bench/index:v1"]]);
  });
  const registry = await startRegistry();
  const command = (program: string, ...args: string[]): Command => ({
    program,
    args,
    env: environment(),
    cwd: work,
  });
  await run(command(kodeno, "push", folder, "--to", registry.host));
  const raw = what === "bytes" ? ["--raw"] : [];
  const own = (host: string) => command(kodeno, "inspect", `${host}/bench/index:v1`, ...raw);
  const most = what === "bytes" ? 1 : 1 + 2 * PLATFORMS.length;
  const { length } = await askedBy(registry.host, (host) => run(own(host)));
  if (length > most) throw new Error(`${length} requests, more than ${most}`);
  const image = `${registry.host}/bench/index:v1`;
  const other = what === "bytes"
    ? command(await goTool("crane"), "manifest", image)
    : command("skopeo", "inspect", "--tls-verify=false", `docker://${image}`);
  return {
    run: (side, watch) => run(side === "kodeno" ? own(registry.host) : other, watch),
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

function blobIn(folder: string, { digest }: Descriptor): string {
  return join(folder, "blobs", ...digest.split(":"));
}

/** What a registry is asked for by some work. */
async function askedBy(upstream: string, work: (host: string) => Promise<unknown>) {
  await using proxy = await startFaultProxy(upstream, (exchange) => exchange.pass());
  await work(proxy.host);
  return proxy.seen;
}
