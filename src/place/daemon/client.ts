/**
 * HTTP to a Docker daemon, over a unix socket or TCP, and what it answers: documents of JSON, and its
 * reasons when it does not do something.
 * @module
 */
import { z } from "zod";
import { KodenoError, messageOf } from "../../errors.ts";
import { newHttpClient } from "../http_client.ts";
import { type DaemonEndpoint, formatEndpoint } from "./endpoint.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** A tar that is sent, and what ends the call. */
interface DaemonRequest {
  readonly body?: ReadableStream<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A whole answer. */
interface DaemonAnswer {
  readonly status: number;
  readonly text: string;
}

/** Calls of one daemon. */
export class DaemonClient implements Disposable {
  #client: Deno.HttpClient | undefined;

  /** Takes where the daemon is; dials nothing yet. */
  constructor(readonly endpoint: DaemonEndpoint) {}

  /** Where it is, for messages. */
  get where(): string {
    return formatEndpoint(this.endpoint);
  }

  /**
   * Sends a request.
   *
   * @param path with its query, each part escaped
   * @returns the answer, whose body is still to be read or cancelled
   * @throws {KodenoError} `IO_FAILED` when the daemon does not answer
   */
  async send(method: string, path: string, options: DaemonRequest = {}): Promise<Response> {
    const { body, signal } = options;
    signal?.throwIfAborted();
    const client = this.#client ??= open(this.endpoint);
    const { endpoint } = this;
    const host = endpoint.kind === "unix"
      ? "http://docker"
      : `${endpoint.tls ? "https" : "http"}://${endpoint.host}:${endpoint.port}`;
    try {
      return await fetch(host + path, {
        method,
        client,
        ...(signal ? { signal } : {}),
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/x-tar" } }),
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#unreachable(error);
    }
  }

  /** Sends a request and reads the answer whole. */
  async ask(method: string, path: string, options: DaemonRequest = {}): Promise<DaemonAnswer> {
    const response = await this.send(method, path, options);
    return { status: response.status, text: await this.text(response, options.signal) };
  }

  /**
   * Sends a request whose answer is a document.
   *
   * @param doing what it asks for, for messages: `load app`, to follow "cannot"
   * @throws {KodenoError} `IO_FAILED` for another status than 200, and for no such document
   */
  async get<T>(
    path: string,
    schema: z.ZodType<T>,
    doing: string,
    signal?: AbortSignal,
  ): Promise<T> {
    const text = this.expect(200, doing, await this.ask("GET", path, { signal }));
    return this.parse(doing, schema, text);
  }

  /** The text of an answer that has the status it should have. */
  expect(expected: number, doing: string, { status, text }: DaemonAnswer): string {
    if (status === expected) return text;
    let why = text.slice(0, 500).trim();
    try {
      why = z.looseObject({ message: z.string() }).parse(JSON.parse(text)).message;
    } catch {
      // A proxy in front of it speaks no JSON.
    }
    throw this.failure(doing, `it answered ${status}${why ? ` (${why})` : ""}`);
  }

  /** Reads a document of the daemon. */
  parse<T>(doing: string, schema: z.ZodType<T>, text: string): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.failure(doing, "its answer is not what a Docker daemon says", error);
    }
  }

  /** The error for what the daemon did not do. */
  failure(doing: string, why: string, cause?: unknown): KodenoError {
    const message = `The Docker daemon at ${this.where} cannot ${doing}: ${why}`;
    return new KodenoError("IO_FAILED", message, { daemon: this.where }, { cause });
  }

  /**
   * Reads an answer whole, as text.
   *
   * @throws {KodenoError} `IO_FAILED` when the connection breaks, or for more than a daemon says
   */
  async text(response: Response, signal?: AbortSignal): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MAX_ANSWER_BYTES) throw new Error("its answer is too large");
      }
      return text;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#unreachable(error);
    }
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #unreachable(error: unknown): KodenoError {
    let text = messageOf(error);
    for (let at = error; at instanceof Error; at = at.cause) text += `; ${at.message}`;
    const [, why] = REASONS.find(([pattern]) => pattern.test(text)) ?? [0, messageOf(error)];
    const message = `Cannot talk to the Docker daemon at ${this.where}: ${why}; ` +
      "start it, or set DOCKER_HOST";
    return new KodenoError("IO_FAILED", message, { daemon: this.where }, { cause: error });
  }
}

function open(endpoint: DaemonEndpoint): Deno.HttpClient {
  // A daemon that was started anew has no use for connections of the one before.
  const common = { poolMaxIdlePerHost: 0, http2: false };
  if (endpoint.kind === "unix") {
    const proxy = { transport: "unix" as const, path: endpoint.path };
    return newHttpClient({ ...common, proxy });
  }
  // Straight to the daemon, whatever proxy the environment names for the web.
  const { ca, cert, key } = endpoint.tls ?? {};
  return newHttpClient({
    ...common,
    ...(ca === undefined ? {} : { caCerts: [ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/os error 2\b/, "there is no such socket"],
  [/os error 111\b/, "nobody listens there"],
  [/os error (?:13|1)\b/, "permission denied"],
  [/requires net access|NotCapable/i, "kodeno may not use the network"],
];
