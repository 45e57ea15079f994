/**
 * Credential helpers: programs `docker-credential-NAME` that are asked over stdin and answer on
 * stdout (docker/docker-credential-helpers). One that is missing or hangs is left behind.
 * @module
 */
import { messageOf } from "../../errors.ts";
import { MAX_OUTPUT_BYTES, runProgram, StartError } from "../../exec/run.ts";
import type { Credential } from "./credential.ts";
import type { Environment } from "./proxy.ts";

/** Milliseconds that a helper may take; one that wants to talk to a person would take for ever. */
export const HELPER_MS = 10_000;
const NOT_FOUND = /credentials not found/i;

/** What a helper said. */
interface Said {
  readonly success: boolean;
  readonly stdout: string;
}

/**
 * Asks a helper for the credential of a registry; undefined when it has none, or does not answer.
 *
 * @param helper the name after `docker-credential-`
 * @param server what the registry is called there
 */
export async function askHelper(
  helper: string,
  server: string,
  env: Environment,
  onWarning: (message: string) => void,
  helperMs: number = HELPER_MS,
): Promise<Credential | undefined> {
  try {
    const { success, stdout } = await runHelper(helper, "get", server, env, helperMs);
    if (!success) {
      if (NOT_FOUND.test(stdout)) return undefined;
      throw new Error("it failed");
    }
    const { Username: username, Secret: secret } = parseAnswer(stdout);
    if (typeof username !== "string" || typeof secret !== "string" || secret === "") {
      return undefined;
    }
    if (username === "<token>") return { kind: "identity", token: secret };
    return { kind: "password", username, password: secret };
  } catch (error) {
    onWarning(`Cannot ask docker-credential-${helper} about ${server}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Has a helper keep (`store`) or forget (`erase`) a credential. */
export async function tellHelper(
  helper: string,
  action: "store" | "erase",
  input: string,
  env: Environment,
): Promise<void> {
  const { success, stdout } = await runHelper(helper, action, input, env, HELPER_MS);
  if (!success && !(action === "erase" && NOT_FOUND.test(stdout))) throw new Error("it failed");
}

function parseAnswer(text: string): { Username?: unknown; Secret?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    // The parser's own message would quote the answer.
    throw new Error("its answer is not JSON");
  }
}

async function runHelper(
  helper: string,
  action: string,
  input: string,
  env: Environment,
  helperMs: number,
): Promise<Said> {
  // It names a program to run.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) throw new Error("that is no name of a helper");
  const defined = Object.entries(env).filter((entry) => entry[1] !== undefined);
  const environment = Object.fromEntries(defined) as Record<string, string>;
  try {
    const { code, stdout, cut } = await runProgram({
      command: [`docker-credential-${helper}`, action],
      environment,
      stdin: input,
      milliseconds: helperMs,
    });
    if (cut === "time") throw new Error(`it did not answer within ${helperMs / 1000} s`);
    if (cut === "bytes") throw new Error(`its answer is longer than ${MAX_OUTPUT_BYTES} bytes`);
    return { success: code === 0, stdout };
  } catch (error) {
    const isMissing = error instanceof StartError && error.lacks === "program";
    throw isMissing ? new Error("there is no such program") : error;
  }
}
