/**
 * The recipe of `kodeno rebuild`: an image is built once more from what its provenance says, and is the
 * same or not.
 * @module
 */
import { isAbsolute, join, resolve } from "node:path";
import { namedBases } from "../build/base_names.ts";
import { withBuilders } from "../build/build_images.ts";
import { recordedOptions, refusePrograms } from "../build/recorded_options.ts";
import { loadConfig, resolveBuildConfig, resolveTransferConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import { attestedBy } from "../content/images.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { cosignTagFinder } from "../content/referrers.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { diffImages } from "../diff/images.ts";
import { firstDifference } from "../diff/words.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { gitSource } from "../git/source.ts";
import { goEnvironment } from "../go/list.ts";
import { chosenGo } from "../go/toolchain.ts";
import { type BuiltImage, withManifests } from "../image/assemble.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { findUp, isFolder, isInside } from "../io/files.ts";
import { type Descriptor, parseDigest } from "../oci/descriptor.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { asWritten } from "../oci/manifest.ts";
import { isReference, parseReference, splitHost } from "../oci/reference.ts";
import { parsePlace } from "../place/open.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { isBundleType } from "../trust/bundle.ts";
import { statementsIn } from "../trust/in_index.ts";
import { readKeys } from "../trust/key_files.ts";
import type { VerificationKey } from "../trust/keys.ts";
import { isRecordedBuild, readRecordedBuild, type RecordedBuild } from "../trust/recorded_build.ts";
import { signaturesBy } from "../trust/signatures.ts";
import { parseStatement, STATEMENT_TYPE, subjectOf } from "../trust/statement.ts";

/** Statements about one image that are read. */
const MAX_STATEMENTS = 1000;

interface RebuildRequest extends WorkOptions, BuildOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Name, tag or digest of the image; a layout or archive may have but one. */
  readonly image?: string | undefined;
  /** Folder of the checkout; default the current one. */
  readonly source?: string | undefined;
  /** Files of public keys, one of which has to have signed the provenance. */
  readonly keys?: readonly string[] | undefined;
}

/** Provenance of an image, and whether one of the keys has signed it. */
interface FoundRecord {
  readonly record: RecordedBuild;
  readonly isSigned: boolean;
  /** Whether it is in the index of the image, and not beside it. */
  readonly isInIndex?: boolean;
}

/** Builds an image again; the new digest, and what differs where that is another one. */
export async function rebuild(request: RebuildRequest) {
  const { place, image, source = ".", signal, emit } = request;
  const transfer = resolveTransferConfig(request);
  const images = image === undefined ? [] : [image];
  const keys = readKeys(request.keys ?? []);
  const openHow = { config: transfer, images, verb: "build again", signal, emit };
  await using opened = await openSigned(place, openHow);
  const [one, ...others] = opened.images;
  if (one === undefined || others.length > 0) {
    const why = one === undefined ? "it has none" : `it has ${others.length + 1}; name one`;
    throw new KodenoError("BAD_REFERENCE", `Cannot build the image of ${place} again: ${why}`);
  }
  const what = one.name ?? one.root.digest;
  const { record, isSigned, isInIndex } = await recordOf(one, what, keys, request);
  if (!isSigned) refusePrograms(record, `the provenance of ${what}`);
  const { root, directory } = await checkoutOf(record, source, what, request);
  const environment = await withGo(record, directory, what, transfer.environment, request);
  const { options, hidden } = recordedOptions(record, environment);
  if (hidden.length > 0) {
    warn(request, `the provenance of ${what} keeps to itself what is in ${hidden.join(", ")}`);
  }
  const { caFile, mirrors, insecureRegistry, offline, cache, jobs, baseImage } = request;
  const given = { caFile, mirrors, insecureRegistry, offline, cache, jobs, baseImage };
  const resolved = resolveBuildConfig({ ...given, ...options, workingDirectory: directory });
  const unasked = isSigned || baseImage !== undefined
    ? undefined
    : await whyUnasked(resolved.image.baseImage, {
      ...{ root, directory, source, environment },
      registry: "entries" in opened.source ? undefined : hostOf(place),
    });
  const config = { ...resolved, pinnedBase: { ...record.base, unasked } };
  const path = `ko://${record.parameters.package}`;
  return await withBuilders([{ build: config }], async (builders) => {
    const built: BuiltImage[] = [];
    for (const builder of builders) {
      const prepared = await builder.prepare([path], { signal, emit });
      if (prepared.importPaths.join() !== record.parameters.package) {
        const why = `${record.parameters.package} in its provenance is not one main package`;
        throw new KodenoError("BAD_PACKAGE", `Cannot build ${what} again: ${why}`);
      }
      for await (const made of builder.build(prepared, { signal, emit })) built.push(made);
    }
    const [made] = built;
    if (made === undefined) throw new Error(`${path} was not built`);
    const again = isInIndex ? await withStatementsOf(one, made, { signal }) : made;
    const was = { source: one.place, root: one.root };
    const now = { source: again, root: again.root };
    const diff = await diffImages(was, now, { go: config.go, signal, emit });
    return {
      name: one.name,
      digest: one.root.digest,
      references: [nameAndDigest(one.name, parseDigest(one.root.digest))],
      rebuilt: again.root.digest,
      isSame: diff.isEqual,
      difference: firstDifference(diff),
    };
  });
}

/** Refuses an image that became another one, when that was told. */
export function refuseOther(
  place: string,
  { name, digest, rebuilt, isSame, difference }: Awaited<ReturnType<typeof rebuild>>,
): void {
  if (isSame) return;
  const what = `${name ?? digest} of ${place}`;
  const message = `${what} is not what is built here, ${rebuilt}: ${difference}`;
  throw new KodenoError("DIFFERENT", message, { digest, rebuilt });
}

function warn({ emit }: WorkOptions, why: string): void {
  const message = `Warning: the image may become another one: ${why}`;
  emit?.({ type: "note", level: "warning", message });
}

/** The provenance of an image by which kodeno can build; with keys, one that is signed. */
async function recordOf(
  image: SignedImage,
  what: string,
  keys: readonly VerificationKey[],
  { signal }: WorkOptions,
): Promise<FoundRecord> {
  const { place, root, referrers } = image;
  const digest = parseDigest(root.digest);
  const signed = { source: place, referrers };
  const taggedFor = await cosignTagFinder(place, { signal });
  const attested = await taggedFor(root, "att");
  const signatures = keys.length === 0 ? [] : await signaturesBy(keys, {
    ...signed,
    image: root,
    legacy: [...attested, ...await taggedFor(root, "sig")],
  }, { signal });
  for (const { statement, digest: from } of signatures) {
    if (statement === undefined || !isRecordedBuild(statement)) continue;
    return { record: readRecordedBuild(statement, `provenance ${from}`), isSigned: true };
  }
  let isThere = false;
  const statements = referrers.filter(({ artifactType }) => artifactType === STATEMENT_TYPE);
  for (const referrer of statements.slice(0, MAX_STATEMENTS)) {
    const { manifest, subject } = await readGraphDocument(place, referrer, { signal });
    const [layer] = manifest?.layers ?? [];
    if (layer === undefined || subject?.digest !== digest) continue;
    const name = `provenance ${referrer.digest}`;
    const statement = parseStatement(await readDocument(place, layer, { signal }), name);
    if (!isRecordedBuild(statement) || !subjectOf(statement, digest)) continue;
    isThere = true;
    const legacy = keys.length === 0 ? [] : await taggedFor(referrer, "sig");
    const isSigned = keys.length > 0 &&
      (await signaturesBy(keys, { ...signed, image: referrer, legacy }, { signal })).length > 0;
    if (keys.length > 0 && !isSigned) continue;
    return { record: readRecordedBuild(statement, name), isSigned };
  }
  const within = await recordIn(place, root, { signal });
  if (within !== undefined) {
    isThere = true;
    const isSigned = signatures.length > 0;
    if (isSigned || keys.length === 0) return { record: within, isSigned, isInIndex: true };
  }
  const bundled = attested.length > 0 ||
    referrers.some(({ artifactType }) => isBundleType(artifactType));
  const why = keys.length > 0 && (isThere || bundled)
    ? "no key that was given has signed its provenance"
    : bundled
    ? "it has no provenance that is not signed; say with --key FILE who has signed it"
    : "it has no provenance; kodeno build --provenance puts that beside it";
  const code = keys.length > 0 ? "NOT_TRUSTED" : "NOT_FOUND";
  throw new KodenoError(code, `Cannot build ${what} again: ${why}`);
}

/** What an index says of how all its images were built, as one build of all their platforms. */
async function recordIn(
  place: Source,
  root: Descriptor,
  options: CallOptions,
): Promise<RecordedBuild | undefined> {
  const each = (await statementsIn(place, root, options)).map(({ about, statements }) => {
    const found = statements.find(isRecordedBuild);
    return found && readRecordedBuild(found, `provenance of ${about.digest}`);
  });
  const all = each.filter((one) => one !== undefined);
  const [first] = all;
  if (first === undefined || all.length < each.length) return undefined;
  const platforms = all.flatMap(({ parameters }) => parameters.platforms);
  return {
    ...first,
    parameters: { ...first.parameters, platforms },
    settings: Object.assign({}, ...all.map(({ settings }) => settings)),
  };
}

/** An image with what the index of another says of its images: they are told of in both, or differ. */
async function withStatementsOf(
  { place, root }: SignedImage,
  made: BuiltImage,
  options: CallOptions,
): Promise<BuiltImage> {
  const { index } = await readGraphDocument(place, root, options);
  const entries = index?.manifests.filter((one) => attestedBy(one) !== undefined) ?? [];
  const documents = await Promise.all(entries.map(async (descriptor) => {
    const bytes = Uint8Array.from(await readDocument(place, descriptor, options));
    return { descriptor, bytes };
  }));
  return await withManifests(made, entries.map(asWritten), documents, options);
}

/** The folder in a checkout that go ran in; warns where the checkout is not what was built. */
async function checkoutOf(
  { parameters, source }: RecordedBuild,
  given: string,
  what: string,
  request: RebuildRequest,
): Promise<{ readonly root: string; readonly directory: string }> {
  const folder = resolve(given);
  const top = source === undefined ? undefined : findUp(folder, ".git");
  const root = top ?? folder;
  const directory = join(root, parameters.directory);
  const refuse = (why: string) => {
    const next = "name the checkout with --source DIR";
    return new KodenoError("BAD_OPTION", `Cannot build ${what} again in ${given}: ${why}; ${next}`);
  };
  if (isAbsolute(parameters.directory) || !isInside(root, directory)) {
    throw refuse(`folder ${parameters.directory} of its provenance is not in it`);
  }
  if (!isFolder(directory)) throw refuse(`there is no folder ${parameters.directory}`);
  const { signal, environment } = request;
  const found = await gitSource({ directory, environment, signal });
  if (source?.isDirty) warn(request, "files were changed or not tracked when it was built");
  if (typeof found === "string") {
    if (source !== undefined) {
      warn(request, `it was built in a checkout, and here is none: ${found}`);
    }
  } else if (source === undefined) {
    warn(request, "it was built in no checkout, and here is one");
  } else if (found.commit !== source.commit) {
    warn(request, `it was built from commit ${source.commit}, and here is ${found.commit}`);
  } else if (found.isDirty && !source.isDirty) {
    warn(request, `files of ${given} are changed or not tracked`);
  }
  return { root, directory };
}

/**
 * Why the registry of a base image is not asked for it: a record that nobody known has signed names it, and
 * nobody else does. Files out of the checkout are refused.
 */
async function whyUnasked(
  baseImage: string,
  { root, directory, source, registry, environment }: {
    /** Of the checkout, and the folder in it that go runs in. */
    readonly root: string;
    readonly directory: string;
    /** The folder that was named. */
    readonly source: string;
    /** Where the image is, if it is in one. */
    readonly registry: string | undefined;
    readonly environment: Readonly<Record<string, string>>;
  },
): Promise<string | undefined> {
  if (isBuiltinBase(baseImage)) return undefined;
  const why = "provenance that nobody known has signed names it, and no file of the checkout does";
  const next = `say --base-image ${baseImage}, or with --key FILE who has to have signed it`;
  const base = parsePlace(baseImage);
  if ("path" in base && !isInside(root, resolve(directory, base.path))) {
    const message =
      `Cannot use base image ${baseImage}: it is not in the checkout, and ${why}; ${next}`;
    throw new KodenoError("NOT_TRUSTED", message);
  }
  if (base.kind !== "registry") return undefined;
  const hosts = new Set([registry]);
  for (const workingDirectory of new Set([resolve(source), directory])) {
    const options = await loadConfig({ workingDirectory, environment });
    for (const named of namedBases(resolveBuildConfig(options))) hosts.add(hostOf(named.baseImage));
  }
  return hosts.has(hostOf(baseImage)) ? undefined : `it is not in the cache, and ${why}; ${next}`;
}

/** The registry of an image; nothing of what is in no registry. */
function hostOf(name: string): string | undefined {
  if (isBuiltinBase(name) || !isReference(name)) return undefined;
  return splitHost(parseReference(name).name).host ?? "docker.io";
}

/** The environment, with the go that was recorded where another one would be run. */
async function withGo(
  { goVersion }: RecordedBuild,
  directory: string,
  what: string,
  environment: Readonly<Record<string, string>>,
  { offline, signal }: RebuildRequest,
): Promise<Readonly<Record<string, string>>> {
  const release = /^go\d+[.\w]*/.exec(goVersion ?? "")?.[0];
  if (release === undefined) return environment;
  const { go: { command, environment: own } } = resolveBuildConfig({ environment, offline });
  const how = { command, environment: own, directory, signal };
  const isIt = (version: string) => version.split(/[ -]/)[0] === release;
  const here = await goEnvironment(how, ["GOVERSION"]);
  if (isIt(here.GOVERSION)) return environment;
  // It may be in go's cache of modules, or be had from a proxy.
  const other = await chosenGo(how, release);
  if (other === undefined || !isIt(other.version)) {
    const why = `it was built with ${release}, and here is ${here.GOVERSION}`;
    const next = `install ${release}, or name it by KO_GO_PATH`;
    throw new KodenoError("GO_FAILED", `Cannot build ${what} again: ${why}; ${next}`);
  }
  return { ...environment, KO_GO_PATH: other.command, GOTOOLCHAIN: "local" };
}
