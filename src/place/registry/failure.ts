/**
 * From what went wrong to what a person reads: connections that broke, and answers that refuse.
 * @module
 */
import { messageOf } from "../../errors.ts";
import { registryCodes, RegistryError } from "./error.ts";
import { ConnectionError } from "./connection.ts";
import { readWithin } from "./within.ts";

const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_MS = 10_000;

/** The next step of somebody who was not let in. */
export function loginHint(registry: string): string {
  return `run "kodeno login ${registry}"`;
}

/** The error codes of an answer; reads no more than 64 KiB of its body. */
export async function readCodes(
  answer: { readonly body: ReadableStream<Uint8Array> },
): Promise<readonly string[]> {
  try {
    const bytes = await readWithin(answer.body, MAX_ERROR_BYTES, ERROR_MS, "the error");
    return registryCodes(bytes);
  } catch {
    // The status says enough.
    return [];
  }
}

/** What a {@link ConnectionError} means to a caller; anything else comes back as it is. */
export function connectionFailure(
  call: { readonly doing: string; readonly method: string },
  url: URL,
  error: unknown,
  registry: string,
): unknown {
  if (!(error instanceof ConnectionError)) return error;
  const next = error.trouble === "certificate"
    ? "name its CA with --ca-file, or do without with --insecure-registry"
    : error.trouble === "client-certificate"
    ? `put NAME.cert and NAME.key into ~/.docker/certs.d/${url.host}`
    : error.trouble === "tls"
    ? "a registry of plain HTTP needs --insecure-registry"
    : undefined;
  const { doing, method } = call;
  const who = url.host === registry ? registry : `${url.host}`;
  const why = `${who} did not answer: ${messageOf(error)}`;
  return new RegistryError("REGISTRY_FAILED", { doing, why, next, method, url, cause: error });
}
