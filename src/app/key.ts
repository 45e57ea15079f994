/**
 * The recipe of `kodeno key new`: a pair of keys in two files.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import { ioFailure, isTaken, removeIfThere, writeAll } from "../io/files.ts";
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
  // Half a pair would stand in the way of the next one.
  const made: string[] = [];
  try {
    await write(files.privateKey, pair.privateKey, 0o600, made);
    await write(files.publicKey, pair.publicKey, 0o644, made);
  } catch (error) {
    for (const path of made) await removeIfThere(path);
    throw error;
  }
  return files;
}

/** Writes a file that is not there; what is begun is among those that were made. */
async function write(path: string, text: string, mode: number, made: string[]): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode });
    made.push(path);
    writeAll(file, new TextEncoder().encode(text));
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}
