/**
 * Questions to a registry that are about the registry itself, such as who is let in: `GET /v2/`
 * (distribution spec 1.1, "Determining Support") and its like, and what a refusal means.
 * @module
 */
import { type Challenge, parseChallenges, TokenRefused } from "./auth.ts";
import type { CredentialProvider } from "./credentials.ts";
import { connectionFailure, readCodes, RegistryError } from "./failure.ts";
import { type RegistryOptions, shared } from "./registry.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** What is asked for, in words of errors. */
export interface ProbeWords {
  /** What is being done: `log in to reg.local`. */
  readonly doing: string;
  /** Who answered: `it`, `registry`. */
  readonly who: string;
  /** What a person may do who was not let in. */
  readonly denied: string;
}

/** Options of a question. */
export type ProbeOptions = RegistryOptions & { readonly signal?: AbortSignal | undefined };

/** A registry that is being asked. */
export class Probe {
  constructor(
    readonly transport: Transport,
    readonly credentials: CredentialProvider,
    /** Where it answers. */
    readonly base: URL,
    readonly words: ProbeWords,
    readonly signal: AbortSignal | undefined,
  ) {}

  /** Asks for a path. */
  async get(path: string, authorization?: string): Promise<TransportResponse> {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const { transport, base, signal } = this;
    return await transport.send({ method: "GET", url: new URL(path, base), headers, signal });
  }

  /**
   * Reads an answer to its end.
   *
   * @throws {RegistryError} when it has none of the statuses that are hoped for, or is a web page
   */
  async expect(
    path: string,
    response: TransportResponse,
    hoped: readonly number[],
  ): Promise<void> {
    const { status, headers } = response;
    const { words: { doing, who, denied }, base } = this;
    const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
    const codes = await readCodes(response);
    if (hoped.includes(status) && !isPage) return;
    const isDenied = status === 401 || status === 403;
    throw new RegistryError(isDenied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
      doing,
      why: isPage
        ? `${base.host} answered with a web page`
        : `${who} answered ${status}${codes.length > 0 ? ` (${codes.join(", ")})` : ""}`,
      next: isDenied ? denied : "make sure that it is a registry",
      method: "GET",
      url: new URL(path, base),
      status,
      codes,
    });
  }
}

/** What an answer of 401 wants to be shown. */
export function challengesOf({ headers }: TransportResponse): readonly Challenge[] {
  return parseChallenges(headers.get("www-authenticate") ?? "");
}

/** The challenge that names a token server, if there is one. */
export function bearerOf(challenges: readonly Challenge[]): Challenge | undefined {
  return challenges.find((one) => one.scheme === "bearer" && one.parameters.realm);
}

/**
 * Asks a registry.
 *
 * @param host host and port of its API
 * @param registry as a person names it
 * @throws {RegistryError} `UNAUTHORIZED` when its token server refuses, `REGISTRY_FAILED` when there
 * is no registry; what `work` throws
 */
export async function probe<T>(
  { host, registry }: { readonly host: string; readonly registry: string },
  words: ProbeWords,
  options: ProbeOptions,
  work: (probe: Probe) => Promise<T>,
): Promise<T> {
  const { transport, credentials } = shared(options);
  const { doing } = words;
  let url = new URL(`https://${host}/v2/`);
  try {
    const base = await transport.base(host, options.signal);
    url = new URL("/v2/", base);
    return await work(new Probe(transport, credentials, base, words, options.signal));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof TokenRefused)) {
      throw connectionFailure({ doing, method: "GET" }, url, error, registry);
    }
    const denied = error.status >= 400 && error.status < 500;
    throw new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
      doing,
      why: error.message,
      next: denied ? words.denied : undefined,
      method: "GET",
      url: error.url,
      status: error.status,
      codes: error.codes,
    });
  } finally {
    await transport.close();
  }
}
