/**
 * Signatures of an image in whatever place it is: found, and checked against keys. Bundles refer to the
 * image; those in cosign's old form stand under a tag that is made of its digest.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { CallOptions, Source } from "../content/places.ts";
import { hasSuccessors, readDocument, readGraphDocument } from "../content/walk.ts";
import { hasCode } from "../errors.ts";
import { forEach, Pool } from "../io/concurrency.ts";
import { type Descriptor, type Digest, parseDigest } from "../oci/descriptor.ts";
import { isObject, type Manifest, parseManifest } from "../oci/manifest.ts";
import { ENVELOPE_TYPE, verifyEnvelopeLayer } from "./attestation.ts";
import { isBundleType, MAX_BUNDLE_BYTES, verifyBundle } from "./bundle.ts";
import type { VerificationKey } from "./keys.ts";
import { isSimpleSignature, verifySimple } from "./simple_signing.ts";
import { parseStatement, SIGNED, type Statement, type UnsignedStatement } from "./statement.ts";

/** Manifests about one image that are read at once; each may have a bundle of {@link MAX_BUNDLE_BYTES}. */
const AT_ONCE = 4;

/** The form of a signature: sigstore's bundle, or what cosign made before that. */
export type SignatureForm = "bundle" | "legacy";

/** What one of the keys has signed about an image. */
export interface FoundSignature {
  /** How it is made. */
  readonly form: SignatureForm;
  /** The manifest that has it. */
  readonly digest: Digest;
  /** Whose it is. */
  readonly key: VerificationKey;
  /** What is said of the image; nothing but that it is signed, where that is missing. */
  readonly statement?: Statement | undefined;
  /** What it says beside, as people have told when they signed. */
  readonly annotations: unknown;
  /** Where it says that the image is from; a bundle does not. */
  readonly repository?: string | undefined;
}

/** Where an image is, and what is known there about it. */
interface Signed {
  readonly source: Source;
  readonly image: Descriptor;
  /** What refers to the image, or to others. */
  readonly referrers: readonly Descriptor[];
  /** What stands under cosign's tags of it. */
  readonly legacy: readonly Descriptor[];
}

/** What is wrong with signatures, none of which fits, in a few words each. */
type Unfit = (why: string) => void;

/**
 * What some keys have signed about an image. What is no signature, or is that of somebody else, is
 * passed over, and told to `unfit`.
 */
export async function signaturesBy(
  keys: readonly VerificationKey[],
  signed: Signed,
  options: CallOptions & { readonly unfit?: Unfit } = {},
): Promise<readonly FoundSignature[]> {
  return [...await bundlesBy(keys, signed, options), ...await legacyBy(keys, signed, options)];
}

async function bundlesBy(
  keys: readonly VerificationKey[],
  { source, image, referrers }: Signed,
  { unfit, signal }: CallOptions & { readonly unfit?: Unfit },
): Promise<readonly FoundSignature[]> {
  const digest = parseDigest(image.digest);
  const some = referrers.filter((one) =>
    hasSuccessors(one) && (one.artifactType === undefined || isBundleType(one.artifactType))
  );
  // All of them, since anybody may put others before the one that counts; nothing is kept of those.
  const looks = await forEach(some, new Pool(AT_ONCE), async (referrer, signal) => {
    const reasons: string[] = [];
    const tell = (why: string): void => void reasons.push(why);
    const found = await passingOver(tell, async () => {
      const { manifest, subject } = await readGraphDocument(source, referrer, { signal });
      const [layer, ...others] = manifest?.layers ?? [];
      if (subject?.digest !== digest || !layer || others.length > 0) return undefined;
      if (!isBundleType(layer.mediaType)) return undefined;
      const what = `bundle ${layer.digest}`;
      const bytes = await readDocument(source, layer, { signal, most: MAX_BUNDLE_BYTES });
      const verified = verifyBundle(bytes, digest, keys, what);
      if (verified === undefined) tell(`${what} is of another key or image`);
      return verified &&
        { form: "bundle", digest: parseDigest(referrer.digest), ...verified } as const;
    });
    return { found, why: reasons[0] };
  }, signal);
  for (const { why } of looks) if (why !== undefined) unfit?.(why);
  return looks.flatMap(({ found }) => found ?? []);
}

async function legacyBy(
  keys: readonly VerificationKey[],
  { source, image, legacy }: Signed,
  options: CallOptions & { readonly unfit?: Unfit },
): Promise<readonly FoundSignature[]> {
  const digest = parseDigest(image.digest);
  const { unfit } = options;
  const found: FoundSignature[] = [];
  for (const d of legacy) {
    const manifest = await passingOver(unfit, () => manifestOf(source, d, options));
    for (const layer of manifest?.layers ?? []) {
      const isEnvelope = layer.mediaType === ENVELOPE_TYPE;
      if (!isEnvelope && !isSimpleSignature(layer)) {
        unfit?.(`layer ${layer.digest} of ${d.digest} is no signature`);
        continue;
      }
      const what = `signature ${layer.digest}`;
      await passingOver(unfit, async () => {
        const most = isEnvelope ? { most: MAX_BUNDLE_BYTES } : {};
        const payload = await readDocument(source, layer, { ...options, ...most });
        const verified = isEnvelope
          ? verifyEnvelopeLayer(payload, digest, keys, what)
          : verifySimple(layer, payload, digest, keys);
        if (verified === undefined) unfit?.(`${what} is of another key or image`);
        else found.push({ form: "legacy", digest: parseDigest(d.digest), ...verified });
      });
    }
  }
  return found;
}

/** Work with one of several signatures; nothing where that is damaged or missing, which `unfit` is told. */
async function passingOver<T>(
  unfit: Unfit | undefined,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
    unfit?.(error.message);
    return undefined;
  }
}

/** Whether a signature says what a statement says of the same image. */
export function isSaid({ statement }: FoundSignature, other: UnsignedStatement): boolean {
  const { predicateType, predicate } = parseStatement(other.bytes, "a statement");
  return statement?.predicateType === predicateType &&
    isDeepStrictEqual(statement.predicate, predicate);
}

/** Whether a signature says nothing but that an image is signed, and at least some annotations. */
export function isPlain(
  { statement, annotations: said }: FoundSignature,
  annotations: Readonly<Record<string, string>>,
): boolean {
  if (statement !== undefined && statement.predicateType !== SIGNED) return false;
  return Object.entries(annotations).every(([key, value]) => isObject(said) && said[key] === value);
}

/** The manifest under a tag of cosign's. */
export async function manifestOf(
  source: Source,
  d: Descriptor,
  options: CallOptions = {},
): Promise<Manifest> {
  return parseManifest(await readDocument(source, d, options), `signatures ${d.digest}`);
}
