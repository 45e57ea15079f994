/**
 * What the registry answers: content, or the error codes and JSON of the OCI distribution spec 1.1.
 * @module
 */
import { messageOf } from "../errors.ts";

/** Bytes that are read while they are sent. */
export interface Content {
  /** Fills memory from its beginning; gives how many bytes there are, null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Called once, whatever became of the answer. */
  close(): void;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  /** Names in small letters; `content-length` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Content | undefined;
}

/** Error codes of the distribution spec that a read-only registry has a use for. */
export type RegistryCode =
  | "BLOB_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "TAG_INVALID"
  | "UNKNOWN"
  | "UNSUPPORTED";

/** An answer of the registry that is an error. */
export class Refusal extends Error {
  /** Takes the HTTP status, the code, what a person reads, and headers. */
  constructor(
    readonly status: number,
    readonly code: RegistryCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** The answer, in the shape that clients of registries parse. */
  toAnswer(): Answer {
    return json({ errors: [{ code: this.code, message: this.message }] }, {
      status: this.status,
      headers: this.headers,
    });
  }
}

/** Tells a client to come again; those of registries do. */
export function busy(why: string): Refusal {
  return new Refusal(503, "UNKNOWN", why, { "retry-after": "5" });
}

/** Whether an error says that the process, or the machine, may open no more files. */
export function isOutOfFiles(error: unknown): boolean {
  return /os error (?:23|24)\b/.test(messageOf(error));
}

/** A JSON answer with its length, so that HEAD tells it, too. */
export function json(
  value: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Answer {
  const body = new TextEncoder().encode(JSON.stringify(value) + "\n");
  return {
    status: options.status ?? 200,
    headers: {
      "content-type": "application/json",
      "content-length": String(body.length),
      ...options.headers,
    },
    body,
  };
}
