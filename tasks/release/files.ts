/**
 * What lies beside the programs of a release: an SBOM, what package managers are told, the sums of all files
 * and their signature, which cosign verifies, too.
 * @module
 */
import { join } from "node:path";
import { hashedFile } from "../../src/io/streams.ts";
import { digestHex } from "../../src/oci/descriptor.ts";
import { detachedBundle } from "../../src/trust/detached.ts";
import { openSigner } from "../../src/trust/key_files.ts";
import { names } from "../../test/support/temp.ts";
import { brewFormula, scoopManifest } from "./formulas.ts";
import { programsIn, runtimeOf } from "./programs.ts";
import { releaseSbom } from "./sbom.ts";

const SUMS = "SHA256SUMS";
/** The signature of the sums, in the name that bundles of sigstore have beside their files. */
const SIGNATURE = `${SUMS}.sigstore.json`;
/** The public key that verifies it. */
const KEY = "kodeno.pub";
/** What the programs are made of. */
export const SBOM = "kodeno.cdx.json";

/** Nobody sits at the machine that makes a release. */
export const askPassword = () => Promise.reject(new Error("Cannot sign: set KODENO_KEY_PASSWORD"));

/** What is to be written. */
interface ReleaseFiles {
  /** Of the programs; whatever else is in there belongs to the release, too. */
  readonly folder: string;
  /** On GitHub, `OWNER/NAME`. */
  readonly repository: string;
  /** File of the private key; without it nothing is signed. */
  readonly key?: string | undefined;
}

/** Writes all that belongs to a release beside its programs. */
export async function writeReleaseFiles(
  { folder, repository, key }: ReleaseFiles,
): Promise<void> {
  const environment = Deno.env.toObject();
  // Before anything is written: a wrong password is to leave nothing.
  const signer = key === undefined
    ? undefined
    : await openSigner({ key, askPassword }, environment, {});
  const programs = await programsIn(folder);
  const runtime = await runtimeOf(programs);
  const downloads = await Promise.all(programs.map(async (one) => ({
    ...one,
    sha256: await sha256Of(one.path),
  })));
  await write(folder, SBOM, await releaseSbom(downloads, runtime));
  await write(folder, "kodeno.rb", brewFormula(repository, downloads));
  await write(folder, "kodeno.json", scoopManifest(repository, downloads));
  if (signer !== undefined) await write(folder, KEY, signer.key.pem);
  const files = (await names(folder)).filter((name) => name !== SUMS && name !== SIGNATURE);
  const lines = await Promise.all(
    files.toSorted().map(async (name) => `${await sha256Of(join(folder, name))}  ${name}\n`),
  );
  const sums = new TextEncoder().encode(lines.join(""));
  await write(folder, SUMS, sums);
  if (signer !== undefined) await write(folder, SIGNATURE, await detachedBundle(sums, signer));
}

async function write(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(join(folder, name), bytes);
  console.error(name);
}

async function sha256Of(path: string): Promise<string> {
  return digestHex((await hashedFile(await Deno.open(path))).digest);
}
