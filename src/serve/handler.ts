/**
 * From requests to answers: a layout as a read-only registry (OCI distribution spec 1.1, pull,
 * content discovery and the referrers API).
 * @module
 */
import { readDocument } from "../content/read.ts";
import { hasSuccessors } from "../content/successors.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { encodeJson } from "../oci/manifest.ts";
import { MediaType } from "../oci/media_types.ts";
import type { Layout } from "../store/layout/layout.ts";
import { busy, isOutOfFiles, json, Refusal } from "./answers.ts";
import { BlobReader, parseRange } from "./blobs.ts";
import { pageOf } from "./paging.ts";
import { type Route, routeOf } from "./route.ts";
import { LayoutView, type Repository } from "./view.ts";

/** Bytes of all headers of a request that are looked at. */
const MAX_HEADERS = 16 * 1024;
/** Most bytes and milliseconds of the body of a request that is refused. */
const MAX_BODY = 1024 * 1024;
const MAX_BODY_MS = 2000;

/** Answers requests; `ended` settles when the client has the answer, or is gone. */
export type Handler = (request: Request, ended: Promise<unknown>) => Promise<Response>;

/** Makes the handler of a layout; `note` is told of what is odd in it, and of failures. */
export function makeHandler(layout: Layout, note: (message: string) => void): Handler {
  const registry = new ServedLayout(layout, note);
  return async (request, ended) => {
    const response = await answer(registry, request, ended, note);
    const { headers } = response;
    headers.set("docker-distribution-api-version", "registry/2.0");
    // A blob is whatever its maker made it: no browser may take it for a page.
    headers.set("x-content-type-options", "nosniff");
    if (request.method !== "HEAD" || response.body === null) return response;
    await response.body.cancel();
    return new Response(null, { status: response.status, headers });
  };
}

async function answer(
  registry: ServedLayout,
  request: Request,
  ended: Promise<unknown>,
  note: (message: string) => void,
): Promise<Response> {
  try {
    checkHeaders(request.headers);
    if (request.method !== "GET" && request.method !== "HEAD") {
      await drain(request.body);
      throw new Refusal(405, "UNSUPPORTED", "this registry is read-only", { allow: "GET, HEAD" });
    }
    return await registry.answer(request, ended, routeOf(request.url));
  } catch (error) {
    if (error instanceof Refusal) return error.toResponse();
    if (isOutOfFiles(error)) return busy("too many files are open").toResponse();
    note(`Cannot answer ${request.method} ${request.url.slice(0, 300)}: ${error}`);
    return new Refusal(500, "UNKNOWN", "the layout cannot be read").toResponse();
  }
}

/**
 * Reads what a client sends, within bounds: one that is cut off while it sends may never look at
 * the answer.
 */
async function drain(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  const late = setTimeout(() => reader.cancel().catch(() => {}), MAX_BODY_MS);
  try {
    for (let left = MAX_BODY; left > 0;) {
      const { done, value } = await reader.read();
      if (done) break;
      left -= value.length;
    }
  } catch {
    // It is gone.
  } finally {
    clearTimeout(late);
    await reader.cancel().catch(() => {});
  }
}

function checkHeaders(headers: Headers): void {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  if (length <= MAX_HEADERS) return;
  throw new Refusal(431, "UNSUPPORTED", `the headers are longer than ${MAX_HEADERS} characters`);
}

class ServedLayout {
  readonly #view: LayoutView;
  readonly #blobs: BlobReader;

  constructor(readonly layout: Layout, note: (message: string) => void) {
    this.#view = new LayoutView(layout, note);
    this.#blobs = new BlobReader(layout);
  }

  async answer(request: Request, ended: Promise<unknown>, route: Route): Promise<Response> {
    if (route.type === "version") return json({});
    const repositories = await this.#view.repositories();
    const query = () => new URL(request.url).searchParams;
    if (route.type === "catalog") {
      const { names, headers } = pageOf(repositories.keys(), query(), "/v2/_catalog");
      return json({ repositories: names }, { headers });
    }
    const { name } = route;
    const repository = repositories.get(name);
    if (repository === undefined) {
      throw new Refusal(404, "NAME_UNKNOWN", "the layout has no image of this name");
    }
    switch (route.type) {
      case "tags": {
        const { names, headers } = pageOf(
          repository.tags.keys(),
          query(),
          `/v2/${name}/tags/list`,
        );
        return json({ name, tags: names }, { headers });
      }
      case "manifest":
        return await this.#manifest(request, repository, route.ref);
      case "blob":
        return await this.#blob(request, ended, repository, route.digest);
      case "referrers":
        return await referrers(repository, route.digest, query().get("artifactType"));
    }
  }

  async #manifest(
    request: Request,
    repository: Repository,
    ref: string | { readonly tag: string },
  ): Promise<Response> {
    const d = typeof ref === "string"
      ? (await repository.contents()).blobs.get(ref)
      : repository.tags.get(ref.tag);
    const unknown = new Refusal(404, "MANIFEST_UNKNOWN", "the repository has no such manifest");
    if (d === undefined || !hasSuccessors(d)) throw unknown;
    if (isKnown(request, d)) return notModified(d);
    let bytes: Uint8Array;
    try {
      bytes = await readDocument(this.layout, d);
    } catch (error) {
      if (error instanceof KodenoError && error.code === "NOT_FOUND") throw unknown;
      throw error;
    }
    return new Response(new Uint8Array(bytes), { headers: contentHeaders(d, d.mediaType) });
  }

  async #blob(
    request: Request,
    ended: Promise<unknown>,
    repository: Repository,
    digest: string,
  ): Promise<Response> {
    const d = (await repository.contents()).blobs.get(digest);
    if (d === undefined) {
      throw new Refusal(404, "BLOB_UNKNOWN", "the repository does not hold this blob");
    }
    const headers = {
      ...contentHeaders(d, "application/octet-stream"),
      "accept-ranges": "bytes",
    };
    if (request.method === "HEAD") {
      await this.#blobs.check(d);
      return new Response(null, { headers });
    }
    if (isKnown(request, d)) return notModified(d);
    const { size } = d;
    const condition = request.headers.get("if-range");
    const wanted = condition === null || condition === etag(d) ? request.headers.get("range") : "";
    const part = parseRange(wanted, size);
    const { start, end } = part ?? { start: 0, end: size };
    // An empty blob has no bytes to wait for.
    if (start === end) await this.#blobs.check(d);
    const body = start === end ? null : await this.#blobs.read(d, { start, end }, ended);
    if (part === undefined) return new Response(body, { headers });
    return new Response(body, {
      status: 206,
      headers: {
        ...headers,
        "content-length": String(end - start),
        "content-range": `bytes ${start}-${end - 1}/${size}`,
      },
    });
  }
}

async function referrers(
  repository: Repository,
  digest: string,
  artifactType: string | null,
): Promise<Response> {
  const all = (await repository.contents()).referrers.get(digest) ?? [];
  const manifests = artifactType === null
    ? all
    : all.filter((one) => one.artifactType === artifactType);
  const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  return new Response(bytes, {
    headers: {
      "content-type": MediaType.index,
      "content-length": String(bytes.length),
      ...(artifactType === null ? {} : { "oci-filters-applied": "artifactType" }),
    },
  });
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
function isKnown(request: Request, d: Descriptor): boolean {
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((one) => one.trim());
  return known.includes(etag(d));
}

function notModified(d: Descriptor): Response {
  return new Response(null, {
    status: 304,
    headers: { "docker-content-digest": d.digest, etag: etag(d) },
  });
}
