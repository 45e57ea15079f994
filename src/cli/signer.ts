/**
 * Who signs, as command lines say it, and what only a terminal knows of them.
 * @module
 */
import { splitWords, texts } from "./flag.ts";

/** A key, or a program that has one. */
export const SIGNER_FLAGS = {
  key:
    "--key <file>  private key of kodeno or cosign, or in plain PEM; with --signer the public one",
  signer: texts(
    `--signer <command>  program that signs what is on its stdin and prints the signature, for keys
      in hardware (default: none)`,
    splitWords,
  ),
} as const;

/** How a person is asked for what a key is protected by. */
export function signerOf(key: string | undefined, signal: AbortSignal) {
  return {
    askPassword: async () => await (await import("./ask.ts")).askPassword(`of ${key}`, signal),
    isInteractive: Deno.stdin.isTerminal(),
  };
}
