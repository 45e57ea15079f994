/**
 * Opens repositories of registries: one, or several that share their connections and tokens.
 * @module
 */
import type { Repository } from "./blobs.ts";
import { RegistryClient, type Shared } from "./client.ts";
import { dockerCredentials } from "./credentials.ts";
import { type Endpoint, mirrorOf, parseEndpoint } from "./endpoint.ts";
import { DEFAULT_RETRY } from "./failure.ts";
import { RegistryStore } from "./store.ts";
import { type RegistryOptions, Transport } from "./transport.ts";

/** Fills in what was not said. */
export function shared(options: RegistryOptions): Shared {
  const { environment = {}, onWarning = () => {}, onDelay = () => {}, retry } = options;
  return {
    transport: new Transport(options),
    credentials: options.credentials ?? dockerCredentials(environment, onWarning),
    policy: { ...DEFAULT_RETRY, ...retry },
    documentMs: options.documentMs ?? 120_000,
    onDelay,
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
