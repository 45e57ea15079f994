/**
 * The recipe of `kodeno skaffold`: one image, built for Skaffold as its custom builder, under the
 * very name that Skaffold has for it.
 * @module
 */
import { lockFor } from "../airgap/find_lock.ts";
import { buildImages } from "../build/build_images.ts";
import { resolveConfig, resolveTransferConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import { readCustomBuild } from "../config/skaffold/custom_build.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { parsePlatformSpec, platformMatches } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import { type LocalPlace, openLocalPlace, openRegistries } from "../place/open.ts";
import type { TransferConfig } from "../place/registry/transport.ts";

/**
 * Builds the image of a main package, and pushes it or loads it into the local daemon, as Skaffold asks
 * by the environment; with a layout or an archive among the options it goes there, too.
 *
 * @returns its reference: with the digest when it was pushed
 */
export async function buildForSkaffold(
  pattern: string,
  options: CommandOptions,
  work: WorkOptions,
): Promise<string> {
  const asked = readCustomBuild(options.environment);
  const { name, tag, push } = asked;
  const transfer = resolveTransferConfig(options);
  const platforms = options.platforms ?? asked.platforms;
  const alsoKept = options.ociLayout !== undefined || options.tarball !== undefined;
  await using daemon = push ? undefined : await openLocalPlace(transfer);
  await daemon?.check(work);
  const workingDirectory = options.workingDirectory ?? asked.context;
  const lock = (await lockFor({ ...options, workingDirectory }, work)).of();
  const config = await resolveConfig({
    workingDirectory: asked.context,
    ...options,
    // Of several platforms the daemon takes one; the others are built only where they are kept.
    platforms: daemon && !alsoKept ? await platformFor(daemon, platforms, work) : platforms,
    ...{ dockerRepo: name, bare: true, tags: [tag], push, local: !push },
  }, { ...work, transfer });
  // The daemon is open already, and gets the image under that name alone.
  const publish = { ...config.publish, local: false };
  const references = await buildImages({
    patterns: [pattern],
    config: { ...config, publish },
    targets: daemon ? [daemon] : [],
    lock,
    naming: { names: (importPaths) => onlyName(importPaths, pattern, name) },
  }, work);
  const [reference = ""] = references.values();
  if (daemon) {
    await daemon.close(work);
    return `${name}:${tag}`;
  }
  await verify(`${name}:${tag}`, reference.replace(/^.*@/, ""), publish.transfer, work);
  return reference;
}

/** Skaffold knows of one image. */
function onlyName(importPaths: readonly string[], pattern: string, name: string) {
  const [importPath, ...more] = importPaths;
  if (importPath !== undefined && more.length === 0) return new Map([[importPath, name]]);
  throw new KodenoError(
    "BAD_PACKAGE",
    `Cannot build ${JSON.stringify(pattern)} for Skaffold: it matches ${importPaths.length} main ` +
      `packages (${importPaths.join(", ")}), and there is one image; name one of them`,
  );
}

/** Skaffold goes on with whatever digest the registry tells: it has to be that of this image. */
async function verify(
  reference: string,
  pushed: string,
  transfer: TransferConfig,
  { signal, emit }: WorkOptions,
): Promise<void> {
  const { name, tag = "latest" } = parseReference(reference);
  await using registries = await openRegistries(transfer, { named: [name], emit });
  const { digest } = await registries.open(name).resolve(tag, { signal });
  if (digest === pushed) return;
  throw new KodenoError(
    "BAD_CONTENT",
    `Cannot hand ${reference} to Skaffold: the registry has ${digest} under that name, not ` +
      `${pushed}, which was pushed; somebody else pushes there, too`,
    { digest },
  );
}

/** What to build for a daemon that runs only some of the platforms: the first it likes best. */
async function platformFor(
  daemon: LocalPlace,
  platforms: readonly string[],
  { signal }: WorkOptions,
): Promise<readonly string[]> {
  if (platforms.length < 2 && platforms[0] !== "all") return platforms;
  for (const own of await daemon.platforms({ signal })) {
    const platform = { ...own, architecture: own.architecture ?? "" };
    const found = platforms.find((one) =>
      one === "all" || platformMatches(parsePlatformSpec(one), platform)
    );
    if (found === "all") return [`${own.os}/${own.architecture}`];
    if (found !== undefined) return [found];
  }
  return platforms;
}
