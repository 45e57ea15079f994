/**
 * Keys in files, as command lines name them.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { readNamedText } from "../io/files.ts";
import { readPrivateKey, readPublicKey, type Signer, type VerificationKey } from "./keys.ts";

const MAX_KEY_BYTES = 64 * 1024;

/** Who is to sign. */
export interface SignerRequest {
  /** File of the private key; of the public one, where a program has the other. */
  readonly key?: string | undefined;
  /** A program that signs, and its arguments. */
  readonly signer?: readonly string[] | undefined;
  /** Asks for the password of a key, where no variable has it. */
  readonly askPassword: () => Promise<string>;
  /** Whether the program may ask a person. */
  readonly isInteractive?: boolean | undefined;
}

/**
 * Opens a private key, or the program that has it. The password of a key is `KODENO_KEY_PASSWORD` or
 * `COSIGN_PASSWORD`, which may be empty, or asked for.
 *
 * @throws {KodenoError} `BAD_OPTION` for a file that cannot be read, or is no key
 */
export async function openSigner(
  { key, signer, askPassword, isInteractive }: SignerRequest,
  environment: Readonly<Record<string, string>>,
  work: WorkOptions,
): Promise<Signer> {
  const fail = (why: string) => new KodenoError("BAD_OPTION", `Cannot sign: ${why}`);
  if (signer === undefined) {
    if (key === undefined) throw fail("say the key with --key FILE, or who has it with --signer");
    const password = async () => keyPassword(environment) ?? await askPassword();
    return await readPrivateKey(readKeyFile(key), key, password);
  }
  if (signer.length === 0) throw fail("--signer names no program");
  if (key === undefined) {
    throw fail("say with --key FILE the public key that verifies what --signer signs");
  }
  const { programSigner } = await import("./signer_program.ts");
  const how = { ...work, environment, what: key, isInteractive };
  return programSigner(signer, readPublicKey(readKeyFile(key), key), how);
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

/** The text of a file with a key. */
export function readKeyFile(path: string): string {
  return readNamedText("key", path, MAX_KEY_BYTES);
}
