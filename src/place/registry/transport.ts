/**
 * Requests by the runtime's `fetch`: TLS or plain as the host answers, through a proxy where the
 * environment names one, with bounds in time, and never with a redirect followed or a credential added.
 * @module
 */
import { type ByobReader, byobReader, byteStream } from "../../io/streams.ts";
import { getOrTry, orAborted } from "../../io/concurrency.ts";
import { type HttpInit, newHttpClient, newTlsClient } from "../http_client.ts";
import { isUntrusted } from "../certificate_faults.ts";
import { systemCerts } from "../system_certs.ts";
import { Bound } from "./bounds.ts";
import { certsFolders, certsFor, ownCerts } from "./certs.ts";
import type { CredentialProvider } from "./credentials.ts";
import { bareHost, isLoopback } from "./endpoint.ts";
import { ConnectionError, connectionError, isTransientError, type RetryPolicy } from "./failure.ts";
import { type Environment, proxyFor } from "./proxy.ts";
import type { Pinned, Relay, RelayTarget } from "./relay.ts";

/** How registries are reached. */
export interface RegistryOptions {
  /**
   * The environment: `HOME`, `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE` and `XDG_*` for credentials and
   * certificates, `SSL_CERT_FILE` and `SSL_CERT_DIR`, `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and
   * `NO_PROXY`. Nothing is read from the process.
   */
  readonly environment?: Environment | undefined;
  /** Finds credentials; those of Docker and podman unless given. */
  readonly credentials?: CredentialProvider | undefined;
  /** Leaves certificates unchecked, and takes plain HTTP where https does not answer. */
  readonly insecureRegistry?: boolean | undefined;
  /** Hosts (`HOST[:PORT]`) that this is allowed for where it is not for all. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /**
   * PEM certificates to trust beside those of the system and the runtime; of these, a server may also
   * have a CA's as its own.
   */
  readonly caCerts?: readonly string[] | undefined;
  /** Folders laid out as Docker's `certs.d`; those of Docker and podman unless given. */
  readonly certsFolders?: readonly string[] | undefined;
  /** Registries asked first when pulling: `{ "docker.io": "mirror.local:5000" }`. */
  readonly mirrors?: Readonly<Record<string, string>> | undefined;
  /** Repositories (`HOST/PATH`) that may have what is pushed; those of the same registry count. */
  readonly mountFrom?: readonly string[] | undefined;
  /**
   * Folder for locks that keep processes apart which change the same list of referrers; it is made
   * when it is not there. Only for registries that have no referrers API.
   */
  readonly lockFolder?: string | undefined;
  /** Hosts (`HOST[:PORT]`) that may be dialled, for work without a network; all unless given. */
  readonly onlyHosts?: readonly string[] | undefined;
  /** How often things are tried. */
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Milliseconds that the first answer of a host may take, with connecting; 30 000 unless given. */
  readonly connectMs?: number | undefined;
  /** Milliseconds that 16 KiB of an answer may take; 60 000 unless given. */
  readonly idleMs?: number | undefined;
  /** Milliseconds that an answer may take to begin; 300 000 unless given. */
  readonly answerMs?: number | undefined;
  /**
   * Milliseconds that a manifest may take as a whole once it has begun, all tries together; 120 000
   * unless given. A list of many pages may take five times that.
   */
  readonly documentMs?: number | undefined;
  /** Name and version of who is asking. */
  readonly userAgent?: string | undefined;
  /**
   * Told of what went wrong without an end to the work, such as a missing credential helper, and of what
   * a registry warns of.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /**
   * Told of what takes longer than it should: tries that failed, lists of many pages; and before a
   * wait that a person would notice, how many milliseconds it is.
   */
  readonly onDelay?: ((message: string, waitMs?: number) => void) | undefined;
}

/** How registries and daemons are reached; frozen. */
export interface TransferConfig extends RegistryOptions {
  /** Where credentials, proxies and the daemon are looked for. */
  readonly environment: Environment;
  readonly mirrors: Readonly<Record<string, string>>;
  /** Mirrors that the caller has named, which may be asked offline, too. */
  readonly namedMirrors: Readonly<Record<string, string>>;
  /** Whether only what was named may be dialled. */
  readonly offline: boolean;
  /** Whether foreign layers are taken along. */
  readonly foreign: boolean;
}

/** What is sent: bytes, whose length is told, or a stream, which goes in HTTP's own chunks. */
export type RequestContent = Uint8Array | AsyncIterable<Uint8Array>;

interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestContent | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The answer. Its body has to be read to the end, or cancelled. */
export interface Answer {
  /** Who gave it. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** Statuses that send on to another URL. */
export const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Whether a server at `base` may send on to a URL: one of https to no plain HTTP. */
export function isSafeFrom(base: URL, { protocol }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && base.protocol === "http:");
}

/** The way to one origin, and whether anything was ever answered there. */
interface Route {
  readonly client: Deno.HttpClient;
  readonly relay?: Relay | undefined;
  /** Host and port of the proxy on it. */
  readonly proxy?: string | undefined;
  /** Opens another one, for a host whose certificate nobody trusts, but which somebody may have named. */
  readonly pin?: ((refusal: unknown) => Promise<Route>) | undefined;
  answered: boolean;
  /** Whether requests go another way by now. */
  isLeft?: boolean;
}

/** Idle connections are kept that long: servers close them after a while. */
const IDLE_MS = 15_000;
const ANSWER_MS = 300_000;
/** How long https may take to answer where plain HTTP would do. */
const PROBE_MS = 10_000;
/** Of all headers together. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Progress that gives the other side a new span of time: fewer bytes are a slow-loris. */
const PROGRESS_BYTES = 16 * 1024;
/** So much of an answer that nobody wants is read to its end, which keeps the connection. */
const SMALL_BYTES = 16 * 1024;

export class Transport {
  readonly #routes = new Map<string, Promise<Route>>();
  readonly #schemes = new Map<string, Promise<"https:" | "http:">>();
  #system: Promise<readonly string[]> | undefined;
  /** Ends the asking for schemes, which no caller's signal does. */
  #probing = new AbortController();

  constructor(readonly options: RegistryOptions) {}

  async close(): Promise<void> {
    this.#probing.abort(new ConnectionError("closed", "the connections were closed"));
    this.#probing = new AbortController();
    const routes = await Promise.allSettled(this.#routes.values());
    this.#routes.clear();
    for (const route of routes) {
      if (route.status === "rejected") continue;
      route.value.client.close();
      route.value.relay?.close();
    }
  }

  /**
   * The root URL of a registry host. Plain HTTP is tried only on loopback and where it was allowed,
   * and only after https did not answer.
   */
  async base(host: string, signal?: AbortSignal): Promise<URL> {
    const https = new URL(`https://${host}/`);
    if (!this.#isInsecure(host) && !isLoopback(https.hostname)) return https;
    // All who ask wait for the same answer, so none of them ends the asking; time or close() does.
    const scheme = getOrTry(this.#schemes, host, () => this.#probe(https));
    return new URL(`${await orAborted(scheme, signal)}//${host}/`);
  }

  #isInsecure(host: string): boolean {
    const { insecureRegistry = false, insecureRegistries = [] } = this.options;
    return insecureRegistry || insecureRegistries.includes(host);
  }

  async #probe(https: URL): Promise<"https:" | "http:"> {
    try {
      const answerMs = Math.min(this.options.answerMs ?? ANSWER_MS, PROBE_MS);
      const url = new URL("/v2/", https);
      const { signal } = this.#probing;
      await (await this.send({ method: "GET", url, signal }, answerMs)).body.cancel();
      return "https:";
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      // A certificate that is not trusted is no reason to do without one.
      const decided = ["certificate", "client-certificate", "denied", "name", "closed"];
      if (decided.includes(error.trouble)) throw error;
      return "http:";
    }
  }

  /**
   * Sends a request and gives the answer, whatever its status; its body has to be read or cancelled.
   *
   * @throws {ConnectionError}, the signal's reason, or what the request's stream throws
   */
  async send(
    { method, url, headers, body, signal }: Request,
    answerMs: number = this.options.answerMs ?? ANSWER_MS,
  ): Promise<Answer> {
    signal?.throwIfAborted();
    const { userAgent = "kodeno", idleMs = 60_000, connectMs = 30_000 } = this.options;
    const route = await getOrTry(this.#routes, url.origin, () => this.#open(url));
    const bound = new Bound(signal);
    const outgoing = body === undefined || body instanceof Uint8Array
      ? undefined
      : new Outgoing(body, bound, idleMs, answerMs);
    // Connecting has no bound of its own.
    if (!outgoing) bound.set(route.answered ? answerMs : Math.min(answerMs, connectMs), NO_ANSWER);
    try {
      const init: HttpInit = {
        method,
        headers: {
          "user-agent": userAgent,
          // Blobs are compressed already, and a digest is one of the bytes as they are kept.
          "accept-encoding": "identity",
          ...headers,
        },
        body: outgoing?.stream ?? body as Uint8Array<ArrayBuffer> | undefined ?? null,
        client: route.client,
        redirect: "manual",
        signal: bound.signal,
      };
      const to = route.relay ? url.href.replace(/^https:/, "http:") : url;
      const response = await fetch(to, init);
      route.answered = true;
      bound.clear();
      if (outgoing) outgoing.isHeld = true;
      let length = 0;
      for (const [name, value] of response.headers) length += name.length + value.length;
      if (length > MAX_HEAD_BYTES) throw connectionError(new Error("head is too large"));
      const over = () => bound.end(outgoing?.isDone === false ? LEFT : undefined);
      const { status, headers: told } = response;
      return { url, status, headers: told, body: bodyOf(response, bound, idleMs, over) };
    } catch (error) {
      const reason = bound.signal.aborted ? bound.signal.reason : undefined;
      bound.end(LEFT);
      await outgoing?.cancel();
      signal?.throwIfAborted();
      const failure = outgoing?.failure ??
        throughProxy(connectionError(reason ?? route.relay?.failure ?? error), route.proxy);
      const { pin } = route;
      if (!pin || !(failure instanceof ConnectionError && isUntrusted(failure.fault))) {
        throw failure;
      }
      await this.#pin(url.origin, route, () => pin(failure));
      if (outgoing === undefined) {
        return await this.send({ method, url, headers, body, signal }, answerMs);
      }
      // Some of it was taken already.
      throw new ConnectionError("unmade", "the connection has to be made anew", failure);
    }
  }

  /** Goes another way from now on; of several who find that out, one opens it. */
  async #pin(origin: string, route: Route, open: () => Promise<Route>): Promise<void> {
    if (!route.isLeft) {
      route.isLeft = true;
      this.#routes.delete(origin);
      route.client.close();
    }
    await getOrTry(this.#routes, origin, open);
  }

  async #open(url: URL): Promise<Route> {
    const { environment = {}, onlyHosts, caCerts = [], onWarning = () => {} } = this.options;
    const folders = this.options.certsFolders ?? certsFolders(environment);
    const proxy = proxyFor(url, environment);
    if (onlyHosts !== undefined && !onlyHosts.includes((proxy?.url ?? url).host)) {
      throw new ConnectionError("denied", `${url.host} may not be dialled (offline)`);
    }
    const isSecure = url.protocol === "https:";
    const certs = isSecure ? certsFor(url.host, folders, onWarning) : undefined;
    const relayed = (pinned?: Pinned) =>
      openRelayed(url, { proxy, clientCert: certs?.client, pinned });
    try {
      if (isSecure && this.#isInsecure(url.host)) return await relayed();
      const basicAuth = proxy?.login && { basicAuth: proxy.login };
      const trusted = [...caCerts, ...certs?.ca ?? []];
      const own = isSecure ? ownCerts(trusted) : [];
      const options = {
        caCerts: trusted,
        ...certs?.client,
        ...(proxy
          ? { proxy: { url: `${proxy.url.protocol}//${proxy.url.host}`, ...basicAuth } }
          : {}),
        poolIdleTimeout: IDLE_MS,
        // It is no slower, and a host that lets in nobody without a certificate can say so: over HTTP/2
        // the runtime tells now and then that the connection was closed.
        http2: false,
      };
      const route = (system: readonly string[], pin: Route["pin"]): Route => ({
        client: newTlsClient(options as Deno.CreateHttpClientOptions, system),
        pin,
        proxy: proxy?.url.host,
        answered: false,
      });
      const last = own.length > 0
        ? (refusal: unknown) => relayed({ certs: own, refusal })
        : undefined;
      // Most servers are trusted without the system's certificates, which may take a while to be read.
      const next = async (refusal: unknown): Promise<Route> => {
        const system = await (this.#system ??= systemCerts(environment, onWarning));
        if (system.length > 0) return route(system, last);
        if (last === undefined) throw refusal;
        return await last(refusal);
      };
      return route([], isSecure ? next : undefined);
    } catch (error) {
      throw connectionError(error);
    }
  }
}

/** Opens a way over TLS that is not checked as `fetch` checks it. */
async function openRelayed(
  url: URL,
  how: Pick<RelayTarget, "proxy" | "clientCert" | "pinned">,
): Promise<Route> {
  const { Relay } = await import("./relay.ts");
  const to = { hostname: bareHost(url.hostname), port: Number(url.port || 443) };
  const relay = await Relay.open({ ...to, ...how });
  try {
    const client = newHttpClient({ proxy: relay.proxy });
    return { client, relay, proxy: how.proxy?.url.host, answered: false };
  } catch (error) {
    relay.close();
    throw error;
  }
}

/** A failure on the way through a proxy, which may be the proxy's. */
function throughProxy(failure: unknown, proxy: string | undefined): unknown {
  if (proxy === undefined || !(failure instanceof ConnectionError)) return failure;
  if (!isTransientError(failure)) return failure;
  const { trouble, message, cause } = failure;
  return new ConnectionError(trouble, `${message}, through the proxy ${proxy}`, cause);
}

const NO_ANSWER = "there was no answer";
/** Nobody waits any more. */
const LEFT = new Error("left");

/** What is sent, as it is taken. */
class Outgoing {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What the content threw. */
  failure: unknown;
  isDone = false;
  /** Whether there is an answer already, and the rest is not sent. */
  isHeld = false;
  readonly #content: AsyncIterator<Uint8Array>;

  constructor(content: AsyncIterable<Uint8Array>, bound: Bound, idleMs: number, answerMs: number) {
    this.#content = content[Symbol.asyncIterator]();
    this.stream = new ReadableStream({
      pull: async (controller) => {
        bound.clear();
        // Ending the stream would end the answer, too.
        if (this.isHeld) return await new Promise(() => {});
        try {
          const { done, value } = await this.#content.next();
          if (done) {
            this.isDone = true;
            controller.close();
            if (!this.isHeld) bound.set(answerMs, NO_ANSWER);
          } else {
            controller.enqueue(value as Uint8Array<ArrayBuffer>);
            if (!this.isHeld) bound.set(idleMs, "the other side took no bytes");
          }
        } catch (error) {
          this.failure = error;
          throw error;
        }
      },
      cancel: () => this.cancel(),
    }, { highWaterMark: 0 });
  }

  async cancel(): Promise<void> {
    await this.#content.return?.();
  }
}

/** The body of an answer; `over` is told of its end. */
function bodyOf(
  { body, headers }: Response,
  bound: Bound,
  idleMs: number,
  over: () => void,
): ReadableStream<Uint8Array> {
  if (body === null || headers.get("content-length") === "0") {
    over();
    return byteStream((memory) => Promise.resolve(memory.subarray(0, 0)), () => {});
  }
  const reader: ByobReader = byobReader(body);
  let waited = 0;
  let progress = 0;
  const read: ByobReader["read"] = async (memory) => {
    const began = performance.now();
    bound.set(idleMs - waited, "the other side sent too little", idleMs);
    try {
      const bytes = await reader.read(memory);
      bound.clear();
      if (bytes.length === 0) over();
      waited += performance.now() - began;
      progress += bytes.length;
      if (progress >= PROGRESS_BYTES) waited = progress = 0;
      return bytes;
    } catch (error) {
      const reason = bound.signal.aborted ? bound.signal.reason : error;
      over();
      throw connectionError(reason);
    }
  };
  return byteStream(read, async (reason) => {
    const length = headers.get("content-length");
    try {
      if (length !== null && Number(length) <= SMALL_BYTES && !bound.signal.aborted) {
        while ((await read(new Uint8Array(SMALL_BYTES))).length > 0);
      } else await reader.cancel(reason);
    } catch {
      // Nobody wanted it.
    }
    over();
  });
}
