/**
 * What a registry could not do: the request, the answer, and the next step. Neither credentials nor
 * the signed parts of a URL get into a message.
 * @module
 */
import { type ErrorCode, KodenoError } from "../../errors.ts";

/** What is known of a request that failed. */
export interface RegistryFailure {
  /** What was tried, to what: `push blob sha256:1f... to reg.local/app`. */
  readonly doing: string;
  /** Why not: `registry answered 403 (DENIED)`. */
  readonly why: string;
  /** What a person may do now. */
  readonly next?: string | undefined;
  /** Method of the request. */
  readonly method: string;
  /** Where it went. */
  readonly url: URL | string;
  /** HTTP status; left out where no answer came. */
  readonly status?: number | undefined;
  /** Codes of the answer's body (distribution spec 1.1, "Error Codes"). */
  readonly codes?: readonly string[] | undefined;
  /** The error behind it. */
  readonly cause?: unknown;
}

/** A request to a registry that failed. */
export class RegistryError extends KodenoError {
  /** Method of the request. */
  readonly method: string;
  /** Where it went, without credentials and query. */
  readonly url: string;
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  /** Codes that the registry gave: `DENIED`, `MANIFEST_UNKNOWN`. */
  readonly registryCodes: readonly string[];

  /**
   * Makes an error; its message is put together from the parts.
   *
   * @param code what kind of failure this is
   * @param failure what is known of it
   */
  constructor(code: ErrorCode, failure: RegistryFailure) {
    const { doing, why, next, method, status, codes = [], cause } = failure;
    const url = redactUrl(failure.url);
    super(
      code,
      `Cannot ${doing}: ${why}${next === undefined ? "" : `; ${next}`}`,
      { method, url, status, codes },
      { cause },
    );
    this.method = method;
    this.url = url;
    this.status = status;
    this.registryCodes = codes;
  }
}

/** A URL without user, password, query and fragment: what is left holds no secret. */
export function redactUrl(url: URL | string): string {
  if (!URL.canParse(url)) return "(not a URL)";
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?..."}`;
}

/**
 * The codes in the body of an error answer; none where it is something else. Only words of capital
 * letters count, since a registry's own text might echo a secret or move a terminal's cursor.
 */
export function registryCodes(body: Uint8Array): readonly string[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    const { errors } = value as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    const codes = errors.slice(0, 10).map((one) => String((one as { code?: unknown })?.code));
    return [...new Set(codes.filter((code) => /^[A-Z][A-Z0-9_]{1,63}$/.test(code)))];
  } catch {
    return [];
  }
}
