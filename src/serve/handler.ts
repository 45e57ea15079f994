/**
 * From requests to answers: a layout as a read-only registry (OCI distribution spec 1.1, pull,
 * content discovery and the referrers API), with a bound on how many blobs are open.
 * @module
 */
import { inlineContent } from "../content/blobs.ts";
import { hasSuccessors, readDocument } from "../content/walk.ts";
import { hasCode } from "../errors.ts";
import { isNotFound, isOutOfFiles, readSome } from "../io/files.ts";
import { type Descriptor, MediaType } from "../oci/descriptor.ts";
import type { ArchiveSource } from "../place/archive/archive_source.ts";
import { blobPathIn } from "../place/layout/files.ts";
import type { Layout } from "../place/layout/layout.ts";
import {
  type ByteRange,
  type Handler,
  type HttpAnswer,
  type HttpContent,
  HttpError,
  type HttpRequest,
  jsonAnswer,
  pageOf,
  parseRange,
  referrersPage,
  routeOf,
  serverBusy,
} from "./messages.ts";
import { LayoutView, type ServedPlace, type ServedRepository, type ViewOptions } from "./view.ts";

/** Makes the handler of a layout; `note` is told of what is odd in it, and of failures. */
export function makeHandler(
  layout: ServedPlace,
  note: (message: string) => void,
  options: ViewOptions = {},
): Handler {
  const registry = new ServedLayout(layout, note, options);
  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    const { method, target } = request;
    try {
      if (method === "GET" || method === "HEAD") return await registry.answer(request);
      throw new HttpError(405, "UNSUPPORTED", "this registry is read-only", { allow: "GET, HEAD" });
    } catch (error) {
      if (error instanceof HttpError) return error.toAnswer();
      if (isOutOfFiles(error)) return serverBusy("too many files are open").toAnswer();
      note(`Cannot answer ${method} ${target.slice(0, 300)}: ${error}`);
      return new HttpError(500, "UNKNOWN", "the layout cannot be read").toAnswer();
    }
  };
  return async (request) => {
    const given = request instanceof HttpError ? request.toAnswer() : await answer(request);
    const headers = {
      ...given.headers,
      "docker-distribution-api-version": "registry/2.0",
      // A blob is whatever its maker made it: no browser may take it for a page.
      "x-content-type-options": "nosniff",
    };
    return { ...given, headers };
  };
}

class ServedLayout {
  readonly #view: LayoutView;
  readonly #blobs: BlobReader;

  constructor(layout: ServedPlace, note: (message: string) => void, options: ViewOptions) {
    this.#view = new LayoutView(layout, note, options);
    this.#blobs = new BlobReader(layout);
  }

  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const route = routeOf(request.target);
    if (route.type === "version") return jsonAnswer({});
    const query = new URLSearchParams(/\?([^#]*)/.exec(request.target)?.[1] ?? "");
    if (route.type === "catalog") {
      const { names, headers } = pageOf(await this.#view.paths(), query, "/v2/_catalog");
      return jsonAnswer({ repositories: names }, headers);
    }
    const { name } = route;
    const repository = await this.#view.repository(name, query.get("ns") ?? undefined);
    if (repository === undefined) {
      throw new HttpError(404, "NAME_UNKNOWN", "the layout has no image of this name");
    }
    switch (route.type) {
      case "tags": {
        const path = `/v2/${name}/tags/list`;
        const { names, headers } = pageOf(repository.tags.keys(), query, path);
        return jsonAnswer({ name, tags: names }, headers);
      }
      case "manifest":
        return await this.#manifest(request, repository, route.ref);
      case "blob":
        return await this.#blob(request, repository, route.digest);
      case "referrers":
        return await this.#referrers(repository, route.digest, query, name);
    }
  }

  async #manifest(
    request: HttpRequest,
    repository: ServedRepository,
    ref: string | { readonly tag: string },
  ): Promise<HttpAnswer> {
    const d = typeof ref === "string"
      ? (await repository.contents()).blobs.get(ref)
      : repository.tags.get(ref.tag);
    const unknown = new HttpError(404, "MANIFEST_UNKNOWN", "the repository has no such manifest");
    if (d === undefined) {
      // Who knows no API for it looks there for what refers to an image.
      const list = await repository.list(typeof ref === "string" ? ref : ref.tag);
      if (list === undefined) throw unknown;
      const { descriptor, bytes: body } = list;
      if (isKnown(request, descriptor)) return notModified(descriptor);
      return { status: 200, headers: contentHeaders(descriptor, descriptor.mediaType), body };
    }
    if (!hasSuccessors(d)) throw unknown;
    if (isKnown(request, d)) return notModified(d);
    try {
      const body = await readDocument(this.#view.images, d);
      return { status: 200, headers: contentHeaders(d, d.mediaType), body };
    } catch (error) {
      throw hasCode(error, "NOT_FOUND") ? unknown : error;
    }
  }

  async #blob(request: HttpRequest, repository: ServedRepository, digest: string) {
    const d = (await repository.contents()).blobs.get(digest);
    if (d === undefined) {
      throw new HttpError(404, "BLOB_UNKNOWN", "the repository does not hold this blob");
    }
    const headers = { ...contentHeaders(d, "application/octet-stream"), "accept-ranges": "bytes" };
    const inline = inlineContent(d);
    const check = async () => inline ?? await this.#blobs.check(d);
    if (request.method === "HEAD") {
      await check();
      return { status: 200, headers };
    }
    if (isKnown(request, d)) return notModified(d);
    const { size } = d;
    const condition = request.headers.get("if-range");
    const isCurrent = condition === null || condition === etag(d);
    const part = parseRange(isCurrent ? request.headers.get("range") : "", size);
    const { start, end } = part ?? { start: 0, end: size };
    // An empty blob has no bytes to wait for.
    if (start === end) await check();
    const read = async () =>
      inline?.subarray(start, end) ?? await this.#blobs.read(d, { start, end });
    const body = start === end ? undefined : await read();
    if (part === undefined) return { status: 200, headers, body };
    const length = String(end - start);
    const range = `bytes ${start}-${end - 1}/${size}`;
    const more = { "content-length": length, "content-range": range };
    return { status: 206, headers: { ...headers, ...more }, body };
  }

  async #referrers(
    repository: ServedRepository,
    digest: string,
    query: URLSearchParams,
    name: string,
  ) {
    const all = (await repository.contents()).referrers.get(digest) ?? [];
    const type = query.get("artifactType");
    const wanted = all.filter((d) => type === null || d.artifactType === type);
    const { some: manifests, headers } = referrersPage(
      wanted,
      query,
      `/v2/${name}/referrers/${digest}`,
    );
    const value = { schemaVersion: 2, mediaType: MediaType.index, manifests };
    const filtered = type === null ? {} : { "oci-filters-applied": "artifactType" };
    return jsonAnswer(value, { "content-type": MediaType.index, ...filtered, ...headers });
  }
}

function etag({ digest }: Descriptor): string {
  return `"${digest}"`;
}

function contentHeaders(d: Descriptor, type: string): Record<string, string> {
  return {
    "content-type": type,
    "content-length": String(d.size),
    "docker-content-digest": d.digest,
    etag: etag(d),
  };
}

/** Whether the client says that it has it. */
function isKnown(request: HttpRequest, d: Descriptor): boolean {
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((one) => one.trim());
  return known.includes(etag(d));
}

function notModified(d: Descriptor): HttpAnswer {
  return { status: 304, headers: { "docker-content-digest": d.digest, etag: etag(d) } };
}

/** Blobs open at once: most of the thousand files a process may have open are for connections. */
const MAX_OPEN = 192;
/** How long a request waits for one of them to be closed. */
const WAIT_MS = 20_000;

class BlobReader {
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly place: ServedPlace) {}

  async check(blob: Descriptor): Promise<void> {
    const { place } = this;
    if ("directory" in place) return (await openIn(place, blob)).close();
    await (await partIn(place, blob, { start: 0, end: 0 })).cancel();
  }

  /** The bytes of a blob; whoever has them closes them. */
  async read(blob: Descriptor, { start, end }: ByteRange): Promise<HttpContent> {
    const { place } = this;
    await this.#enter();
    if (!("directory" in place)) return await this.#part(place, blob, { start, end });
    let file: Deno.FsFile | undefined;
    const close = (): void => {
      file?.close();
      this.#leave();
    };
    try {
      file = await openIn(place, blob);
      if (start > 0) await file.seek(start, Deno.SeekMode.Start);
    } catch (error) {
      close();
      throw error;
    }
    const opened = file;
    let left = end - start;
    const read = async (into: Uint8Array): Promise<number | null> => {
      if (left === 0) return null;
      const count = await readSome(opened, into.subarray(0, left));
      // The connection is broken off: the client was told how many bytes there are.
      if (count === null) throw new Error("the blob became shorter");
      left -= count;
      return count;
    };
    return { read, close };
  }

  async #part(place: ArchiveSource, blob: Descriptor, range: ByteRange): Promise<HttpContent> {
    const stream = await partIn(place, blob, range).catch((error) => {
      this.#leave();
      throw error;
    });
    const reader = stream.getReader();
    let rest = new Uint8Array();
    const read = async (into: Uint8Array): Promise<number | null> => {
      while (rest.length === 0) {
        const { value, done } = await reader.read();
        if (done) return null;
        rest = Uint8Array.from(value);
      }
      const count = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    };
    const close = (): void => {
      reader.cancel().catch(() => {});
      this.#leave();
    };
    return { read, close };
  }

  async #enter(): Promise<void> {
    if (this.#open < MAX_OPEN) {
      this.#open++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        clearTimeout(late);
        resolve();
      };
      const late = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(serverBusy("too many blobs are being read"));
      }, WAIT_MS);
      this.#waiting.push(go);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#open--;
    else next();
  }
}

/** The bytes of a part of a blob in an archive. */
async function partIn(place: ArchiveSource, blob: Descriptor, range: ByteRange) {
  try {
    return await place.fetchPart(blob, range);
  } catch (error) {
    throw isGone(error) ? noBlob() : error;
  }
}

/** The file of a blob in a layout. */
async function openIn(layout: Layout, blob: Descriptor): Promise<Deno.FsFile> {
  try {
    // A link could lead out of the layout, and a pipe would be waited for.
    const { isFile } = await Deno.lstat(blobPathIn(layout.directory, blob));
    if (!isFile) throw noBlob();
    return await layout.openBlob(blob);
  } catch (error) {
    throw isGone(error) ? noBlob() : error;
  }
}

const isGone = (error: unknown) => isNotFound(error) || hasCode(error, "NOT_FOUND", "BAD_CONTENT");
const noBlob = () => new HttpError(404, "BLOB_UNKNOWN", "the layout does not hold this blob");
