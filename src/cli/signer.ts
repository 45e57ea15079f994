/**
 * Who signs, as command lines say it, and what only a terminal knows of them.
 * @module
 */
import { SIGNER } from "./flags.ts";

/** A key, or a program that has one. */
export const SIGNER_FLAGS = {
  key:
    "--key <file>  private key of kodeno or cosign, or in plain PEM; with --signer the public one",
  signer: SIGNER,
} as const;

/** How a person is asked, once, for what a key is protected by. */
export function signerOf(key: string | undefined, signal: AbortSignal) {
  let asked: Promise<string> | undefined;
  const ask = async () => await (await import("./ask.ts")).askPassword(`of ${key}`, signal);
  return {
    askPassword: () => asked ??= ask(),
    isInteractive: Deno.stdin.isTerminal(),
  };
}
