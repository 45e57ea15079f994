/**
 * HTTP to a Docker daemon, over a unix socket or TCP. `fetch`, since it sends a body from a generator
 * with constant memory on each Deno that kodeno runs on; `node:http` of older ones does not.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { type DaemonEndpoint, formatEndpoint } from "./endpoint.ts";
import { hijack, type Hijacked } from "./hijack.ts";
import { readAhead } from "./read_ahead.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What is sent beside method and path. */
export interface DaemonRequest {
  /** Makes the bytes of a tar. */
  readonly body?: (() => AsyncGenerator<Uint8Array>) | undefined;
  /** Sent as JSON in the place of a body. */
  readonly json?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is still to be read, or to be dropped with `cancel`. */
export interface DaemonResponse extends Disposable {
  readonly status: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** Calls of one daemon. */
export class DaemonClient {
  /** @param endpoint where it is */
  constructor(readonly endpoint: DaemonEndpoint) {}

  /**
   * Sends a request.
   *
   * @param path with its query, each part escaped
   * @returns the answer; dispose of it when its body was read, or is not wanted
   * @throws {KodenoError} `IO_FAILED` when the daemon does not answer; what the body throws
   */
  async send(method: string, path: string, options: DaemonRequest = {}): Promise<DaemonResponse> {
    const { body, json, signal } = options;
    signal?.throwIfAborted();
    const client = this.#client();
    // What the body throws would come back from fetch as an error of the connection.
    const failed: { error?: unknown } = {};
    try {
      const response = await fetch(this.#url(path), {
        method,
        client,
        ...(signal ? { signal } : {}),
        ...(body === undefined ? {} : {
          body: ReadableStream.from(readAhead(body(), failed)),
          headers: { "content-type": "application/x-tar" },
        }),
        ...(json === undefined ? {} : {
          body: JSON.stringify(json),
          headers: { "content-type": "application/json" },
        }),
      });
      return {
        status: response.status,
        body: response.body ?? new Response("").body ?? new ReadableStream(),
        [Symbol.dispose]: () => client.close(),
      };
    } catch (error) {
      client.close();
      if (signal?.aborted) throw signal.reason;
      if ("error" in failed) throw failed.error;
      throw this.#unreachable(error);
    }
  }

  /** Sends a request and reads the answer whole, as text. */
  async ask(
    method: string,
    path: string,
    options: DaemonRequest = {},
  ): Promise<{ readonly status: number; readonly text: string }> {
    using response = await this.send(method, path, options);
    return { status: response.status, text: await this.text(response, options.signal) };
  }

  /**
   * Reads an answer whole, as text.
   *
   * @throws {KodenoError} `IO_FAILED` when the connection breaks, or for more than a daemon says
   */
  async text(response: DaemonResponse, signal?: AbortSignal): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const chunk of response.body) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MAX_ANSWER_BYTES) throw new Error("its answer is too large");
      }
      return text;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#unreachable(error);
    }
  }

  /**
   * Sends a request whose connection then becomes a stream of its own, in both directions.
   *
   * @param path with its query, each part escaped
   * @throws {KodenoError} `IO_FAILED` when the daemon does not answer
   */
  async hijack(path: string, json: unknown, signal?: AbortSignal): Promise<Hijacked> {
    signal?.throwIfAborted();
    try {
      return await hijack(this.endpoint, path, JSON.stringify(json), signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#unreachable(error);
    }
  }

  #client(): Deno.HttpClient {
    const { endpoint } = this;
    const common = { poolMaxIdlePerHost: 0, http2: false };
    if (endpoint.kind === "unix") {
      const proxy = { transport: "unix" as const, path: endpoint.path };
      return Deno.createHttpClient({ ...common, proxy });
    }
    const { host: hostname, port, tls } = endpoint;
    // Straight to the daemon, whatever proxy the environment names for the web.
    if (!tls) {
      return Deno.createHttpClient({ ...common, proxy: { transport: "tcp", hostname, port } });
    }
    return Deno.createHttpClient({
      ...common,
      ...(tls.ca === undefined ? {} : { caCerts: [tls.ca] }),
      ...(tls.cert === undefined || tls.key === undefined ? {} : { cert: tls.cert, key: tls.key }),
    });
  }

  #url(path: string): string {
    const { endpoint } = this;
    if (endpoint.kind === "unix") return `http://docker${path}`;
    return `${endpoint.tls ? "https" : "http"}://${endpoint.host}:${endpoint.port}${path}`;
  }

  #unreachable(error: unknown): KodenoError {
    let text = messageOf(error);
    for (let at = error; at instanceof Error; at = at.cause) text += `; ${at.message}`;
    const where = formatEndpoint(this.endpoint);
    const [, why] = REASONS.find(([pattern]) => pattern.test(text)) ?? [0, messageOf(error)];
    return new KodenoError(
      "IO_FAILED",
      `Cannot talk to the Docker daemon at ${where}: ${why}; start it, or set DOCKER_HOST`,
      { daemon: where },
      { cause: error },
    );
  }
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/os error 2\b/, "there is no such socket"],
  [/os error 111\b/, "nobody listens there"],
  [/os error (?:13|1)\b/, "permission denied"],
  [/requires net access|NotCapable/i, "kodeno may not use the network"],
];
