/**
 * The recipe of `kodeno key new`: a pair of keys in two files.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import { ioFailure, isTaken } from "../io/files.ts";
import { KodenoError } from "../errors.ts";
import { keyPassword } from "../trust/key_files.ts";
import { newKeyPair } from "../trust/keys.ts";

/**
 * Writes `OUTPUT.key`, encrypted and for nobody else to read, and `OUTPUT.pub`.
 *
 * @throws {KodenoError} `BAD_OPTION` where one of them is there: nobody can make a lost key again
 */
export async function newKeys(output: string, ask: () => Promise<string>) {
  const files = { privateKey: `${output}.key`, publicKey: `${output}.pub` };
  const taken = Object.values(files).find(isTaken);
  if (taken !== undefined) {
    const why = "it is there already; say another name with --output";
    throw new KodenoError("BAD_OPTION", `Cannot write ${taken}: ${why}`);
  }
  const pair = newKeyPair(keyPassword(resolveTransferConfig().environment) ?? await ask());
  await write(files.privateKey, pair.privateKey, 0o600);
  await write(files.publicKey, pair.publicKey, 0o644);
  return files;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { createNew: true, mode });
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}
