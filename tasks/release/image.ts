/**
 * Images of kodeno itself, in a layout: the programs of a release on bases that others make, put together
 * as builds are.
 * @module
 */
import { join, posix } from "node:path";
import { attest } from "../../src/app/attest.ts";
import { sign } from "../../src/app/sign.ts";
import { BaseSet } from "../../src/build/bases.ts";
import { openLayers } from "../../src/build/cache.ts";
import { newPublisher } from "../../src/build/publisher.ts";
import { resolveBuildConfig } from "../../src/config/config.ts";
import { VERSION } from "../../src/config/version.ts";
import { needsOf } from "../../src/go/elf.ts";
import { assembleImage, type BuiltImage, builtImage } from "../../src/image/assemble.ts";
import { hashedFile } from "../../src/io/streams.ts";
import { planBinaryLayer } from "../../src/layers/binary_layer.ts";
import { planKodataLayer } from "../../src/layers/kodata_layer.ts";
import { openSigner } from "../../src/trust/key_files.ts";
import { DESCRIPTION, homePage, LICENSE } from "../about.ts";
import { askPassword, SBOM } from "./files.ts";
import { type Program, programsIn } from "./programs.ts";

const NAME = "kodeno";
/** What a base has to have beside what the program is linked to: by these, hosts are known. */
const CERTIFICATES = "ca-certificates.crt";
/** The user nonroot of distroless and of the built-in base; where there is none, the number does. */
const NONROOT = "65532";

/** What images are made of, and where they go. */
interface ReleaseImages {
  /** Of the programs; those for Linux get into images. */
  readonly folder: string;
  readonly layout: string;
  /** With the C library: `gcr.io/distroless/cc-debian13`, `oci:LAYOUT`. */
  readonly base: string;
  /** With Go, too: `golang:1.26`. */
  readonly goBase?: string | undefined;
  /** On GitHub, `OWNER/NAME`. */
  readonly repository: string;
  /** File of the private key that signs them, and says what they are made of; without it nothing does. */
  readonly key?: string | undefined;
  readonly compression?: string | undefined;
}

/** Makes the images; gives their references. */
export async function writeReleaseImages(
  { folder, layout, base, goBase, key, ...how }: ReleaseImages,
): Promise<readonly string[]> {
  const programs = (await programsIn(folder)).filter(({ os }) => os === "linux");
  if (programs.length === 0) throw new Error(`Cannot make images of ${folder}: none is for Linux`);
  // Before anything is made: it is not to be there unsigned.
  if (key !== undefined) await openSigner({ key, askPassword }, Deno.env.toObject(), {});
  const publisher = newPublisher({ ociLayout: layout });
  const isFinal = !VERSION.includes("-");
  const images = [
    { base, has: [CERTIFICATES], tags: [VERSION, ...isFinal ? ["latest"] : []] },
    ...goBase === undefined ? [] : [{
      base: goBase,
      has: [CERTIFICATES, "go"],
      tags: [`${VERSION}-go`, ...isFinal ? ["go"] : []],
    }],
  ];
  const made: string[] = [];
  let failed = true;
  try {
    for (const { base, has, tags } of images) {
      await withImage({ base, has }, programs, how, async (image) => {
        made.push(await publisher.publish(image, NAME, { tags }));
      });
    }
    failed = false;
  } finally {
    await publisher.close({ failed });
  }
  if (key !== undefined) {
    const signing = { place: layout, key, askPassword, forms: ["bundle"] } as const;
    await attest({ ...signing, predicate: join(folder, SBOM), type: "cyclonedx" });
    await sign({ ...signing, recursive: true });
  }
  return made;
}

/** Puts programs on a base, which has to have some files; the image is there as long as it is used. */
async function withImage(
  { base: baseImage, has }: { readonly base: string; readonly has: readonly string[] },
  programs: readonly Program[],
  { repository, compression }: Pick<ReleaseImages, "repository" | "compression">,
  use: (image: BuiltImage) => Promise<void>,
): Promise<void> {
  const config = resolveBuildConfig({
    baseImage,
    platforms: programs.map(({ os, arch }) => `${os}/${arch}`),
    user: NONROOT,
    // For whatever user it runs as, so that the cache of Go has a place.
    imageEnv: { HOME: "/tmp" },
    labels: {
      "org.opencontainers.image.description": DESCRIPTION,
      "org.opencontainers.image.licenses": LICENSE,
      "org.opencontainers.image.source": homePage(repository),
      "org.opencontainers.image.title": NAME,
      "org.opencontainers.image.version": VERSION,
    },
    compression,
  });
  const lacks = (what: string) => {
    const why = `it does not have ${what}; say one that has, such as gcr.io/distroless/cc-debian13`;
    return new Error(`Cannot put kodeno on base image ${baseImage}: ${why}`);
  };
  const builtIn = () => Promise.reject(lacks("a C library"));
  await using bases = new BaseSet(config, {}, builtIn);
  const base = await bases.open(config.image);
  const cache = await openLayers(config.cache);
  const layerOf = async (plan: ReturnType<typeof planBinaryLayer>) =>
    await cache.layer(plan, { compression: config.compression });
  const made = { command: "deno task release image", comment: `kodeno ${VERSION}` };
  const options = { ...config.image, kodataTime: config.kodataTime };
  try {
    // The program has no files beside it.
    const kodata = await layerOf(
      await planKodataLayer(import.meta.dirname ?? ".", { os: "linux" }),
    );
    const images = [];
    for (const one of base.images) {
      const program = programs.find(({ arch }) => arch === one.platform.architecture);
      if (program === undefined) continue;
      const { interpreter = "", libraries = [] } = await needsOf(program.path) ?? {};
      const needs = [posix.basename(interpreter), ...libraries, ...has];
      const lacking = await bases.lacking(one, needs.filter((name) => name !== ""), {});
      if (lacking.length > 0) throw lacks(lacking.join(", "));
      const file = await hashedFile(await Deno.open(program.path));
      const binary = await layerOf(planBinaryLayer({ path: program.path, ...file }, NAME, "linux"));
      const app = { importPath: NAME, appName: NAME, kodata, binary, made };
      images.push(assembleImage(one, base.name, app, options));
    }
    const [first, ...others] = images;
    if (first === undefined) throw new Error(`Cannot use base image ${baseImage}: it is empty`);
    await use(builtImage(NAME, [first, ...others], base, options));
  } finally {
    await cache.close();
  }
}
