/**
 * The calls of the Docker Engine API that moving images needs (API 1.41; podman answers them, too).
 * @module
 */
import { z } from "zod";
import type { CallOptions } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import type { ArchiveStream } from "../archive/archive_writer.ts";
import { type Asked, daemonFailure, daemonRefusal, parseAnswer } from "./answer.ts";
import { DaemonClient, type DaemonResponse } from "./client.ts";
import { type DaemonEndpoint, formatEndpoint } from "./endpoint.ts";
import { daemonPlatforms } from "./platforms.ts";

const versionSchema = z.looseObject({ Os: z.string(), Arch: z.string() });
const infoSchema = z.looseObject({ Architecture: z.string().optional() });
const imageSchema = z.looseObject({
  Id: z.string(),
  Manifests: z.array(z.looseObject({ ID: z.string(), Available: z.boolean() })).nullish(),
});
const lineSchema = z.looseObject({
  error: z.string().optional(),
  errorDetail: z.looseObject({ message: z.string().optional() }).optional(),
});

/** A daemon that answers at an endpoint. */
export class Daemon {
  readonly #client: DaemonClient;
  #platforms: Promise<readonly PlatformSpec[]> | undefined;

  /** Takes the daemon of an endpoint; dials nothing yet. */
  constructor(endpoint: DaemonEndpoint) {
    this.#client = new DaemonClient(endpoint);
  }

  /** Where it is, for messages. */
  get where(): string {
    return formatEndpoint(this.#client.endpoint);
  }

  /** The platforms its containers run on, the best first. GET /version, and /info for arm. */
  platforms(options: CallOptions = {}): Promise<readonly PlatformSpec[]> {
    return this.#platforms ??= this.#askPlatforms(options);
  }

  async #askPlatforms(options: CallOptions): Promise<readonly PlatformSpec[]> {
    const { Os, Arch } = await this.#get("/version", versionSchema, "tell its version", options);
    if (Arch !== "arm") return daemonPlatforms(Os.toLowerCase(), Arch);
    const info = await this.#get("/info", infoSchema, "tell its platform", options);
    return daemonPlatforms(Os.toLowerCase(), Arch, info.Architecture);
  }

  /**
   * The ID of an image, or undefined when the daemon does not have it. GET /images/NAME/json.
   *
   * @param name a name, or a digest that may be an ID
   */
  async findImage(name: string, options: CallOptions = {}): Promise<string | undefined> {
    const doing = `look for image ${name}`;
    const { status, text } = await this.#client.ask("GET", imagePath(name, "json"), options);
    if (status === 404) return undefined;
    if (status !== 200) throw daemonRefusal(this.#asked(doing), status, text);
    const id = parseAnswer(this.#asked(doing), imageSchema, text).Id;
    return id.startsWith("sha256:") ? id : `sha256:${id}`;
  }

  /**
   * Which manifests of an index a daemon has with all below them: it keeps an index with those of its
   * own platform alone. None where it is no index to this daemon, or an older one, which does not
   * tell. GET /images/ID/json?manifests=1 (API 1.48).
   */
  async manifestsOf(id: string, options: CallOptions = {}): Promise<ReadonlySet<string>> {
    const path = `${imagePath(id, "json")}?manifests=1`;
    const { status, text } = await this.#client.ask("GET", path, options);
    if (status === 404) return new Set();
    const doing = `look into image ${id}`;
    if (status !== 200) throw daemonRefusal(this.#asked(doing), status, text);
    const { Manifests } = parseAnswer(this.#asked(doing), imageSchema, text);
    return new Set((Manifests ?? []).filter((one) => one.Available).map(({ ID }) => ID));
  }

  /** Gives an image one more name. POST /images/ID/tag. */
  async tag(id: string, name: string, tag: string, options: CallOptions = {}): Promise<void> {
    const query = new URLSearchParams({ repo: name, tag });
    const path = `${imagePath(id, "tag")}?${query}`;
    const { status, text } = await this.#client.ask("POST", path, options);
    if (status !== 201) {
      throw daemonRefusal(this.#asked(`tag ${id} as ${name}:${tag}`), status, text);
    }
  }

  /** Sends an archive. POST /images/load; its answer is a line of JSON for each step. */
  async load(archive: ArchiveStream, what: string, options: CallOptions = {}): Promise<void> {
    const request = { ...options, body: () => archive.chunks() };
    const { status, text } = await this.#client.ask("POST", "/images/load?quiet=1", request);
    const asked = this.#asked(`load ${what}`);
    if (status !== 200) throw daemonRefusal(asked, status, text);
    // The daemon says 200 before it begins: what went wrong is in a line.
    for (const line of text.split("\n")) {
      if (line.trim() === "") continue;
      const { error, errorDetail } = parseAnswer(asked, lineSchema, line);
      const why = errorDetail?.message ?? error;
      if (why !== undefined) throw daemonFailure(asked, why);
    }
  }

  /**
   * An archive of one image as `docker save` writes it. GET /images/NAME/get.
   *
   * @returns the answer; dispose of it when its body was read
   * @ignore
   */
  async save(name: string, options: CallOptions = {}): Promise<DaemonResponse> {
    const response = await this.#client.send("GET", imagePath(name, "get"), options);
    if (response.status === 200) return response;
    using _ = response;
    const text = await this.#client.text(response, options.signal);
    const { status } = response;
    if (status !== 404) throw daemonRefusal(this.#asked(`save image ${name}`), status, text);
    throw new KodenoError(
      "NOT_FOUND",
      `Cannot find image ${JSON.stringify(name)} in the Docker daemon at ${this.where}`,
    );
  }

  async #get<T>(
    path: string,
    schema: z.ZodType<T>,
    doing: string,
    options: CallOptions,
  ): Promise<T> {
    const { status, text } = await this.#client.ask("GET", path, options);
    if (status !== 200) throw daemonRefusal(this.#asked(doing), status, text);
    return parseAnswer(this.#asked(doing), schema, text);
  }

  #asked(doing: string): Asked {
    return { where: this.where, doing };
  }
}

/** Slashes and colons of a name stay, as Docker's own client writes them; all else is escaped. */
function imagePath(name: string, action: string): string {
  const path = encodeURIComponent(name).replaceAll("%2F", "/").replaceAll("%3A", ":");
  return `/images/${path}/${action}`;
}
