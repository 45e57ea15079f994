/**
 * Opens repositories of registries: one, or several that share their connections and tokens.
 * @module
 */
import type { Repository } from "./blobs.ts";
import { certsFolders } from "./certs.ts";
import { RegistryClient, type Shared } from "./client.ts";
import { type CredentialProvider, dockerCredentials } from "./credentials.ts";
import { type Endpoint, parseEndpoint } from "./endpoint.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "./failure.ts";
import { mirrorOf } from "./mirrors.ts";
import type { Environment } from "./proxy.ts";
import { RegistryStore } from "./store.ts";
import { Transport } from "./transport.ts";

/** How registries are reached. */
export interface RegistryOptions {
  /**
   * The environment: `HOME`, `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE` and `XDG_*` for credentials and
   * certificates, `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Nothing is read from the process.
   */
  readonly environment?: Environment | undefined;
  /** Finds credentials; those of Docker and podman unless given. */
  readonly credentials?: CredentialProvider | undefined;
  /** Leaves certificates unchecked, and takes plain HTTP where https does not answer. */
  readonly insecureRegistry?: boolean | undefined;
  /** Hosts (`HOST[:PORT]`) that this is allowed for where it is not for all. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** PEM certificates to trust beside those of the runtime. */
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
  /** Milliseconds that a connection may take to be made; 30 000 unless given. */
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
  /** Told of what went wrong without an end to the work, such as a missing credential helper. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told of what takes longer than it should: tries that failed, lists of many pages. */
  readonly onDelay?: ((message: string) => void) | undefined;
}

/** Fills in what was not said. */
export function shared(options: RegistryOptions): Shared {
  const { environment = {}, onWarning = () => {}, retry = {} } = options;
  return {
    transport: new Transport({
      environment,
      onWarning,
      insecureRegistry: options.insecureRegistry ?? false,
      insecureRegistries: options.insecureRegistries ?? [],
      caCerts: options.caCerts ?? [],
      certsFolders: options.certsFolders ?? certsFolders(environment),
      userAgent: options.userAgent ?? "kodeno",
      onlyHosts: options.onlyHosts,
      connectMs: options.connectMs ?? 30_000,
      idleMs: options.idleMs ?? 60_000,
      answerMs: options.answerMs ?? 300_000,
    }),
    credentials: options.credentials ?? dockerCredentials(environment, onWarning),
    policy: { ...DEFAULT_RETRY, ...retry },
    documentMs: options.documentMs ?? 120_000,
    onDelay: options.onDelay ?? (() => {}),
  };
}

/** Repositories that are tried for a blob before it is sent. */
const MAX_MOUNTS = 3;

/** Repositories that share connections, tokens and settings. */
export class Registries implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #shared: Shared;
  readonly #clients = new Map<string, RegistryClient>();
  /** By their registries. */
  #mountFrom: ReadonlyMap<string, readonly Endpoint[]> | undefined;

  /** @param options how they are reached */
  constructor(options: RegistryOptions = {}) {
    this.#options = options;
    this.#shared = shared(options);
  }

  /**
   * Opens a repository; nothing is sent yet.
   *
   * @param name `HOST/PATH`, without a tag; without a host it is one of Docker Hub
   * @throws {KodenoError} `BAD_REFERENCE`
   */
  open(name: string): RegistryStore {
    const { mirrors = {}, lockFolder, onWarning = () => {} } = this.#options;
    const endpoint = parseEndpoint(name);
    const mirror = mirrorOf(endpoint, mirrors);
    return new RegistryStore({
      own: this.#repository(endpoint),
      mirror: mirror && this.#repository(mirror),
      mountFrom: this.#mountsOf(endpoint),
      lockFolder,
      onWarning,
      close: () => this.close(),
    });
  }

  /** Closes the connections that are kept open for the next request. */
  async close(): Promise<void> {
    await this.#shared.transport.close();
  }

  /** {@link close}, when it goes out of scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mountsOf({ registry, path }: Endpoint): readonly string[] {
    this.#mountFrom ??= Map.groupBy(
      (this.#options.mountFrom ?? []).map(parseEndpoint),
      (one) => one.registry,
    );
    // One more than are needed, since it may be the repository itself.
    const some = this.#mountFrom.get(registry)?.slice(0, MAX_MOUNTS + 1) ?? [];
    return some.map((one) => one.path).filter((one) => one !== path).slice(0, MAX_MOUNTS);
  }

  #repository(endpoint: Endpoint): Repository {
    const { registry } = endpoint;
    const client = this.#clients.get(registry) ?? new RegistryClient(registry, this.#shared);
    this.#clients.set(registry, client);
    return { client, endpoint };
  }
}

/**
 * Opens one repository; {@link Registries} opens several that share their connections.
 *
 * @param name `HOST/PATH`, without a tag; without a host it is one of Docker Hub
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function openRegistry(name: string, options: RegistryOptions = {}): RegistryStore {
  return new Registries(options).open(name);
}
