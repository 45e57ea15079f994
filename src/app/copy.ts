/**
 * The recipe of `kodeno copy` and `kodeno pull`: one image from any place to any place.
 * @module
 */
import { nameInDaemon } from "../build/destinations.ts";
import { parsePrefix, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { fetchBlob } from "../content/blobs.ts";
import { copy, type CopyOptions, countMoved, measureCopy, tellingPlace } from "../content/copy.ts";
import { type Blobs, type CallOptions, holdPlace, type Source } from "../content/places.ts";
import { summarize } from "../content/reader.ts";
import {
  type AboutImage,
  COPIED_AT_ONCE,
  copyReferrers,
  findAbout,
  subjectsOf,
} from "../content/referrers.ts";
import { hasSuccessors, readGraphDocument, whyUnknown } from "../content/walk.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { notesTo, type WorkOptions } from "../events.ts";
import { abortable, forEach, Pool } from "../io/concurrency.ts";
import { type Descriptor, isDigest } from "../oci/descriptor.ts";
import { calledName, imageName, refName } from "../oci/entries.ts";
import { parseImageName, shortName } from "../oci/reference.ts";
import { takingWhole } from "../place/choose_image.ts";
import { Layout } from "../place/layout/layout.ts";
import {
  giveUpNetwork,
  isOnDisk,
  openForeign,
  openTarget,
  type PlaceName,
  placeToWrite,
  type WritablePlace,
} from "../place/open.ts";
import { type OpenImage, openImage, tellLostName } from "../place/open_image.ts";
import type { TransferConfig } from "../place/registry/transport.ts";
import { openDemands } from "../trust/demands.ts";

/** What was asked for. */
export interface CopyRequest extends TransferOptions, TrustOptions, WorkOptions {
  /** The place to read, as `parsePlace` has it. */
  readonly from: string;
  /** The place to write. */
  readonly to: string;
  /** Takes one image of several platforms alone. */
  readonly platform?: string | undefined;
  /** Prefix of the name in a daemon, in the place of the image's own registry host. */
  readonly localDomain?: string | undefined;
  /**
   * Whether what refers to the image (signatures, SBOMs) goes along, too, wherever it can; what cannot
   * be had of that is an error where it was asked for, else told of.
   */
  readonly referrers?: boolean | undefined;
  /** Sums images up, too, as lines of JSON have it. */
  readonly json?: boolean | undefined;
}

/** An image that was copied. */
export type CopiedImage = Awaited<ReturnType<typeof copyImage>>;

/** The request, with its places read. */
interface Work extends Omit<CopyRequest, "from" | "to"> {
  readonly config: TransferConfig;
  readonly from: PlaceName;
  readonly to: PlaceName;
  /** What the user calls them. */
  readonly given: Pick<CopyRequest, "from" | "to">;
}

const isDaemon = ({ kind }: PlaceName) => kind === "daemon" || kind === "kind";

/**
 * Copies an image.
 *
 * @returns `name` where it went, `digest` of its manifest or index, `id` in a daemon, the `references`
 * it can be asked for by (its digest where it has no name), and the `blobs` and `bytes` that were moved
 * @throws {KodenoError} when it cannot be; the target then has no new name
 */
export async function copyImage(request: CopyRequest) {
  const [from, to] = [placeToWrite(request.from), placeToWrite(request.to)];
  const config = resolveTransferConfig(request);
  const work: Work = { ...request, config, from, to, given: request };
  await refuse(work);
  const demands = await openDemands(request);
  if (request.offline && isOnDisk(from) && isOnDisk(to)) await giveUpNetwork();
  await using image = await openImage(from, { ...request, config });
  if (!hasSuccessors(image.root) && !isOnDisk(to)) {
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot copy ${request.from} to ${request.to}: ${whyUnknown(image.root)}`,
      { digest: image.root.digest },
    );
  }
  const name = calledName(image.whole, image.ownName) ?? image.name;
  const how = { isNear: isOnDisk(from), signal: request.signal };
  await demands?.onImage(image.source, { ...image, name }, "copied", how);
  const copied = await write(work, image);
  if (isOnDisk(from) && nameIn(to) === "") {
    tellLostName(image.whole, image.name, request.from, request.emit);
  }
  for (const message of image.notes) request.emit?.({ type: "note", level: "warning", message });
  return copied;
}

/** Says before anything is dialled what the target cannot take. */
async function refuse({ given, to, referrers, localDomain }: Work): Promise<void> {
  if (to.kind === "archive") {
    // Most copies are to other places, and do not wait for its code.
    const { ArchiveTarget } = await import("../place/archive/archive_target.ts");
    await new ArchiveTarget(to.path).check();
  }
  if (given.from === "daemon:") {
    throw new KodenoError("BAD_REFERENCE", "Cannot copy from daemon: say daemon:NAME");
  }
  const bad = (code: "BAD_OPTION" | "BAD_REFERENCE", why: string) =>
    new KodenoError(code, `Cannot copy to ${given.to}${why}`);
  if (to.kind !== "daemon" && localDomain !== undefined) {
    throw bad("BAD_OPTION", ": --local-domain names images in a daemon; leave it out");
  }
  if (isDaemon(to) && referrers) {
    const why = " with --referrers: a daemon keeps none; copy to a layout or registry";
    throw bad("BAD_OPTION", why);
  }
  const name = to.kind === "registry" ? to.reference.digest : nameIn(to);
  if (name && isDigest(name)) throw bad("BAD_REFERENCE", ": a digest is no name");
}

/** What the name of a place calls the image there; "" where it says nothing. */
function nameIn(place: PlaceName): string {
  if (place.kind === "registry") {
    return `${place.reference.name}:${place.reference.tag ?? "latest"}`;
  }
  return "ref" in place ? place.ref : place.name;
}

async function write(work: Work, image: OpenImage) {
  const { signal, emit, localDomain, config, from, to } = work;
  const { source, root, whole } = image;
  const { moved, onBlob } = countMoved();
  await using foreign = await openForeign(config, { emit });
  const options = { signal, emit, image: image.name, foreign, onBlob };
  const domain = localDomain === undefined ? undefined : parsePrefix(localDomain);
  const name = nameThere(work, image, domain);
  // What has to come over a wire comes several blobs at once; what is near is read when it is written.
  const near: Blobs | undefined = to.kind === "archive" && from.kind !== "registry"
    ? { fetch: (d, call) => fetchBlob(source, d, { ...call, foreign }) }
    : undefined;
  const mountFrom = from.kind === "registry" ? [from.reference.name] : [];
  const target = await openTarget(to, config, { domain, near, mountFrom, emit });
  // Asked while blobs are moved; before the image has its name, which it does not get where these were
  // asked for in vain.
  const asking = abortable(signal);
  const along = findReferrers({ ...work, signal: asking.signal }, image);
  along.catch(() => {});
  try {
    using _ = await holdPlace(target, { signal });
    if (to.kind !== "registry") await tellTag(work, image, name, target);
    const preparing = async () => await target.prepare?.(source, root, { foreign, signal }) ?? root;
    const chosen = await takingWhole(source, whole, preparing);
    const how = near ? { ...options, emit: notesTo(emit), onBlob: undefined } : options;
    const named = { tags: name === undefined ? [] : [name], before: along };
    await takingWhole(source, whole, () => copy(source, chosen, target, { ...how, ...named }));
    if (name === undefined) await keepRoot(target, chosen, { signal });
    const where = { ...how, isNear: near !== undefined, name };
    await takeReferrers(await along, work, source, target, where);
    // Read from where it is near, before an archive is written over what it is read from.
    const isThere = from.kind === "registry" && isOnDisk(to);
    const read = isThere ? target as Blobs : source;
    const summary = work.json ? await summarize(read, root, { signal }) : {};
    await tellingPlace(near && source, name, target.close(near ? options : { signal }));
    const id = target.idOf?.(chosen);
    const reference = name === undefined ? root.digest : `${name}@${root.digest}`;
    const references = [id === undefined ? reference : name ?? id];
    return { name, digest: root.digest, ...summary, references, id, ...moved };
  } catch (error) {
    asking.abort(error);
    await along.catch(() => {});
    await target.undo();
    throw error;
  }
}

/** What is about an image; `failure` tells why nobody can say, where nobody has asked for it. */
async function findReferrers(
  { referrers, to, signal }: Work,
  { source, root }: OpenImage,
): Promise<AboutImage & { readonly failure?: KodenoError }> {
  const none = { referrers: [], tagged: [], digests: new Set<string>() };
  if (!(referrers ?? !isDaemon(to))) return none;
  try {
    return await findAbout(source, root, { signal });
  } catch (error) {
    const codes = ["NOT_FOUND", "BAD_CONTENT", "UNAUTHORIZED", "REGISTRY_FAILED"] as const;
    if (referrers || signal?.aborted || !hasCode(error, ...codes)) throw error;
    return { ...none, failure: error };
  }
}

/** Copies what refers to an image, which is whole without: what its place lacks of that is told of. */
async function takeReferrers(
  { referrers: found, tagged, digests, failure }: Awaited<ReturnType<typeof findReferrers>>,
  { referrers, to, emit, given, signal }: Work,
  source: Source,
  target: WritablePlace,
  how: CopyOptions & { readonly isNear: boolean; readonly name: string | undefined },
): Promise<void> {
  const leave = (what: string, { message: why }: KodenoError): void => {
    const message = `Left out ${what} ${given.from}: ${why}`;
    emit?.({ type: "note", level: "warning", message });
  };
  if (failure !== undefined) leave("what refers (signatures, SBOMs) to", failure);
  const take = async (one: Descriptor, work: () => Promise<unknown>) => {
    try {
      // What is read only in the end would fail all that was copied.
      if (how.isNear) await measureCopy(source, [one], target, { signal });
      await work();
      return { one };
    } catch (error) {
      if (referrers || signal?.aborted || !hasCode(error, "NOT_FOUND", "BAD_CONTENT")) throw error;
      return { one, error };
    }
  };
  const took = await forEach(found, new Pool(COPIED_AT_ONCE), async (one, signal) => {
    return await take(one, async () => {
      // What a registry lists may be about anything, which would be brought, too.
      const { subject } = await readGraphDocument(source, one, { signal });
      if (!digests.has(subject?.digest ?? "")) {
        const why = `it refers to ${subject?.digest ?? "nothing"} instead`;
        throw new KodenoError("BAD_CONTENT", `Cannot take ${one.digest}: ${why}`);
      }
      await copyReferrers(source, [one], target, { ...how, signal });
    });
  }, signal);
  const taken = took.filter(({ error }) => error === undefined).map(({ one }) => one);
  if (taken.length > 0) await target.keep?.(taken, { signal });
  const isTagAlone = how.name === undefined || to.kind === "registry";
  const repository = isTagAlone ? "" : `${parseImageName(how.name).name}:`;
  const named = [];
  for (const one of tagged) {
    const tags = [`${repository}${refName(one)?.split(":").at(-1)}`];
    named.push(await take(one, () => copy(source, one, target, { ...how, tags })));
  }
  // In the order in which they were found.
  for (const { one, error } of [...took, ...named]) {
    if (error !== undefined) leave(`${one.digest}, which refers to`, error);
  }
}

/** Keeps an image without a name; with what it refers to, which else would not live, nor it. */
async function keepRoot(target: WritablePlace, root: Descriptor, options: CallOptions) {
  if (target instanceof Layout) {
    const { subjects } = await subjectsOf(target, root, options);
    await target.keep([...subjects.toReversed(), root], options);
  } else await target.keep?.([root], options);
}

/**
 * Tells that an image which was asked for by its digest alone gets a tag that nobody has said; a layout
 * can tell which image had it.
 */
async function tellTag(
  { from, to, given, emit }: Work,
  { root }: OpenImage,
  name: string | undefined,
  target: WritablePlace,
): Promise<void> {
  const isDigestAlone = from.kind === "registry" && from.reference.digest !== undefined &&
    from.reference.tag === undefined;
  if (!isDigestAlone || nameIn(to) !== "" || name === undefined) return;
  const tagged = `${name.replace(/:latest$/, "")}:latest`;
  const entries = target instanceof Layout ? await target.entries() : [];
  const had = entries.find((entry) => imageName(entry) === tagged)?.digest;
  const isReplaced = had !== undefined && had !== root.digest;
  const message = `Naming it ${tagged}, since ${given.from} says no tag` +
    (isReplaced ? `; that was ${had} before` : "");
  emit?.({ type: "note", level: isReplaced ? "warning" : "info", message });
}

/**
 * What an image is called where it goes: as the target says, else by its own name. One without a name
 * stays so: a name of ours might take that of another image.
 */
function nameThere({ to }: Work, image: OpenImage, domain: string | undefined) {
  const name = nameIn(to) || image.name;
  if (to.kind === "registry" || name === undefined) return name;
  if (to.kind === "layout" || to.kind === "archive") return shortName(name);
  if (to.name !== "" || /[:/]/.test(name)) return nameInDaemon(name, domain);
  // A tag alone: the place it lies in stands for the name.
  return nameInDaemon(image.ownName === undefined ? name : `${image.ownName}:${name}`, domain);
}
