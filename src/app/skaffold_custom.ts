/**
 * The use case of `kodeno skaffold`: one image, built for Skaffold as its custom builder, under the
 * very name that Skaffold has for it.
 * @module
 */
import { type CustomBuild, readCustomBuild } from "../config/custom_builder.ts";
import type { BuildOptions, PublishOptions } from "../config/options.ts";
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferConfig } from "../place/transfer.ts";
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { BuiltImage } from "../image/built_image.ts";
import { parsePlatformSpec, platformMatches, type PlatformSpec } from "../oci/platform.ts";
import type { Daemon } from "../place/daemon/daemon.ts";
import { loadImage } from "../place/daemon/load.ts";
import { buildImages } from "../build/build_images.ts";
import type { WorkOptions } from "../events.ts";
import type { PutOptions } from "../build/destinations.ts";
import { openDaemon, openRegistries } from "../place/open.ts";
import { newPublisher, type Publisher } from "../build/publisher.ts";

/** What the command line says; the rest is said by Skaffold. */
export interface CustomRequest {
  /** Main package; `.` unless given. */
  readonly pattern?: string | undefined;
  readonly build: BuildOptions;
  /** Of these only the layout, the archive and how places are reached count. */
  readonly publish: PublishOptions;
}

/**
 * Builds the image, and pushes it or loads it into the local daemon, as Skaffold asks by the
 * environment. With a layout or an archive among the options it goes there, too.
 *
 * @returns its reference: with the digest when it was pushed
 * @throws {KodenoError} `BAD_OPTION` where Skaffold's variables are missing; `BAD_PACKAGE` for a
 * pattern that names several main packages; `BAD_CONTENT` when the registry has another image under
 * the name; and see `build`
 */
export async function buildForSkaffold(
  request: CustomRequest,
  work: WorkOptions = {},
): Promise<string> {
  const asked = readCustomBuild(request.build.environment);
  const { pattern = ".", publish } = request;
  const transfer = resolveTransferConfig(publish);
  const daemon = asked.push ? undefined : await openDaemon(transfer);
  const named: PublishOptions = {
    ...publish,
    dockerRepo: asked.name,
    bare: true,
    tags: [asked.tag],
    push: asked.push,
    local: false,
  };
  const alsoKept = publish.ociLayout !== undefined || publish.tarball !== undefined;
  const platforms = request.build.platforms ?? asked.platforms;
  const references = await buildImages({
    patterns: [pattern],
    build: {
      workingDirectory: asked.context,
      ...request.build,
      // Of several platforms the daemon takes one; the others are built only where they are kept.
      platforms: daemon && !alsoKept ? await platformFor(daemon, platforms, work) : platforms,
    },
    // The daemon may be behind a socket, which counts as network.
    publish: { ...named, local: daemon !== undefined },
    publisher: (mountFrom) => {
      const others = alsoKept || asked.push ? newPublisher(named, { mountFrom }) : undefined;
      return new CustomPublisher(asked, pattern, transfer, others, daemon);
    },
  }, work);
  return [...references.values()].join();
}

/** What to build for a daemon that runs only some of the platforms: the first it likes best. */
async function platformFor(
  daemon: Daemon,
  platforms: readonly string[],
  { signal }: WorkOptions,
): Promise<readonly string[]> {
  if (platforms.length < 2 && platforms[0] !== "all") return platforms;
  for (const own of await daemon.platforms({ signal })) {
    const found = platforms.find((one) => one === "all" || isFor(own, parsePlatformSpec(one)));
    if (found === "all") return [`${own.os}/${own.architecture}`];
    if (found !== undefined) return [found];
  }
  return platforms;
}

function isFor({ os, architecture = "", variant }: PlatformSpec, spec: PlatformSpec): boolean {
  return platformMatches(spec, { os, architecture, variant });
}

/** Puts an image where Skaffold looks for it, and nowhere else that was not asked for. */
class CustomPublisher implements Publisher {
  constructor(
    readonly asked: CustomBuild,
    readonly pattern: string,
    readonly transfer: TransferConfig,
    readonly others: Publisher | undefined,
    readonly daemon: Daemon | undefined,
  ) {}

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    const [importPath, ...more] = importPaths;
    if (importPath !== undefined && more.length === 0) {
      return new Map([[importPath, this.asked.name]]);
    }
    throw new KodenoError(
      "BAD_PACKAGE",
      `Cannot build ${JSON.stringify(this.pattern)} for Skaffold: it matches ` +
        `${importPaths.length} main packages (${
          importPaths.join(", ")
        }), and there is one image; ` +
        "name one of them",
    );
  }

  async check(): Promise<void> {
    await this.daemon?.platforms();
    await this.others?.check();
  }

  async publish(image: BuiltImage, name: string, options: PutOptions = {}): Promise<string> {
    const reference = `${name}:${this.asked.tag}`;
    await this.others?.publish(image, name, options);
    if (this.daemon !== undefined) {
      await loadImage(this.daemon, image, image.root, [reference], { ...options, image: name });
      return reference;
    }
    await this.#verify(image, name, options);
    return `${reference}@${image.root.digest}`;
  }

  /** Skaffold goes on with whatever digest the registry tells: it has to be that of this image. */
  async #verify(image: BuiltImage, name: string, { signal }: CallOptions): Promise<void> {
    const { tag } = this.asked;
    await using registries = openRegistries(this.transfer, { named: [name] });
    const { digest } = await registries.open(name).resolve(tag, { signal });
    if (digest === image.root.digest) return;
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot hand ${name}:${tag} to Skaffold: the registry has ${digest} under that name, not ` +
        `${image.root.digest}, which was pushed; somebody else pushes there, too`,
      { digest },
    );
  }

  async finish(options: CallOptions = {}): Promise<void> {
    await this.others?.finish(options);
  }

  async undo(): Promise<void> {
    await this.others?.undo();
  }
}
