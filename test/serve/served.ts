/**
 * A running `kodeno serve` for one test, and requests to it as they are written.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type IncomingHttpHeaders, request } from "node:http";
import { spawnKodeno } from "../support/kodeno.ts";
import { until } from "../support/process.ts";
import type { TempDir } from "../support/temp.ts";

/** A server that answers at `host` until it is stopped. */
export interface Served extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  readonly port: number;
  /** Of the process. */
  readonly pid: number;
  /** What it printed on stderr so far. */
  log(): string;
  /** Tells it to stop; gives its exit code. */
  stop(signal?: Deno.Signal): Promise<number>;
}

/** The arguments that have kodeno serve a layout on a free port of the loopback address. */
export function serveArguments(layout: string): readonly string[] {
  return ["serve", layout, "--listen", "127.0.0.1:0"];
}

/** Starts `kodeno serve` with {@link serveArguments}. */
export async function startServe(layout: string, ...flags: readonly string[]): Promise<Served> {
  return await servedBy(spawnKodeno([...serveArguments(layout), ...flags]));
}

/** {@link startServe} of a layout in a folder that goes away with the server. */
export async function serveIn(
  dir: TempDir,
  layout: string,
  ...flags: readonly string[]
): Promise<Served> {
  const server = await startServe(layout, ...flags);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** What a process with {@link serveArguments} serves; both of its outputs are piped. */
export async function servedBy(child: Deno.ChildProcess): Promise<Served> {
  let log = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const found = (): string | undefined =>
    /Serving .* at https?:\/\/(127\.0\.0\.1:\d+)/.exec(log)?.[1];
  await until("kodeno serve is ready", () => ended || found() !== undefined).catch(() => {});
  const stop = async (signal: Deno.Signal = "SIGTERM"): Promise<number> => {
    if (!ended) child.kill(signal);
    const { code } = await status;
    await reading;
    await child.stdout.cancel().catch(() => {});
    return code;
  };
  const host = found();
  if (host === undefined) {
    await stop();
    assert.fail(`kodeno serve did not start: ${log}`);
  }
  const dispose = async (): Promise<void> => {
    await stop();
  };
  const port = Number(host.split(":")[1]);
  return { host, port, pid: child.pid, log: () => log, stop, [Symbol.asyncDispose]: dispose };
}

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request; the path goes out as it is written. */
export function ask(
  host: string,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  } = {},
): Promise<Answer> {
  const [hostname, port] = host.split(":");
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The JSON of an answer. */
export function jsonOf<T>(answer: Answer): T {
  return JSON.parse(answer.body.toString());
}

/** Checks that an answer is an error of the registry's own making; gives its message. */
export function assertRefused(answer: Answer, status: number, code: string): string {
  assert.equal(answer.status, status, answer.body.toString());
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["docker-distribution-api-version"], "registry/2.0");
  const [error] = jsonOf<{ errors: { code: string; message: string }[] }>(answer).errors;
  assert.equal(error?.code, code);
  return error?.message ?? "";
}
