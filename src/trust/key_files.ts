/**
 * Keys in files, as command lines name them.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { isAbsent, readSmallText } from "../io/files.ts";
import { readPrivateKey, readPublicKey, type Signer, type VerificationKey } from "./keys.ts";

const MAX_KEY_BYTES = 64 * 1024;

/**
 * Opens a private key. Its password is `KODENO_KEY_PASSWORD` or `COSIGN_PASSWORD`, which may be empty, or
 * asked for.
 *
 * @throws {KodenoError} `BAD_OPTION` for a file that cannot be read, or is no key
 */
export async function openSigner(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
  ask: () => Promise<string>,
): Promise<Signer> {
  const password = async () => keyPassword(environment) ?? await ask();
  return await readPrivateKey(readKeyFile(path), path, password);
}

/** The password of keys, where a variable has it. */
export function keyPassword(
  { KODENO_KEY_PASSWORD, COSIGN_PASSWORD }: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return KODENO_KEY_PASSWORD ?? COSIGN_PASSWORD;
}

/** Reads public keys. */
export function readKeys(paths: readonly string[]): readonly VerificationKey[] {
  return paths.map((path) => readPublicKey(readKeyFile(path), path));
}

function readKeyFile(path: string): string {
  try {
    return readSmallText(path, MAX_KEY_BYTES);
  } catch (error) {
    const why = isAbsent(error) ? "there is no such file" : messageOf(error);
    throw new KodenoError("BAD_OPTION", `Cannot use key ${path}: ${why}`, {}, { cause: error });
  }
}
