/**
 * The recipe of `kodeno attest`: what a file says of images of a layout, an archive or a registry is signed,
 * and put beside them.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import { sourceDateEpoch } from "../config/environment.ts";
import type { TransferOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { readNamedText } from "../io/files.ts";
import { type Digest, parseDigest } from "../oci/descriptor.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { openSigned } from "../place/signed.ts";
import { envelopeLayer, readPredicate, statementAbout } from "../trust/attestation.ts";
import { MAX_BUNDLE_BYTES, statementBundle } from "../trust/bundle.ts";
import { openSigner, type SignerRequest } from "../trust/key_files.ts";
import type { Signer } from "../trust/keys.ts";
import { type Said, Sayings } from "../trust/sayings.ts";
import { type FoundSignature, isSaid, type SignatureForm } from "../trust/signatures.ts";
import { predicateType } from "../trust/statement.ts";

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
  const time = sourceDateEpoch(environment);
  const uri = predicateType(type);
  const what = request.predicate;
  const predicate = readPredicate({
    text: readNamedText("predicate", what, MAX_BUNDLE_BYTES),
    what,
    type,
    time,
  });
  const signer = await openSigner(request, environment, { signal, emit });
  const images = request.images ?? [];
  const how = { config, images, verb: "attest", writes: true, signal, emit };
  await using opened = await openSigned(place, how);
  const sayings = new Sayings(signer, { signal });
  const attested: (Omit<Attested, keyof Said> & { readonly said: Said })[] = [];
  for (const image of opened.images) {
    const { root: subject, name, repository } = image;
    const digest = parseDigest(subject.digest);
    const statement = statementAbout(subject, type, predicate, repository);
    const saying = {
      subject,
      kind: "att",
      isSaidBy: (one: FoundSignature) => isSaid(one, statement),
      bundle: (signer: Signer) => statementBundle(statement, signer),
      layer: (signer: Signer) => envelopeLayer(statement, signer),
    } as const;
    for (const form of request.forms) {
      attested.push({
        name,
        digest,
        references: [nameAndDigest(name, digest)],
        isRoot: true,
        form,
        predicateType: uri,
        said: await sayings.say(image, form, saying),
      });
    }
  }
  await sayings.put();
  await opened.save();
  return attested.map(({ said, ...one }) => ({ ...one, ...said }));
}
