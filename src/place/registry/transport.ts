/**
 * Requests over pooled connections: TLS or plain as the host answers, through a proxy where the
 * environment names one, never with a redirect followed or a credential added.
 * @module
 */
import { type Certs, certsFor } from "./certs.ts";
import { dial, proxyAuthorization } from "./dial.ts";
import { isLoopback } from "./endpoint.ts";
import { exchange, type RequestBody, type WireResponse } from "./http.ts";
import { type Environment, proxyFor } from "./proxy.ts";
import { ConnectionError, Wire } from "./wire.ts";

/** How a {@link Transport} reaches hosts. */
export interface TransportOptions {
  /** Leaves certificates unchecked and takes plain HTTP where https does not answer. */
  readonly insecureRegistry: boolean;
  /** Hosts (with port) that this is allowed for where it is not for all. */
  readonly insecureRegistries: readonly string[];
  /** PEM certificates to trust beside those of the runtime. */
  readonly caCerts: readonly string[];
  /** Folders laid out as Docker's `certs.d`. */
  readonly certsFolders: readonly string[];
  /** Where the proxy variables are. */
  readonly environment: Environment;
  readonly userAgent: string;
  /** Hosts (with port) that may be dialled; all unless given. */
  readonly onlyHosts?: readonly string[] | undefined;
  /** Bound for making a connection. */
  readonly connectMs: number;
  /** Bound for 16 KiB of progress while reading, and for each write. */
  readonly idleMs: number;
  /** Bound for the beginning of an answer. */
  readonly answerMs: number;
  readonly onWarning: (message: string) => void;
}

/** A request to one URL. */
export interface TransportRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came back. */
export type TransportResponse = WireResponse;

interface Idle {
  readonly wire: Wire;
  readonly since: number;
}

/** Idle connections kept for one origin, and for how long: servers close them after a while. */
const MAX_IDLE = 8;
const IDLE_MS = 15_000;
/** A stream is sent over a connection only when it was just used: it cannot be sent twice. */
const FRESH_MS = 2_000;
/** How long https may take to answer where plain HTTP would do. */
const PROBE_MS = 5_000;

/** Sends requests. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #idle = new Map<string, Idle[]>();
  readonly #schemes = new Map<string, Promise<"https:" | "http:">>();
  readonly #certs = new Map<string, Promise<Certs>>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Closes the connections that nobody uses; those in use close when they are done. */
  close(): void {
    this.#closed = true;
    for (const list of this.#idle.values()) {
      for (const { wire } of list) wire.kill(undefined);
    }
    this.#idle.clear();
  }

  /**
   * The root URL of a registry host. Plain HTTP is tried only on loopback and where it was allowed,
   * and only after https did not answer.
   *
   * @throws {ConnectionError}
   */
  async base(host: string, signal?: AbortSignal): Promise<URL> {
    const https = new URL(`https://${host}/`);
    if (!this.#isInsecure(host) && !isLoopback(https.hostname)) return https;
    let scheme = this.#schemes.get(host);
    if (scheme === undefined) {
      scheme = this.#probe(https, signal);
      this.#schemes.set(host, scheme);
      // Who could not be reached now may be later.
      scheme.catch(() => this.#schemes.delete(host));
    }
    return new URL(`${await scheme}//${host}/`);
  }

  #isInsecure(host: string): boolean {
    const { insecureRegistry, insecureRegistries } = this.#options;
    return insecureRegistry || insecureRegistries.includes(host);
  }

  async #probe(https: URL, signal?: AbortSignal): Promise<"https:" | "http:"> {
    try {
      this.#keep(https.origin, await this.#connect(https, signal, PROBE_MS));
      return "https:";
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      // A certificate that is not trusted is no reason to do without one.
      const decided = ["certificate", "client-certificate", "denied", "name"];
      if (decided.includes(error.trouble)) throw error;
      return "http:";
    }
  }

  /**
   * Sends a request and gives the answer, whatever its status; its body has to be read or cancelled.
   *
   * @throws {ConnectionError}, the signal's reason, or what the body's stream throws
   */
  async send(request: TransportRequest): Promise<TransportResponse> {
    const { url, body, signal } = request;
    const streams = body !== undefined && !(body.content instanceof Uint8Array);
    for (;;) {
      signal?.throwIfAborted();
      const kept = this.#take(url.origin, streams ? FRESH_MS : IDLE_MS);
      const wire = kept ?? await this.#connect(url, signal);
      try {
        return await this.#exchange(wire, request);
      } catch (error) {
        signal?.throwIfAborted();
        // The server closed it while it was idle.
        const stale = kept !== undefined && !streams && error instanceof ConnectionError &&
          error.trouble === "closed";
        if (!stale) throw error;
      }
    }
  }

  async #exchange(wire: Wire, request: TransportRequest): Promise<TransportResponse> {
    const { method, url, body, signal } = request;
    const abort = () => wire.kill(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const over = () => signal?.removeEventListener("abort", abort);
    const proxy = url.protocol === "http:" ? proxyFor(url, this.#options.environment) : undefined;
    const headers = new Headers({
      host: url.host,
      "user-agent": this.#options.userAgent,
      // Blobs are compressed already, and a digest is one of the bytes as they are kept.
      "accept-encoding": "identity",
      ...request.headers,
    });
    const authorization = proxy && proxyAuthorization(proxy);
    if (authorization) headers.set("proxy-authorization", authorization);
    const target = proxy ? url.href : url.pathname + url.search;
    try {
      if (signal?.aborted) abort();
      const { answerMs } = this.#options;
      return await exchange(wire, { method, target, headers, body, answerMs }, (reusable) => {
        over();
        if (reusable) this.#keep(url.origin, wire);
        else wire.kill(undefined);
      });
    } catch (error) {
      over();
      throw error;
    }
  }

  async #connect(url: URL, signal?: AbortSignal, atMostMs = Infinity): Promise<Wire> {
    const { idleMs, environment } = this.#options;
    const insecure = this.#isInsecure(url.host);
    const connectMs = Math.min(this.#options.connectMs, atMostMs);
    const certs = url.protocol === "https:" ? await this.#certsOf(url.host) : undefined;
    const caCerts = [...this.#options.caCerts, ...certs?.ca ?? []];
    const clientCert = certs?.client;
    const proxy = proxyFor(url, environment);
    const { onlyHosts } = this.#options;
    if (onlyHosts !== undefined && !onlyHosts.includes((proxy ?? url).host)) {
      throw new ConnectionError("denied", `${url.host} may not be dialled (offline)`);
    }
    const conn = await dial({ url, caCerts, clientCert, insecure, proxy, connectMs, signal });
    return new Wire(conn, idleMs);
  }

  #certsOf(host: string): Promise<Certs> {
    const { certsFolders, onWarning } = this.#options;
    const known = this.#certs.get(host) ?? certsFor(host, certsFolders, onWarning);
    this.#certs.set(host, known);
    return known;
  }

  #take(origin: string, maxAgeMs: number): Wire | undefined {
    const list = this.#idle.get(origin) ?? [];
    for (let last = list.pop(); last !== undefined; last = list.pop()) {
      if (!last.wire.closed && Date.now() - last.since < maxAgeMs) return last.wire;
      last.wire.kill(undefined);
    }
    return undefined;
  }

  #keep(origin: string, wire: Wire): void {
    const list = this.#idle.get(origin) ?? [];
    this.#idle.set(origin, list);
    // More bytes than the answer had belong to nobody.
    if (this.#closed || wire.closed || wire.buffered > 0 || list.length >= MAX_IDLE) {
      return wire.kill(undefined);
    }
    list.push({ wire, since: Date.now() });
  }
}
