/**
 * A registry in memory that does as the distribution specification says, but for what a script has it do
 * otherwise: the first rule that fits a request answers in its place, or changes what it would answer.
 * @module
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../../src/io/hash.ts";

/** A request that came in, with its whole body. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An answer, whole. */
export interface Reply {
  readonly status: number;
  /** Names in small letters. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, text, or what is written as JSON. */
  readonly body?: unknown;
}

/** What is done otherwise. */
export interface OddRule {
  /** The requests that it is about: all methods, and all addresses, unless given. */
  readonly method?: string;
  /** Found in path and query. */
  readonly url?: string | RegExp;
  /** How many of them, the first ones; all unless given. */
  readonly times?: number;
  /** What it answers: without looking, or made of what it would have answered. */
  readonly answer: Reply | ((asked: Asked, usual: () => Reply) => Reply);
}

/** A registry that answers until it goes out of scope. */
export interface OddRegistry extends AsyncDisposable {
  readonly host: string;
  /** Everything that came in, in order; a test may empty it. */
  readonly asked: Asked[];
  /** `METHOD path` of it, without queries, and with `ID` for uploads. */
  requests(): string[];
  /** Bytes by digest: blobs of all repositories. */
  readonly blobs: Map<string, Uint8Array>;
  /** Manifests by `REPOSITORY:TAG` and `REPOSITORY@DIGEST`. */
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Uint8Array }>;
}

/** Errors in the form of the specification. */
export function errorBody(code: string, message: string, detail?: unknown): object {
  return { errors: [{ code, message, detail }] };
}

/** An answer with one error. */
export function refusal(status: number, code: string, message: string): Reply {
  return { status, body: errorBody(code, message) };
}

/** Starts one. */
export async function startOddRegistry(rules: readonly OddRule[] = []): Promise<OddRegistry> {
  const asked: Asked[] = [];
  const left = new Map(rules.map((rule) => [rule, rule.times ?? Infinity]));
  const state: State = { blobs: new Map(), manifests: new Map(), uploads: new Map() };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const one = await readRequest(request);
      asked.push(one);
      const usual = () => usualReply(state, one);
      const rule = rules.find((rule) => (left.get(rule) ?? 0) > 0 && fits(rule, one));
      if (rule === undefined) return send(response, one, usual());
      left.set(rule, (left.get(rule) ?? 0) - 1);
      const { answer } = rule;
      send(response, one, typeof answer === "function" ? answer(one, usual) : answer);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    requests: () =>
      asked.map(({ method, url }) =>
        `${method} ${url.split("?")[0]?.replace(/(?<=uploads\/).+/, "ID")}`
      ),
    blobs: state.blobs,
    manifests: state.manifests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface State extends Pick<OddRegistry, "blobs" | "manifests"> {
  /** Bytes of uploads that go on. */
  readonly uploads: Map<string, Uint8Array>;
}

async function readRequest(request: IncomingMessage): Promise<Asked> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
  // A client that uses a socket of its own names the whole URL.
  const url = (request.url ?? "").replace(/^http:\/\/[^/]+/, "");
  return { method: request.method ?? "", url, headers, body: joined(chunks) };
}

function fits({ method, url }: OddRule, asked: Asked): boolean {
  if (method !== undefined && method !== asked.method) return false;
  return url === undefined ||
    (typeof url === "string" ? asked.url.includes(url) : url.test(asked.url));
}

function send(response: ServerResponse, { method }: Asked, { status, headers, body }: Reply): void {
  const isJson = typeof body === "object" && !(body instanceof Uint8Array);
  const text = isJson ? JSON.stringify(body) : body ?? "";
  const bytes = text instanceof Uint8Array ? text : new TextEncoder().encode(String(text));
  const type: Record<string, string> = isJson ? { "content-type": "application/json" } : {};
  const length = status === 204 ? {} : { "content-length": String(bytes.length) };
  response.writeHead(status, { ...length, ...type, ...headers });
  response.end(method === "HEAD" || status === 204 ? undefined : bytes);
}

/** What an honest registry answers. */
function usualReply(state: State, asked: Asked): Reply {
  const url = new URL(asked.url, "http://registry");
  if (url.pathname === "/v2/") return { status: 200, body: {} };
  const [, name = "", kind, rest = ""] =
    /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|tags|referrers)\/(.*)$/.exec(url.pathname) ?? [];
  switch (kind) {
    case "blobs/uploads":
      return uploadReply(state, asked, url, name, rest);
    case "blobs": {
      const bytes = state.blobs.get(rest);
      return bytes ? blobReply(bytes, rest, asked) : refusal(404, "BLOB_UNKNOWN", "blob unknown");
    }
    case "manifests":
      return manifestReply(state, asked, name, rest);
    case "tags": {
      const tags = [...state.manifests.keys()].filter((key) => key.startsWith(`${name}:`))
        .map((key) => key.slice(name.length + 1));
      if (tags.length === 0) return refusal(404, "NAME_UNKNOWN", "repository name not known");
      return { status: 200, body: { name, tags } };
    }
    default:
      return { status: 404, headers: { "content-type": "text/plain" }, body: "404 page not found" };
  }
}

function blobReply(bytes: Uint8Array, digest: string, { headers }: Asked): Reply {
  const told = { "content-type": "application/octet-stream", "docker-content-digest": digest };
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  if (first === undefined || last === undefined) return { status: 200, headers: told, body: bytes };
  const range = { "content-range": `bytes ${first}-${last}/${bytes.length}` };
  const part = bytes.subarray(Number(first), Number(last) + 1);
  return { status: 206, headers: { ...told, ...range }, body: part };
}

function uploadReply(
  { blobs, uploads }: State,
  { method, body }: Asked,
  { searchParams }: URL,
  name: string,
  id: string,
): Reply {
  const digest = searchParams.get("digest") ?? searchParams.get("mount") ?? "";
  const created = {
    status: 201,
    headers: { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest },
  };
  if (method === "POST") {
    if (searchParams.has("mount") && blobs.has(digest)) return created;
    const location = `/v2/${name}/blobs/uploads/${crypto.randomUUID()}`;
    uploads.set(location.split("/").at(-1) ?? "", new Uint8Array(0));
    return { status: 202, headers: { location } };
  }
  const before = uploads.get(id);
  if (before === undefined) return refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
  const bytes = joined([before, body]);
  const location = `/v2/${name}/blobs/uploads/${id}`;
  const range = `0-${Math.max(0, bytes.length - 1)}`;
  switch (method) {
    case "PATCH":
      uploads.set(id, bytes);
      return { status: 202, headers: { location, range } };
    case "GET":
      return { status: 204, headers: { location, range } };
    case "DELETE":
      uploads.delete(id);
      return { status: 204 };
    case "PUT":
      uploads.delete(id);
      if (sumOf(bytes, digest) !== digest) return refusal(400, "DIGEST_INVALID", "other content");
      blobs.set(digest, bytes);
      return created;
    default:
      return refusal(405, "UNSUPPORTED", "the operation is unsupported");
  }
}

function manifestReply({ manifests }: State, asked: Asked, name: string, ref: string): Reply {
  const key = `${name}${ref.includes(":") ? "@" : ":"}${ref}`;
  if (asked.method === "PUT") {
    const bytes = asked.body;
    const digest = ref.includes(":") ? sumOf(bytes, ref) : digestOf(bytes);
    if (ref.includes(":") && ref !== digest) return refusal(400, "DIGEST_INVALID", "other content");
    const entry = { type: asked.headers["content-type"] ?? "", bytes };
    manifests.set(key, entry);
    manifests.set(`${name}@${digest}`, entry);
    const location = `/v2/${name}/manifests/${digest}`;
    return { status: 201, headers: { location, "docker-content-digest": digest } };
  }
  const found = manifests.get(key);
  if (found === undefined) return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown");
  const { type, bytes } = found;
  const digest = ref.includes(":") ? ref : digestOf(bytes);
  const headers = { "content-type": type, "docker-content-digest": digest };
  return { status: 200, headers, body: bytes };
}

/** The digest of bytes by the algorithm of another one. */
function sumOf(bytes: Uint8Array, { length }: string): string {
  const algorithm = length > 100 ? "sha512" : "sha256";
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
