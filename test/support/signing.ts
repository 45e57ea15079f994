/**
 * Keys in plain PEM, as tests need them by the dozen, and what they sign.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { sign } from "../../src/app/sign.ts";
import { statementBundle } from "../../src/trust/bundle.ts";
import { openSigner } from "../../src/trust/key_files.ts";
import { keepAttachments } from "../../src/trust/attachment.ts";
import { encodeStatement } from "../../src/trust/statement.ts";
import { type Descriptor, parseDigest } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import type { TempDir } from "./temp.ts";

/** Writes `NAME.key` and `NAME.pub`; gives their paths. */
export async function keyFiles(dir: TempDir, name: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    key: await dir.write(
      `${name}.key`,
      privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    ),
    pub: await dir.write(
      `${name}.pub`,
      publicKey.export({ format: "pem", type: "spki" }).toString(),
    ),
  };
}

/** Signs images of a layout in this process. */
export async function signImages(
  place: string,
  key: string,
  { images, form = "bundle" }: {
    readonly images?: readonly string[];
    readonly form?: "bundle" | "legacy";
  } = {},
): Promise<void> {
  await sign({ place, images, key, askPassword: () => Promise.resolve(""), forms: [form] });
}

/** Signs a statement about an image of a layout, as `cosign attest` does. */
export async function attestImage(
  place: string,
  subject: Descriptor,
  key: string,
  predicateType: string,
  predicate: unknown,
): Promise<void> {
  const signer = await openSigner({ key, askPassword: () => Promise.resolve("") }, {}, {});
  const bytes = encodeStatement(parseDigest(subject.digest), predicateType, predicate);
  using layout = await openLayout(place);
  await keepAttachments(
    [await statementBundle({ image: subject, predicateType, bytes }, signer)],
    layout,
  );
}
