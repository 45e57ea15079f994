/**
 * Foreign layers, from where their manifests say that they are (OCI image spec 1.1, descriptor.md,
 * `urls`): a web server that is told of nobody's credentials, and whose bytes are checked by whoever
 * keeps them.
 * @module
 */
import type { Blobs, CallOptions } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { Authorizer } from "./auth.ts";
import { type Call, RegistryClient, Shared } from "./client.ts";
import { Repository } from "./repository.ts";
import type { RegistryOptions } from "./transport.ts";

/** Reads blobs by their `urls`. */
export class ForeignLayers implements Blobs, AsyncDisposable {
  readonly #shared: Shared;
  readonly #client: WebClient;

  constructor(options: RegistryOptions) {
    this.#shared = new Shared(options);
    this.#client = new WebClient("web servers", this.#shared);
  }

  /**
   * The bytes of a blob, from the first of its URLs that has them.
   *
   * @throws {KodenoError} `NOT_FOUND` where it says no URL; else why the last one does not give it
   */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const why = "it is foreign, and nothing says where it is";
    let failure: unknown = new KodenoError("NOT_FOUND", `Cannot find blob ${d.digest}: ${why}`);
    for (const text of d.urls ?? []) {
      const url = URL.parse(text);
      if (url === null || !/^https?:$/.test(url.protocol)) continue;
      try {
        return await new WebBlob(this.#client, url).fetchBlob(d, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  /** Closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared[Symbol.asyncDispose]();
  }
}

/** A blob that goes on where a broken connection left off, as those of registries do. */
class WebBlob extends Repository {
  readonly #url: URL;

  constructor(client: WebClient, url: URL) {
    const { host, pathname } = url;
    super(client, { name: `${host}${pathname}`, registry: host, host, path: pathname });
    this.#url = new URL(url);
    this.#url.username = this.#url.password = this.#url.hash = "";
  }

  override call(method: string, _: string, doing: string, { signal }: CallOptions): Call {
    const next = "bring the layer into the place yourself, or leave --foreign out";
    return { doing, method, to: this.#url, scopes: [], denied: next, otherwise: next, signal };
  }
}

/** The address of no web server. */
const NOWHERE = new URL("http://nowhere.invalid/");

/**
 * Asks web servers. None of them is the registry's own, which alone is told who is asking, and each may
 * send on to any other, by plain HTTP, too, since what comes is checked.
 */
class WebClient extends RegistryClient {
  override reach(): ReturnType<RegistryClient["reach"]> {
    const nobody = () => Promise.resolve(undefined);
    const authorizer = new Authorizer(this.shared.transport, NOWHERE, nobody);
    return Promise.resolve({ base: NOWHERE, authorizer });
  }
}
