/**
 * Programs that sign, for keys that never leave their hardware: what is to be signed comes on stdin, and
 * the signature, in DER or base64, is what they print.
 * @module
 */
import { Buffer } from "node:buffer";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { howEnded, runProgram, type RunResult, StartError } from "../exec/run.ts";
import { bytesStream } from "../io/streams.ts";
import type { Signer, VerificationKey } from "./keys.ts";

/** No signature is longer, nor is what an error says of one. */
const MAX_SIGNATURE_BYTES = 64 * 1024;
const MAX_TOLD = 500;
/** How long one may take, in milliseconds: somebody may have to touch a key. */
const MOST_MS = 5 * 60 * 1000;
/** How long what it leaves behind may hold its output, in milliseconds. */
const LINGER_MS = 2000;

interface ProgramOptions extends WorkOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** File of the key, for messages. */
  readonly what: string;
  /** Whether it may ask a person; else it is ended with all that it has started. */
  readonly isInteractive?: boolean | undefined;
  /** Default {@link MOST_MS}. */
  readonly milliseconds?: number | undefined;
}

/**
 * Has a program sign. What it prints has to be a signature by the key.
 *
 * @throws {KodenoError} `SIGNER_FAILED`
 */
export function programSigner(
  command: readonly string[],
  key: VerificationKey,
  options: ProgramOptions,
): Signer {
  const [name = ""] = command;
  const failed = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("SIGNER_FAILED", `Cannot sign with ${name}: ${why}`, {}, { cause });
  return {
    key,
    sign: async (bytes) => {
      const printed: Uint8Array[] = [];
      const result = await run(command, bytes, printed, options).catch((error) => {
        throw error instanceof StartError ? failed(error.message, error) : error;
      });
      const said = result.stderr.trim().replaceAll(/\s*[\r\n]+\s*/g, "; ");
      const told = said === "" ? "" : `: ${said.slice(0, MAX_TOLD)}`;
      if (result.cut === "time") {
        const seconds = (options.milliseconds ?? MOST_MS) / 1000;
        throw failed(`it has not ended after ${seconds} seconds${told}`);
      }
      if (result.cut !== undefined) throw failed("it prints without end");
      if (result.code !== 0) throw failed(`it ${howEnded(result)}${told}`);
      const output = Buffer.concat(printed);
      const signature = signaturesIn(output).find((one) => key.verifies(bytes, one));
      if (signature !== undefined) return signature;
      const what = output.length === 0 ? "it prints nothing, and" : "what it prints is";
      throw failed(`${what} no signature by ${options.what} in DER or base64${told}`);
    },
  };
}

/** What an output may be as a signature: that of the key is one of them, or none. */
function signaturesIn(output: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(output).toString("latin1").replaceAll(/\s/g, "");
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  return [output, ...(isBase64 ? [Buffer.from(text, "base64")] : [])];
}

async function run(
  command: readonly string[],
  bytes: Uint8Array,
  printed: Uint8Array[],
  { environment, isInteractive = false, milliseconds = MOST_MS, signal, emit }: ProgramOptions,
): Promise<RunResult> {
  const [name = ""] = command;
  let length = 0;
  let stderr = "";
  let isTooLong = false;
  const stdout = new WritableStream<Uint8Array>({
    write: (chunk) => {
      isTooLong ||= (length += chunk.length) > MAX_SIGNATURE_BYTES;
      if (isTooLong) throw new Error(`${name} prints without end`);
      printed.push(chunk);
    },
  });
  const result = await runProgram({
    command,
    environment,
    stdin: bytesStream(bytes),
    stdout,
    stderr: (text) => {
      stderr = (stderr + text).slice(0, MAX_SIGNATURE_BYTES);
      // Who has to touch a key is told while it waits.
      if (isInteractive && text.trim() !== "") {
        emit?.({ type: "note", level: "info", message: `${name}: ${text.trim()}` });
      }
    },
    // A group of its own has no terminal to ask for a PIN at.
    group: !isInteractive,
    lingerMs: LINGER_MS,
    milliseconds,
    signal,
  }).catch((error) => {
    if (!isTooLong) throw error;
    const ended = { code: 0, killedBy: undefined, stdout: "", stderr: "", cut: "bytes" as const };
    return ended;
  });
  return { ...result, stderr };
}
