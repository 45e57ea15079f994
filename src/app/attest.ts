/**
 * The recipe of `kodeno attest`: what a file says of images of a layout, an archive or a registry is signed,
 * and put beside them.
 * @module
 */
import { parseEpoch } from "../config/checks.ts";
import { resolveTransferConfig } from "../config/config.ts";
import { variable } from "../config/environment.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { isAbsent, readSmallText } from "../io/files.ts";
import { type Digest, parseDigest } from "../oci/descriptor.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { envelopeLayer, readPredicate, statementAbout } from "../trust/attestation.ts";
import { MAX_BUNDLE_BYTES, statementBundle } from "../trust/bundle.ts";
import { openSigner, type SignerRequest } from "../trust/key_files.ts";
import type { Signer } from "../trust/keys.ts";
import {
  type Beside,
  isSaid,
  legacyLayers,
  putBeside,
  type SignatureForm,
  signaturesBy,
} from "../trust/signatures.ts";
import { signatureManifest } from "../trust/simple_signing.ts";
import { predicateType, type UnsignedStatement } from "../trust/statement.ts";

interface AttestRequest extends SignerRequest, TransferOptions, WorkOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout or archive; default all. */
  readonly images?: readonly string[] | undefined;
  /** File with what is said. */
  readonly predicate: string;
  /** Which kind of claim it is, as cosign calls it, or as a URI. */
  readonly type: string;
  readonly forms: readonly SignatureForm[];
}

/** A signed statement that was made, or was there. */
interface Attested {
  readonly name: string | undefined;
  /** Of the image. */
  readonly digest: Digest;
  /** What it can be asked for by. */
  readonly references: readonly string[];
  readonly isRoot: true;
  readonly form: SignatureForm;
  readonly predicateType: string;
  /** Digest of the manifest of the statement. */
  readonly signature: string;
  readonly isNew: boolean;
}

/** Signs what a file says of images. What the same key has said of one already is left as it is. */
export async function attest(request: AttestRequest): Promise<readonly Attested[]> {
  const { place, type, signal, emit } = request;
  const config = resolveTransferConfig(request);
  const { environment } = config;
  const epoch = variable(environment, "SOURCE_DATE_EPOCH");
  const time = epoch ? parseEpoch("SOURCE_DATE_EPOCH", epoch) : undefined;
  const uri = predicateType(type);
  const what = request.predicate;
  const predicate = readPredicate({ text: readPredicateFile(what), what, type, time });
  const signer = await openSigner(request, environment, { signal, emit });
  const images = request.images ?? [];
  const how = { config, images, verb: "attest", writes: true, signal, emit };
  await using opened = await openSigned(place, how);
  const attested: Attested[] = [];
  /** An image may have several names. */
  const made = new Map<string, Beside>();
  for (const image of opened.images) {
    const { root, name, repository } = image;
    const digest = parseDigest(root.digest);
    const statement = statementAbout(root, type, predicate, repository);
    for (const form of request.forms) {
      const key = [form, digest, form === "legacy" ? repository : ""].join(" ");
      const found = made.get(key) ?? await attestOne(image, statement, form, signer, request);
      const isNew = typeof found !== "string";
      if (isNew) made.set(key, found);
      attested.push({
        name,
        digest,
        references: [nameAndDigest(name, digest)],
        isRoot: true,
        form,
        predicateType: uri,
        signature: isNew ? found.made.manifest.descriptor.digest : found,
        isNew,
      });
    }
  }
  await putBeside([...made.values()], { signal });
  await opened.save();
  return attested;
}

/** A statement to be put beside an image; the digest of the one that is there, where the key has made it. */
async function attestOne(
  image: SignedImage,
  statement: UnsignedStatement,
  form: SignatureForm,
  signer: Signer,
  { signal }: AttestRequest,
): Promise<Beside | string> {
  const { place, root, referrers, legacyOf } = image;
  const legacy = form === "legacy" ? await legacyOf(root, "att", true) : undefined;
  const own = legacy === undefined ? [] : [legacy];
  const signed = { source: place, image: root, referrers, legacy: own };
  const there = await signaturesBy([signer.key], signed, { signal });
  const had = there.find((one) => one.form === form && isSaid(one, statement));
  if (had !== undefined) return had.digest;
  if (form === "bundle") return { image, made: await statementBundle(statement, signer) };
  const present = await legacyLayers(place, legacy, "att", { signal });
  const layer = await envelopeLayer(statement, signer);
  const tag = { subject: root, kind: "att" as const };
  return { image, made: signatureManifest(layer, present), tag };
}

function readPredicateFile(path: string): string {
  try {
    return readSmallText(path, MAX_BUNDLE_BYTES);
  } catch (error) {
    const why = isAbsent(error) ? "there is no such file" : messageOf(error);
    throw new KodenoError("BAD_OPTION", `Cannot use predicate ${path}: ${why}`);
  }
}
