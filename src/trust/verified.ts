/**
 * Whether images are what a policy demands, in whatever place they are: the one question that all commands
 * ask before they move an image, or build on it.
 * @module
 */
import type { ContentCheck } from "../content/check.ts";
import { imagesBelow } from "../content/images.ts";
import type { CallOptions, ImageStore, Source } from "../content/places.ts";
import { cosignTagFinder, referrerFinder, subjectsOf } from "../content/referrers.ts";
import { hasSuccessors } from "../content/walk.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { getOrSet } from "../io/concurrency.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { calledName, cosignSubject, isNameless, listed, SUBJECT } from "../oci/entries.ts";
import { isObject, oddity } from "../oci/manifest.ts";
import { splitHost, withoutTag } from "../oci/reference.ts";
import { type StatementsIn, statementsIn } from "./in_index.ts";
import type { Demand, DemandedStatement, Policy } from "./policy.ts";
import { type FoundSignature, signaturesBy } from "./signatures.ts";
import type { Statement } from "./statement.ts";

/** An image that is to be looked at. */
export interface Claimed {
  /** Its manifest or index. */
  readonly root: Descriptor;
  /** The index that the root was chosen of; a signature of that is one of the root, too. */
  readonly whole?: Descriptor | undefined;
  /** What it is called where it is. */
  readonly name: string | undefined;
}

/** What was found of an image. */
export interface Verdict<T extends Claimed = Claimed> {
  /** The image, as it was given. */
  readonly image: T;
  /** What is wrong with it; nothing where it holds. */
  readonly faults: readonly string[];
  /** Of the keys that count for it. */
  readonly signatures: readonly Pick<FoundSignature, "form" | "digest" | "key">[];
  /** When a statement that it needs is too old, in milliseconds since 1970; else Infinity. */
  readonly until: number;
  /** Blobs that were read, and their bytes. */
  readonly blobs: number;
  /** Of the blobs. */
  readonly bytes: number;
}

/** How images are looked at. */
export interface VerifiedOptions extends CallOptions {
  /**
   * Checks what images are made of, and what refers to them; without it whoever takes them has to, as a
   * copy does.
   */
  readonly content?: ContentCheck | undefined;
}

/**
 * Looks at all of some images of a place. Nothing is demanded without a policy.
 *
 * @throws {KodenoError} where it cannot be told, as when a registry does not answer
 *
 * @example
 * ```ts
 * import { MemoryStore, openPolicy, verified } from "@kodeno/kodeno";
 * const store = new MemoryStore();
 * const root = await store.add("text/plain", new TextEncoder().encode("hello"));
 * const rule = { names: ["registry.local/**"], type: "reject", keys: [], attestations: [] } as const;
 * const policy = await openPolicy({ policy: { name: "mine", rules: [rule] } });
 * const [verdict] = await verified(store, [{ root, name: "registry.local/app:v1" }], policy);
 * if (verdict?.faults[0] !== "rule 1 of mine refuses it") throw new Error();
 * ```
 */
export async function verified<T extends Claimed>(
  source: Source,
  images: readonly T[],
  policy: Policy | undefined,
  { content, signal }: VerifiedOptions = {},
): Promise<readonly Verdict<T>[]> {
  const referrersOf = await referrerFinder(source, { signal });
  const taggedFor = await cosignTagFinder(source, { signal });
  const verdicts: Verdict<T>[] = [];
  for (const image of images) {
    const { root, whole = root, name } = image;
    const faults: string[] = [];
    const referrers = await referrersOf(whole).catch((error) => {
      if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
      // Who looks at its content is told the same.
      if (content === undefined) faults.push(error.message);
      return [];
    });
    const { failures, blobs, bytes } = await content?.graph([root, ...referrers]) ??
      { failures: [], blobs: 0, bytes: 0 };
    faults.push(...failures.map(({ message }) => message));
    let judged: Judged = { faults: [], signatures: [], until: Infinity };
    if (policy !== undefined && faults.length === 0) {
      /** What each signature is of. */
      const of = new Map<FoundSignature, Descriptor>();
      const signed = async ({ keys }: Demand, unfit: (why: string) => void) => {
        const found: FoundSignature[] = [];
        for (const image of whole.digest === root.digest ? [root] : [root, whole]) {
          // Who says something of an image has signed it, in either form.
          const legacy = [...await taggedFor(image, "sig"), ...await taggedFor(image, "att")];
          const claims = { source, image, referrers, legacy };
          for (const one of await signaturesBy(keys, claims, { signal, unfit })) {
            found.push(one);
            of.set(one, image);
          }
        }
        return found;
      };
      const inIndex = async (signatures: readonly FoundSignature[]) => {
        const indexes = new Set(signatures.map((one) => of.get(one) ?? root));
        const all = await Promise.all([...indexes].map((d) => statementsIn(source, d, { signal })));
        const isOf = ({ about }: StatementsIn) =>
          whole.digest === root.digest || about.digest === root.digest;
        return all.flat().filter(isOf);
      };
      judged = await judge(policy, name, signed, inIndex);
      faults.push(...judged.faults);
    }
    const { until } = judged;
    // What they say was needed till here; of many images it would be too much to keep.
    const signatures = judged.signatures.map(({ form, digest, key }) => ({ form, digest, key }));
    verdicts.push({ image, faults, signatures, until, blobs, bytes });
  }
  return verdicts;
}

/**
 * Refuses to move images where one of them is not what a policy demands; nothing is demanded without one.
 * All of them are looked at, and what is wrong with each is told.
 *
 * @param done what would be done with them: `pushed`
 * @throws {KodenoError} `NOT_TRUSTED`
 */
export async function refuseUnverified(
  source: Source,
  images: readonly Claimed[],
  policy: Policy | undefined,
  done: string,
  options: VerifiedOptions,
): Promise<void> {
  if (policy !== undefined) refuseBad(await verified(source, images, policy, options), done);
}

/** Refuses images of which one does not hold. */
function refuseBad(verdicts: readonly Verdict[], done: string): void {
  const bad = verdicts.filter(({ faults }) => faults.length > 0);
  if (bad.length === 0) return;
  const texts = bad.map(({ image, faults }) => `${image.name ?? image.root.digest} (${faults[0]})`);
  const which = verdicts.length > 1 ? `${bad.length} of ${verdicts.length} images` : "the image";
  const message = `Cannot trust ${which}: ${listed(texts)}; nothing was ${done}`;
  const digests = bad.map(({ image }) => image.root.digest);
  throw new KodenoError("NOT_TRUSTED", message, { digests });
}

/** An image of a layout or archive, and what goes along with it. */
interface ClaimedEntry extends Claimed {
  /** Digests of the image, of its platforms, and of what refers to one of these. */
  readonly parts: ReadonlySet<string>;
}

/**
 * The images among entries of a layout or archive: not what refers to one of them, has cosign's tag for one,
 * cannot be used, or refers to something that is not there.
 *
 * @param wholes what images of one platform were chosen of
 */
export async function claimsIn(
  store: ImageStore,
  entries: readonly Descriptor[],
  { wholes, signal }: CallOptions & {
    readonly wholes?: ReadonlyMap<Descriptor, Descriptor> | undefined;
  } = {},
): Promise<readonly ClaimedEntry[]> {
  const referrersOf = await referrerFinder(store, { signal });
  const all: ClaimedEntry[] = [];
  for (const root of entries.filter((entry) => !oddity(entry))) {
    const whole = wholes?.get(root) ?? root;
    // Of what refers to one that is damaged, and is refused for that, the entries tell.
    const [below, about] = await Promise.all([
      imagesBelow(store, whole, { signal }),
      referrersOf(whole),
    ]).catch((error) => {
      if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
      return [[], entries.filter(({ annotations }) => annotations?.[SUBJECT] === root.digest)];
    });
    const parts = new Set([root, whole, ...below, ...about].map(({ digest }) => digest));
    all.push({ root, whole, name: calledName(whole, store.ownName), parts });
  }
  /** Digests of images by those of their parts. */
  const owners = new Map<string, Set<string>>();
  for (const { root, parts } of all) {
    for (const part of parts) getOrSet(owners, part, () => new Set()).add(root.digest);
  }
  const claims: ClaimedEntry[] = [];
  for (const one of all) {
    const { root } = one;
    const isUnnamed = isNameless(root);
    const about = cosignSubject(root) ?? (isUnnamed ? root.digest : "");
    if ([...owners.get(about) ?? []].some((digest) => digest !== root.digest)) continue;
    const { missing } = isUnnamed && hasSuccessors(root)
      ? await subjectsOf(store, root, { signal }).catch(() => ({ missing: undefined }))
      : {};
    if (missing === undefined) claims.push(one);
  }
  return claims;
}

/** Which entries of a layout a server may show: those that hold, and what goes along with them. */
export async function presentable(
  store: ImageStore,
  entries: readonly Descriptor[],
  policy: Policy,
  { content, signal }: CallOptions & { readonly content: ContentCheck },
): Promise<{
  readonly shown: readonly Descriptor[];
  readonly hidden: readonly Verdict[];
  /** When one of those that are shown holds no more, in milliseconds since 1970. */
  readonly until: number;
}> {
  const claims = await claimsIn(store, entries, { signal });
  const verdicts = await verified(store, claims, policy, { content, signal });
  const good = verdicts.filter(({ faults }) => faults.length === 0);
  const roots = new Set<Descriptor>(good.map(({ image: { root } }) => root));
  const parts = new Set(good.flatMap(({ image }) => [...image.parts]));
  const shown: Descriptor[] = [];
  for (const entry of entries) {
    const isAlong = parts.has(cosignSubject(entry) ?? "") &&
      (await content.graph([entry])).failures.length === 0;
    const isReferrer = isNameless(entry) && parts.has(entry.digest);
    if (roots.has(entry) || isAlong || isReferrer) shown.push(entry);
  }
  const hidden = verdicts.filter(({ faults }) => faults.length > 0);
  return { shown, hidden, until: Math.min(...good.map(({ until }) => until)) };
}

/** What a policy makes of an image. */
type Judged = Pick<Verdict, "faults" | "until"> & {
  readonly signatures: readonly FoundSignature[];
};

/**
 * What the rule for a name makes of the signatures of an image.
 *
 * @param inIndex what is said in an index that some signatures are of, which have signed that as well
 */
async function judge(
  policy: Policy,
  name: string | undefined,
  signed: (
    demand: Demand,
    unfit: (why: string) => void,
  ) => Promise<readonly FoundSignature[]>,
  inIndex: (signatures: readonly FoundSignature[]) => Promise<readonly StatementsIn[]>,
): Promise<Judged> {
  const demand = policy.demandOn(name);
  const refused = (why: string) => ({ faults: [why], signatures: [], until: Infinity });
  if (demand === undefined) {
    const what = name === undefined ? "an image without a name" : "its name";
    return refused(`no rule of ${policy.what} is for ${what}`);
  }
  const { what, type, statements, maySay } = demand;
  if (type === "reject") return refused(`${what} refuses it`);
  if (type === "insecureAcceptAnything") return { faults: [], signatures: [], until: Infinity };
  const unfit: string[] = [];
  // One is told; somebody else may have put very many there.
  const tell = (why: string): void => void (unfit.length > 0 || unfit.push(why));
  const signatures: FoundSignature[] = [];
  for (const one of await signed(demand, tell)) {
    const { repository } = one;
    if (repository === undefined || isCalledSo(name, repository) || maySay?.(repository)) {
      signatures.push(one);
    } else tell(`the signature ${one.digest} is for ${repository}, not for ${name}`);
  }
  const who = what === undefined ? "no key that was given" : `no key of ${what}`;
  if (signatures.length === 0) {
    return refused(`${who} has signed it${unfit.length > 0 ? ` (${unfit[0]})` : ""}`);
  }
  const beside = signatures.flatMap(({ statement }) => statement ? [statement] : []);
  const faults: string[] = [];
  let until = Infinity;
  for (const demand of statements) {
    const doing = `${who} has signed a statement of type ${demand.predicateType}`;
    let held = heldUntil(beside, demand);
    if (typeof held !== "number") {
      // All images of an index have to be spoken of.
      const each = (await inIndex(signatures)).map(({ statements }) =>
        heldUntil(statements, demand)
      );
      const isMissing = each.length === 0 || each.includes(undefined);
      held ??= isMissing ? undefined : each.find((one) => typeof one === "string");
      const times = each.filter((one) => typeof one === "number");
      if (each.length > 0 && times.length === each.length) held = Math.min(...times);
    }
    if (typeof held === "number") until = Math.min(until, held);
    else faults.push(held === undefined ? doing : `${doing} that is young enough: ${held}`);
  }
  return { faults, signatures, until };
}

/**
 * Until when one of some statements is as it is demanded, in milliseconds since 1970; why the first one is
 * not, or undefined where there is none of the type.
 */
function heldUntil(
  statements: readonly Statement[],
  { predicateType, maxAgeMs }: DemandedStatement,
): number | string | undefined {
  const found = statements.filter((one) => one.predicateType === predicateType)
    .map((one) => maxAgeMs === undefined ? Infinity : youngUntil(one, maxAgeMs));
  const times = found.filter((one) => typeof one === "number");
  return times.length > 0 ? Math.max(...times) : found[0];
}

/**
 * Whether an image may be one of a repository that its signature names. Images change their registries on
 * their way, and the folders there; what is called otherwise is another image. Names without a registry
 * are those of layouts and archives, and of their folders, which people rename.
 */
function isCalledSo(name: string | undefined, repository: string): boolean {
  const [ours, theirs] = [name ?? "", repository].map((text) =>
    splitHost(withoutTag(text.replace(/@.*$/, "")))
  );
  const isWhole = ours?.host !== undefined && theirs?.host !== undefined;
  const last = (one: typeof ours): string | undefined => one?.path.split("/").at(-1);
  return !isWhole || last(ours) === last(theirs);
}

/** Where statements of the types that people know say when they were made; each is a way into the predicate. */
const TIMES: readonly (readonly string[])[] = [
  ["runDetails", "metadata", "finishedOn"],
  ["runDetails", "metadata", "startedOn"],
  ["metadata", "buildFinishedOn"],
  ["metadata", "buildStartedOn"],
  ["metadata", "scanFinishedOn"],
  ["metadata", "timestamp"],
  ["creationInfo", "created"],
  ["timestamp"],
  ["timeVerified"],
];
/** What clocks may differ by. */
const CLOCK_MS = 5 * 60_000;

/** Until when a statement is young enough, in milliseconds since 1970; why it is not. */
function youngUntil({ predicate }: Statement, maxAgeMs: number): number | string {
  const texts = TIMES.map((path) =>
    path.reduce<unknown>((at, key) => isObject(at) ? at[key] : undefined, predicate)
  );
  const text = texts.find((one) => typeof one === "string");
  const time = typeof text === "string" ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) return "it says no time";
  if (time > Date.now() + CLOCK_MS) {
    return `it is of ${text}, which is yet to come: a clock is wrong`;
  }
  return time + maxAgeMs < Date.now() ? `it is of ${text}` : time + maxAgeMs;
}
