/**
 * `kodeno.lock`: what images are built from beside their sources, as a value; how it is read, written
 * and compared with what a build finds.
 * @module
 */
import { VERSION } from "../config/version.ts";
import { checkYaml } from "../config/yaml/check.ts";
import { readYaml } from "../config/yaml/document.ts";
import type { BuildLock, ImageInputs } from "../build/inputs.ts";
import { KodenoError, printable } from "../errors.ts";
import type { Emit } from "../events.ts";
import { DELVE } from "../go/delve.ts";
import { TOOLCHAIN, toolchainVersion } from "../go/module_zips.ts";
import type { UsedModule } from "../go/modules.ts";
import { z } from "../npm/zod.ts";
import { Document } from "../npm/yaml.ts";
import { type Digest, isDigest } from "../oci/descriptor.ts";

/** Of the file; another one says something else by the same names. */
const LOCK_VERSION = 1;

const HEADER =
  ` What images are built from, beside their sources. "kodeno lock" writes this file, which belongs
 into the repository: with --locked a build refuses anything else, and takes base images by the
 digests that are here. docs/lock.md of kodeno says what each field is.`;

const digest = z.custom<Digest>((value) => typeof value === "string" && isDigest(value), {
  message: "a digest, sha256:HEX, is allowed",
});
const sum = z.string().regex(/^h1:[A-Za-z0-9+/]{43}=$/, { message: "a sum of go.sum is allowed" });
const texts = z.array(z.string()).readonly().optional();
const map = z.record(z.string(), z.string()).readonly().optional();

const lockedImage = z.strictObject({
  package: z.string()
    .describe("import path, of an artifact of a skaffold.yaml").optional(),
  kodeno: z.string().describe("version of kodeno that has locked it"),
  base: z.strictObject({
    name: z.string().describe("the base image as it was named"),
    digest: digest.describe(
      "what the name stands for; none of a built-in one for several platforms",
    )
      .optional(),
  }).readonly().describe("the base image"),
  platforms: z.record(
    z.string(),
    z.strictObject({
      base: digest.describe("manifest of the base image; none of scratch").optional(),
      settings: map.describe("variables of go that shape programs, GOFLAGS among them"),
    }).readonly(),
  ).readonly().describe("by os/arch[/variant]"),
  go: z.strictObject({
    version: z.string().describe("version of Go"),
    toolchain: z.record(z.string(), sum).readonly().optional()
      .describe("where Go is a module: its sum, by the platform that it runs on"),
  }).readonly().describe("the toolchain"),
  build: z.strictObject({
    flags: texts.describe("flags of go build"),
    ldflags: texts.describe("flags of the linker"),
    gcflags: texts.describe("flags of the compiler"),
    asmflags: texts.describe("flags of the assembler"),
    trimpath: z.boolean().describe("whether paths are left out of programs"),
    disableOptimizations: z.boolean().describe("whether it is for a debugger").optional(),
    env: texts.describe("NAME=VALUE each, for go; values of secrets are ***"),
  }).readonly().describe("what go is told"),
  modules: map.describe("version and sum of go.sum by path; of a replaced one, => and what by"),
}).readonly();

const lockSchema = z.strictObject({
  version: z.literal(LOCK_VERSION).describe("of the file"),
  images: z.record(z.string(), lockedImage).readonly()
    .describe("by import path; artifacts of a skaffold.yaml by the names of their images"),
  delve: z.strictObject({
    version: z.string().describe("version of the module, such as v1.26.3"),
    sum: sum.describe("its sum, as go.sum has it"),
  }).readonly().optional().describe("the debugger that --debug puts into images"),
}).readonly();

/** What is locked. */
export type Lock = z.output<typeof lockSchema>;
type LockedImage = z.output<typeof lockedImage>;

/** Something that a build has and a lock file says otherwise. */
export interface LockDifference {
  /** Import path, or the name of an artifact. */
  readonly image: string;
  /** What it is, such as `base digest` or `module golang.org/x/text`. */
  readonly what: string;
  /** Nothing where the file has none. */
  readonly locked: string | undefined;
  /** Nothing where the build has none. */
  readonly found: string | undefined;
}

/** The schema of the file, as others read it. */
export function lockJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(lockSchema, { io: "input", unrepresentable: "any" });
  return { title: "kodeno.lock", ...schema };
}

/** Reads a file; throws `BAD_CONFIG` with a line for each fault. */
export async function readLock(path: string, name = path): Promise<Lock> {
  const documents = await readYaml(path, { name });
  const [document] = documents;
  const { version } = Object(document.value);
  // One of another version may have whatever fields.
  if (typeof version === "number" && version !== LOCK_VERSION) {
    const why = version > LOCK_VERSION
      ? "it is of a newer kodeno; use that, or write it anew"
      : 'write it anew with "kodeno lock"';
    const message = `Cannot use ${name}: it is of version ${version}, not ${LOCK_VERSION}; ${why}`;
    throw new KodenoError("BAD_CONFIG", message);
  }
  return checkYaml(documents, lockSchema)[0];
}

/** The text of a file; the same for the same lock. */
export function lockText(lock: Lock): string {
  const document = new Document(sorted(lock), { aliasDuplicateObjects: false });
  document.commentBefore = HEADER;
  return document.toString({ lineWidth: 0 });
}

/** Maps by their keys; fields stay in their order. */
function sorted({ version, images, delve }: Lock): Lock {
  return {
    version,
    ...(delve === undefined ? {} : { delve }),
    images: byKey(images, ({ base, platforms, go, build, modules, ...image }) => ({
      ...image,
      base,
      platforms: byKey(platforms, ({ settings, ...one }) => ({
        ...one,
        settings: settings && byKey(settings),
      })),
      go: { version: go.version, toolchain: go.toolchain && byKey(go.toolchain) },
      build,
      modules: modules && byKey(modules),
    })),
  };
}

function byKey<T>(
  values: Readonly<Record<string, T>>,
  change = (value: T): T => value,
): Readonly<Record<string, T>> {
  const entries = Object.entries(values).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value)]));
}

/** What is known of an image, as it is locked. */
export function lockImage(
  { base, platforms, toolchain, told, modules, importPath }: ImageInputs,
  name: string,
): LockedImage {
  const { trimpath, disableOptimizations, env, ...flags } = told;
  const some = <T extends object>(value: T) => Object.keys(value).length > 0 ? value : undefined;
  return {
    ...(name === importPath ? {} : { package: importPath }),
    kodeno: VERSION,
    base,
    platforms: Object.fromEntries(
      Object.entries(platforms).map(([platform, { base, settings }]) =>
        [platform, { base, settings: some(settings) }] as const
      ),
    ),
    go: { version: toolchain.version, toolchain: some(toolchain.sums) },
    build: {
      flags: some(flags.flags),
      ldflags: some(flags.ldflags),
      gcflags: some(flags.gcflags),
      asmflags: some(flags.asmflags),
      trimpath,
      disableOptimizations: disableOptimizations || undefined,
      env: some(env.filter((one) => !OF_SUPPLY.test(one))),
    },
    modules: some(Object.fromEntries(modules.map((one) => [one.asked.path, moduleText(one)]))),
  };
}

/** Variables that say where go has things from and keeps them, and not what it makes of them. */
const OF_SUPPLY =
  /^GO(?:PROXY|NOPROXY|PRIVATE|SUMDB|NOSUMDB|INSECURE|VCS|AUTH|TOOLCHAIN|CACHE|MODCACHE|CACHEPROG|TMPDIR|GC|MAXPROCS)=/;

/** As go writes it in go.sum and go.mod: `v1.2.0 h1:...`, `v1.0.0 => ../local`. */
function moduleText({ asked, path, version, sum, folder, replaces }: UsedModule): string {
  const by = folder ?? (replaces && path);
  const parts = [asked.version, ...by ? ["=>", by, replaces && version] : [], sum];
  return parts.filter((one) => one).join(" ");
}

/** What a build finds that is not what is locked, of the images that it finds. */
export function differencesOf(
  { images }: Lock,
  found: Readonly<Record<string, LockedImage>>,
): readonly LockDifference[] {
  return Object.entries(byKey(found)).flatMap(([image, one]) => {
    const locked = Object.hasOwn(images, image) ? images[image] : undefined;
    if (locked === undefined) return [{ image, what: IMAGE, locked: undefined, found: "it" }];
    const both = {
      platforms: sharedKeys(one.platforms, locked.platforms),
      // On a host whose sum nobody has locked, and where Go is installed, the version is all there is.
      hosts: one.go.version === locked.go.version
        ? sharedKeys(one.go.toolchain, locked.go.toolchain)
        : [],
    };
    const [before, after] = [valuesOf(locked, both), valuesOf(one, both)];
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
      const [locked, found] = [before.get(what), after.get(what)];
      return locked === found ? [] : [{ image, what, locked, found }];
    });
  });
}

/**
 * The sums that are locked of modules as they come, by `path@version`; toolchains are modules, too. Of a
 * replaced one, the sum is of what it is replaced by.
 */
export function lockedSums({ images, delve }: Lock): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (delve !== undefined) found.set(`${DELVE}@${delve.version}`, delve.sum);
  for (const { modules = {}, go: { version, toolchain = {} } } of Object.values(images)) {
    for (const [path, text] of Object.entries(modules)) {
      const [, by, at, sum] = /^(?:\S+ )?(?:=> (\S+) )?(\S+) (h1:\S+)$/.exec(text) ?? [];
      if (sum !== undefined) found.set(`${by ?? path}@${at}`, sum);
    }
    for (const [host, sum] of Object.entries(toolchain)) {
      found.set(`${TOOLCHAIN}@${toolchainVersion(version, host)}`, sum);
    }
  }
  return found;
}

/** What a file says otherwise of the debugger, as a build has found that. */
export function delveDifferences(
  { delve: before }: Lock,
  delve: Lock["delve"],
): readonly LockDifference[] {
  const text = (one: Lock["delve"]) => one && `${one.version} ${one.sum}`;
  const [locked, found] = [text(before), text(delve)];
  return locked === found ? [] : [{ image: DELVE, what: "debugger", locked, found }];
}

/** Images that are locked and are not there any more. */
export function goneFrom(
  { images }: Lock,
  found: Readonly<Record<string, unknown>>,
): readonly LockDifference[] {
  return Object.keys(byKey(images)).filter((name) => !Object.hasOwn(found, name))
    .map((image) => ({ image, what: IMAGE, locked: "it", found: undefined }));
}

/** What a difference is called where there is or is no image. */
const IMAGE = "image";

/** With the sums of toolchains that run on other platforms: they are those of the same version. */
function withHosts(image: LockedImage, { go: { version, toolchain } }: LockedImage): LockedImage {
  if (image.go.version !== version || toolchain === undefined) return image;
  return { ...image, go: { version, toolchain: { ...toolchain, ...image.go.toolchain } } };
}

function sharedKeys(a: object = {}, b: object = {}): readonly string[] {
  return Object.keys(a).filter((name) => Object.hasOwn(b, name));
}

/** Each value by what it is, as a difference names it; of platforms and hosts, those of certain ones. */
function valuesOf(
  { package: path, base, platforms, go, build, modules = {} }: LockedImage,
  both: { readonly platforms: readonly string[]; readonly hosts: readonly string[] },
) {
  const values = new Map<string, string | undefined>([
    ["package", path],
    ["base", base.name],
    ["base digest", base.digest],
    ["platforms", Object.keys(byKey(platforms)).join(",")],
  ]);
  for (const platform of both.platforms) {
    const { base, settings = {} } = platforms[platform] ?? {};
    values.set(`base for ${platform}`, base);
    for (const [name, value] of Object.entries(settings)) {
      values.set(`${name} for ${platform}`, value);
    }
  }
  values.set("go", go.version);
  for (const host of both.hosts) values.set(`toolchain for ${host}`, go.toolchain?.[host]);
  for (const [name, value] of Object.entries(build)) {
    values.set(name, Array.isArray(value) ? JSON.stringify(value) : value?.toString());
  }
  for (const [path, text] of Object.entries(modules)) values.set(`module ${path}`, text);
  return values;
}

/** A difference on a line. */
export function differenceLine({ image, what, locked, found }: LockDifference): string {
  const said = what === IMAGE
    ? found === undefined ? "it is locked, and not there any more" : "it is not locked"
    : `${what}: locked ${locked ?? "nothing"}, found ${found ?? "nothing"}`;
  return printable(`${image}: ${said}`);
}

/** The failure of what may only be done as a file says; undefined where that holds. */
export function lockFailure(
  doing: string,
  differences: readonly LockDifference[],
  advice: string,
): KodenoError | undefined {
  if (differences.length === 0) return undefined;
  const lines = differences.map(differenceLine);
  const message = [`Cannot ${doing}:`, ...lines, `Next step: ${advice}`].join("\n");
  return new KodenoError("LOCK_DIFFERS", message, { differences });
}

/** With more, or other, images; of toolchains, the sums for other platforms stay. */
export function withImages(lock: Lock, images: Readonly<Record<string, LockedImage>>): Lock {
  const merged = Object.entries(images).map(([name, image]) => {
    const before = Object.hasOwn(lock.images, name) ? lock.images[name] : undefined;
    return [name, before ? withHosts(image, before) : image] as const;
  });
  return { ...lock, images: { ...lock.images, ...Object.fromEntries(merged) } };
}

/** A lock of nothing. */
export const EMPTY_LOCK: Lock = { version: LOCK_VERSION, images: {} };

/** Those of some names. */
export function onlyImages(lock: Lock, names: readonly string[]): Lock {
  const own = Object.entries(lock.images).filter(([name]) => names.includes(name));
  return { ...lock, images: Object.fromEntries(own) };
}

/** The failure of builds that would not keep to a file; undefined where they do. */
export function refusal(
  path: string,
  differences: readonly LockDifference[],
  isOfArtifacts: boolean,
): KodenoError | undefined {
  const names = [...new Set(differences.map(({ image }) => image))];
  const update = isOfArtifacts ? `-f FILE -b ${names.join(",")}` : names.join(" ");
  const command = printable(`"kodeno lock --update ${update}"`);
  const advice = `build what is locked, or take what was found with ${command}`;
  return lockFailure(`build what ${path} locks`, differences, advice);
}

/**
 * Keeps builds to what a file says.
 *
 * @param path as a person names the file
 * @param artifact the name of the one image that is built, where it is not its import path
 */
export function keptTo(
  lock: Lock,
  { path, artifact, emit }: {
    readonly path: string;
    readonly artifact?: string | undefined;
    readonly emit?: Emit | undefined;
  },
): BuildLock & Required<Pick<BuildLock, "check">> {
  const nameOf = (importPath: string) => artifact ?? importPath;
  const lockedOf = (importPath: string) => {
    const name = nameOf(importPath);
    return Object.hasOwn(lock.images, name) ? lock.images[name] : undefined;
  };
  const refuse = (differences: readonly LockDifference[]) => {
    const failure = refusal(path, differences, artifact !== undefined);
    if (failure !== undefined) throw failure;
  };
  const images = artifact === undefined ? Object.values(lock.images) : [lockedOf(artifact)];
  const [goVersion, ...others] = new Set(images.flatMap((one) => one?.go.version ?? []));
  return {
    delve: lock.delve,
    goVersion: others.length === 0 ? goVersion : undefined,
    baseDigest: (importPath, baseImage) => {
      const base = lockedOf(importPath)?.base;
      return base?.name === baseImage ? base.digest : undefined;
    },
    checkBase: (importPath, found) => {
      const [image, one] = [nameOf(importPath), lockedOf(importPath)];
      const locked = one?.base.name;
      if (one === undefined) refuse([{ image, what: IMAGE, locked, found: "it" }]);
      else if (locked !== found) refuse([{ image, what: "base", locked, found }]);
    },
    check: (all) => {
      const images = all.map((one) => {
        const name = nameOf(one.importPath);
        return [name, lockImage(one, name)] as const;
      });
      refuse(differencesOf(lock, Object.fromEntries(images)));
      tellVersions(onlyImages(lock, images.map(([name]) => name)), path, emit);
    },
  };
}

/** Tells of images that another version of kodeno has locked. */
export function tellVersions({ images }: Lock, path: string, emit: Emit | undefined): void {
  const others = new Set(Object.values(images).map(({ kodeno }) => kodeno));
  others.delete(VERSION);
  if (others.size === 0) return;
  const message = `Warning: ${path} was written by kodeno ${[...others].join(", ")}, and this is ` +
    `${VERSION}: what kodeno itself puts into an image may have changed`;
  emit?.({ type: "note", level: "warning", message: printable(message) });
}
