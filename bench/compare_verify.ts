/**
 * Checking what is there: all bytes of a large layout beside `sha256sum` of the same, and the signatures of
 * many small images in a time that a person waits.
 * @module
 */
import { join } from "node:path";
import type { Comparison } from "./comparison.ts";
import type { Setting } from "./competitors.ts";
import { type Command, environment, output, run } from "./process.ts";
import { type Descriptor, makeLayout, randomBytes } from "./write_layout.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
/** Of a layout of 1 GB: an image for four platforms with five layers each. */
const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/s390x", "linux/386"];
const LAYERS = 5;
const LAYER_BYTES = 50_000_000;
/** Images whose signatures are checked. */
export const SIGNED = 100;
const SMALL_BYTES = 20_000;

/** All of a layout of 1 GB, and its blobs alone. */
export async function openVerify({ work, kodeno }: Setting): Promise<Comparison> {
  const folder = join(work, "images", "verified");
  await makeLayout(folder, async (layout) => {
    const manifests: Descriptor[] = [];
    for (const platform of PLATFORMS) {
      const layers = [];
      for (let i = 0; i < LAYERS; i++) {
        const descriptor = await layout.blob(TAR, randomBytes(LAYER_BYTES));
        layers.push({ descriptor, diffId: descriptor.digest });
      }
      manifests.push(await layout.manifest(platform, layers));
    }
    await layout.finish([[await layout.index(manifests), "bench/verified:v1"]]);
  });
  const blobs = join(folder, "blobs", "sha256");
  const names = await Array.fromAsync(Deno.readDir(blobs), ({ name }) => join(blobs, name));
  const own = { program: kodeno, args: ["verify", folder], env: environment(), cwd: work };
  await checkVerified(own, 1, PLATFORMS.length * LAYERS * LAYER_BYTES);
  const sums = { program: "sha256sum", args: names, env: environment(), cwd: work };
  return {
    run: (side, watch) => run(side === "kodeno" ? own : sums, watch),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A hundred signed images for two platforms each, and one second. */
export async function openVerifyKey({ work, kodeno }: Setting): Promise<Comparison> {
  const folder = await Deno.makeTempDir({ dir: work, prefix: "signed-" });
  const layout = join(folder, "layout");
  await makeLayout(layout, async (layout) => {
    const images: [Descriptor, string][] = [];
    for (let i = 0; i < SIGNED; i++) {
      const manifests: Descriptor[] = [];
      for (const platform of PLATFORMS.slice(0, 2)) {
        const descriptor = await layout.blob(TAR, randomBytes(SMALL_BYTES));
        manifests.push(
          await layout.manifest(platform, [{ descriptor, diffId: descriptor.digest }]),
        );
      }
      images.push([await layout.index(manifests), `bench/app${i}:v1`]);
    }
    await layout.finish(images);
  });
  const env = environment({ KODENO_KEY_PASSWORD: "bench" });
  const command = (...args: string[]): Command => ({ program: kodeno, args, env, cwd: folder });
  await output(command("key", "new", "--output", "bench"));
  await output(command("sign", layout, "--key", "bench.key"));
  const own = command("verify", layout, "--key", "bench.pub");
  await checkVerified(own, SIGNED, 2 * SIGNED * SMALL_BYTES);
  const second = { program: "sleep", args: ["1"], env, cwd: folder };
  return {
    run: (side, watch) => run(side === "kodeno" ? own : second, watch),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/**
 * Makes sure that a run looks at all there is.
 *
 * @throws when it sees fewer images, or fewer bytes
 */
async function checkVerified(command: Command, images: number, bytes: number): Promise<void> {
  const lines = (await output({ ...command, args: [...command.args, "--json"] })).split("\n");
  const read = lines.map((line) => JSON.parse(line).bytes as number);
  const sum = read.reduce((total, one) => total + one, 0);
  if (lines.length !== images || sum < bytes) {
    throw new Error(
      `${lines.length} images and ${sum} bytes were verified, of ${images}, ${bytes}`,
    );
  }
}
