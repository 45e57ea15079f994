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
import type { Layout } from "../place/layout/layout.ts";
import { type Answer, busy, isOutOfFiles, json, Refusal } from "./answers.ts";
import { BlobReader, parseRange } from "./blobs.ts";
import { pageOf } from "./paging.ts";
import type { Request } from "./request.ts";
import { type Route, routeOf } from "./route.ts";
import { LayoutView, type Repository } from "./view.ts";

/** Answers requests, and gives those that were refused before they were one their last form. */
export type Handler = (asked: Request | Refusal) => Promise<Answer>;

/** Makes the handler of a layout; `note` is told of what is odd in it, and of failures. */
export function makeHandler(layout: Layout, note: (message: string) => void): Handler {
  const registry = new ServedLayout(layout, note);
  return async (asked) => {
    const { headers, ...more } = asked instanceof Refusal
      ? asked.toAnswer()
      : await answer(registry, asked, note);
    return {
      ...more,
      headers: {
        ...headers,
        "docker-distribution-api-version": "registry/2.0",
        // A blob is whatever its maker made it: no browser may take it for a page.
        "x-content-type-options": "nosniff",
      },
    };
  };
}

async function answer(
  registry: ServedLayout,
  request: Request,
  note: (message: string) => void,
): Promise<Answer> {
  const { method, target } = request;
  try {
    if (method !== "GET" && method !== "HEAD") {
      throw new Refusal(405, "UNSUPPORTED", "this registry is read-only", { allow: "GET, HEAD" });
    }
    return await registry.answer(request, routeOf(target));
  } catch (error) {
    if (error instanceof Refusal) return error.toAnswer();
    if (isOutOfFiles(error)) return busy("too many files are open").toAnswer();
    note(`Cannot answer ${method} ${target.slice(0, 300)}: ${error}`);
    return new Refusal(500, "UNKNOWN", "the layout cannot be read").toAnswer();
  }
}

class ServedLayout {
  readonly #view: LayoutView;
  readonly #blobs: BlobReader;

  constructor(readonly layout: Layout, note: (message: string) => void) {
    this.#view = new LayoutView(layout, note);
    this.#blobs = new BlobReader(layout);
  }

  async answer(request: Request, route: Route): Promise<Answer> {
    if (route.type === "version") return json({});
    const query = () => queryOf(request.target);
    if (route.type === "catalog") {
      const { names, headers } = pageOf(await this.#view.paths(), query(), "/v2/_catalog");
      return json({ repositories: names }, { headers });
    }
    const { name } = route;
    const repository = await this.#view.repository(name, query().get("ns") ?? undefined);
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
        return await this.#blob(request, repository, route.digest);
      case "referrers":
        return await referrers(repository, route.digest, query().get("artifactType"));
    }
  }

  async #manifest(
    request: Request,
    repository: Repository,
    ref: string | { readonly tag: string },
  ): Promise<Answer> {
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
    return { status: 200, headers: contentHeaders(d, d.mediaType), body: bytes };
  }

  async #blob(
    request: Request,
    repository: Repository,
    digest: string,
  ): Promise<Answer> {
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
      return { status: 200, headers };
    }
    if (isKnown(request, d)) return notModified(d);
    const { size } = d;
    const condition = request.headers.get("if-range");
    const wanted = condition === null || condition === etag(d) ? request.headers.get("range") : "";
    const part = parseRange(wanted, size);
    const { start, end } = part ?? { start: 0, end: size };
    // An empty blob has no bytes to wait for.
    if (start === end) await this.#blobs.check(d);
    const body = start === end ? undefined : await this.#blobs.read(d, { start, end });
    if (part === undefined) return { status: 200, headers, body };
    return {
      status: 206,
      headers: {
        ...headers,
        "content-length": String(end - start),
        "content-range": `bytes ${start}-${end - 1}/${size}`,
      },
      body,
    };
  }
}

async function referrers(
  repository: Repository,
  digest: string,
  artifactType: string | null,
): Promise<Answer> {
  const all = (await repository.contents()).referrers.get(digest) ?? [];
  const manifests = artifactType === null
    ? all
    : all.filter((one) => one.artifactType === artifactType);
  const body = encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  return {
    status: 200,
    headers: {
      "content-type": MediaType.index,
      "content-length": String(body.length),
      ...(artifactType === null ? {} : { "oci-filters-applied": "artifactType" }),
    },
    body,
  };
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

function notModified(d: Descriptor): Answer {
  return { status: 304, headers: { "docker-content-digest": d.digest, etag: etag(d) } };
}

function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(target)?.[1] ?? "");
}
