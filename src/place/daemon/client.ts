/**
 * Calls of the Docker Engine API, and what is made of answers that no daemon gives.
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import { hasCode, KodenoError, messageOf } from "../../errors.ts";
import { readAll } from "../../io/streams.ts";
import { z } from "../../npm/zod.ts";
import { certificateFault, CLIENT_CERT_REFUSED, isUntrusted } from "../certificate_faults.ts";
import { type HttpInit, newHttpClient, newTlsClient } from "../http_client.ts";
import { ownCerts } from "../registry/certs.ts";
import { bareHost } from "../registry/endpoint.ts";
import type { Environment } from "../registry/proxy.ts";
import type { Relay } from "../registry/relay.ts";
import { systemCerts } from "../system_certs.ts";
import { type DaemonEndpoint, formatEndpoint } from "./endpoint.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** A tar that is sent, and what ends the call. */
type DaemonRequest = CallOptions & { readonly body?: ReadableStream<Uint8Array> };
type DaemonAnswer = { readonly status: number; readonly text: string };

/** The way to a daemon. */
interface Way {
  readonly client: Deno.HttpClient;
  readonly relay?: Relay;
}

export class DaemonClient implements Disposable {
  #way: Promise<Way> | undefined;

  /** Takes where it is, and where certificates of the system are looked for. */
  constructor(readonly endpoint: DaemonEndpoint, readonly environment: Environment = {}) {}

  get where(): string {
    return formatEndpoint(this.endpoint);
  }

  /**
   * Sends a request, whose path has its query, each part escaped. The body of the answer is still to be
   * read or cancelled.
   */
  async send(method: string, path: string, options: DaemonRequest = {}): Promise<Response> {
    const { body, signal } = options;
    signal?.throwIfAborted();
    const { endpoint, environment } = this;
    const opening = this.#way ??= open(endpoint, environment);
    const { client, relay } = await opening;
    const host = endpoint.kind === "unix"
      ? "http://docker"
      : `${endpoint.tls && !relay ? "https" : "http"}://${endpoint.host}:${endpoint.port}`;
    try {
      const init: HttpInit = {
        method,
        client,
        ...(signal ? { signal } : {}),
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/x-tar" } }),
      };
      return await fetch(host + path, init);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const failure = relay?.failure ?? error;
      if (relay || body || !isUntrusted(certificateFault(wordsOf(error)))) {
        throw this.#unreachable(failure);
      }
      const pinned = openPinned(endpoint, failure);
      if (pinned === undefined) throw this.#unreachable(failure);
      // Of several who find that out, one opens the other way.
      if (this.#way === opening) {
        this.#way = pinned();
        client.close();
      }
      return await this.send(method, path, options);
    }
  }

  async ask(method: string, path: string, options: DaemonRequest = {}): Promise<DaemonAnswer> {
    const response = await this.send(method, path, options);
    return { status: response.status, text: await this.text(response, options.signal) };
  }

  /** Asks for a document; `doing` follows "cannot" in messages: `load app`. */
  async get<T>(path: string, shape: z.ZodType<T>, doing: string, signal?: AbortSignal): Promise<T> {
    const text = this.expect(200, doing, await this.ask("GET", path, { signal }));
    return this.parse(doing, shape, text);
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

  parse<T>(doing: string, shape: z.ZodType<T>, text: string): T {
    try {
      return shape.parse(JSON.parse(text));
    } catch (error) {
      throw this.failure(doing, "its answer is not what a Docker daemon says", error);
    }
  }

  /** The error for what the daemon did not do. */
  failure(doing: string, why: string, cause?: unknown): KodenoError {
    const message = `The Docker daemon at ${this.where} cannot ${doing}: ${why}`;
    return new KodenoError("IO_FAILED", message, { daemon: this.where }, { cause });
  }

  /** Reads an answer whole, but never more than a daemon says. */
  async text({ body }: Response, signal?: AbortSignal): Promise<string> {
    try {
      const bytes = body ? await readAll(body, MAX_ANSWER_BYTES, "its answer") : undefined;
      return new TextDecoder().decode(bytes);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const isLarge = hasCode(error, "BAD_CONTENT");
      throw this.#unreachable(isLarge ? new Error("its answer is too large") : error);
    }
  }

  [Symbol.dispose](): void {
    const way = this.#way;
    this.#way = undefined;
    const close = ({ client, relay }: Way): void => {
      client.close();
      relay?.close();
    };
    // One that could not be opened was told of.
    way?.then(close).catch(() => {});
  }

  #unreachable(error: unknown): KodenoError {
    const text = wordsOf(error);
    const [, reason, mend = "start it, or set DOCKER_HOST"] =
      REASONS.find(([pattern]) => pattern.test(text)) ?? [];
    const fault = reason === undefined ? certificateFault(text) : undefined;
    const next = {
      none: mend,
      other: "have a better one made",
      authority: "put it into ca.pem of DOCKER_CERT_PATH",
      unknown: "put that of its CA into ca.pem of DOCKER_CERT_PATH",
    }[fault?.kind ?? "none"];
    const why = reason ?? fault?.why ?? messageOf(error);
    const message = `Cannot talk to the Docker daemon at ${this.where}: ${why}; ${next}`;
    return new KodenoError("IO_FAILED", message, { daemon: this.where }, { cause: error });
  }
}

/** What an error says, and those behind it. */
function wordsOf(error: unknown): string {
  let text = messageOf(error);
  for (let at = error; at instanceof Error; at = at.cause) {
    text += `; ${(at as { code?: string }).code ?? ""} ${at.message}`;
  }
  return text;
}

async function open(endpoint: DaemonEndpoint, environment: Environment): Promise<Way> {
  // A daemon that was started anew has no use for connections of the one before.
  const common = { poolMaxIdlePerHost: 0, http2: false };
  if (endpoint.kind === "unix") {
    const proxy = { transport: "unix", path: endpoint.path } as const;
    return { client: newHttpClient({ ...common, proxy }) };
  }
  if (endpoint.tls === undefined) return { client: newHttpClient(common) };
  const { ca, cert, key } = endpoint.tls;
  const options = {
    ...common,
    ...(ca === undefined ? {} : { caCerts: [ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
  // As Docker has it, a CA that is named is the only one.
  const system = ca === undefined ? await systemCerts(environment, () => {}) : [];
  return { client: newTlsClient(options, system) };
}

/** Opens the way to a daemon that was refused, where somebody may have named its own certificate. */
function openPinned(endpoint: DaemonEndpoint, refusal: unknown): (() => Promise<Way>) | undefined {
  const { ca, cert, key } = endpoint.kind === "tcp" && endpoint.tls || {};
  const certs = ownCerts(ca === undefined ? [] : [ca]);
  if (endpoint.kind !== "tcp" || certs.length === 0) return undefined;
  const clientCert = cert === undefined || key === undefined ? undefined : { cert, key };
  return async () => {
    const { Relay } = await import("../registry/relay.ts");
    const to = { hostname: bareHost(endpoint.host), port: endpoint.port };
    const relay = await Relay.open({ ...to, pinned: { certs, refusal }, clientCert });
    const common = { poolMaxIdlePerHost: 0, http2: false };
    return { client: newHttpClient({ ...common, proxy: relay.proxy }), relay };
  };
}

const REASONS: readonly (readonly [pattern: RegExp, why: string, next?: string])[] = [
  [/os error 2\b/, "there is no such socket"],
  [/os error 111\b/, "nobody listens there"],
  [/os error (?:13|1)\b/, "permission denied"],
  [/requires net access|NotCapable/i, "kodeno may not use the network"],
  [
    CLIENT_CERT_REFUSED,
    "it lets in only who shows a client certificate that it knows",
    "put cert.pem and key.pem into DOCKER_CERT_PATH",
  ],
];
