/**
 * Connections to `kodeno serve`, byte by byte: what is no request is refused with the right code, and
 * who neither asks nor reads is not waited for.
 * @module
 */
import assert from "node:assert/strict";
import type { ConnectionTimes } from "../../src/serve/connection.ts";
import { makeHandler } from "../../src/serve/handler.ts";
import { Listener } from "../../src/serve/server.ts";
import { soon } from "../support/fails.ts";
import { until } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { appLayout, BLOB, layer, openBlobs } from "./app_layout.ts";

/** A listener of a layout with one image. */
async function listening(times: Partial<ConnectionTimes> = {}) {
  const dir = await tempDir();
  const layout = await appLayout(dir.path);
  const usual = { idleMs: 20_000, headMs: 20_000, chunkMs: 20_000 };
  const address = { hostname: "127.0.0.1", port: 0 };
  const handler = makeHandler(layout, assert.fail);
  const listener = new Listener(address, handler, assert.fail, { ...usual, ...times });
  return {
    folder: dir.path,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }),
    async [Symbol.asyncDispose]() {
      await listener.stop(100);
      await dir[Symbol.asyncDispose]();
    },
  };
}

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** All that comes till the end of the connection, or till it is broken. */
async function rest(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

/** Sends bytes, and gives what comes back. */
async function exchange(
  { connect }: { connect(): Promise<Deno.Conn> },
  text: string,
): Promise<string> {
  using conn = await connect();
  const writing = (async () => {
    const all = bytes(text);
    for (let at = 0; at < all.length;) at += await conn.write(all.subarray(at));
  })().catch(() => {});
  const answer = await soon(rest(conn));
  await writing;
  return answer;
}

const HOST = "Host: x\r\n";
const CASES: readonly (readonly [what: string, request: string, status: number])[] = [
  ["a good request", `GET /v2/ HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 200],
  ["a whole URL", `GET http://any.where/v2/ HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 200],
  ["HTTP/1.0", "GET /v2/ HTTP/1.0\r\n\r\n", 200],
  ["another version", `GET /v2/ HTTP/9.9\r\n${HOST}\r\n`, 505],
  ["HTTP/2 in plain", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["no host", "GET /v2/ HTTP/1.1\r\n\r\n", 400],
  ["TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00", 400],
  ["SSH", "ssh-2.0-x\r\n", 400],
  ["a method in small letters", `get /v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["two blanks", `GET  /v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a control character in the path", `GET /v2/\x1b[2J HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a header without a colon", `GET /v2/ HTTP/1.1\r\n${HOST}what\r\n\r\n`, 400],
  ["a blank before a colon", `GET /v2/ HTTP/1.1\r\n${HOST}a : b\r\n\r\n`, 400],
  ["a header over two lines", `GET /v2/ HTTP/1.1\r\n${HOST}a: b\r\n c\r\n\r\n`, 400],
  ["NUL in a header", `GET /v2/ HTTP/1.1\r\n${HOST}a: \0\r\n\r\n`, 400],
  ["a length that is none", `GET /v2/ HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
  [
    "two lengths",
    `GET /v2/ HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
    400,
  ],
  [
    "a length and chunks",
    `GET /v2/ HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
  ],
  [
    "one length twice",
    `GET /v2/ HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
    400,
  ],
  [
    "chunks in HTTP/1.0",
    "GET /v2/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  [
    "chunks that are not the last coding",
    `GET /v2/ HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`,
    400,
  ],
  ["another coding", `GET /v2/ HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
  ["two hosts", `GET /v2/ HTTP/1.1\r\n${HOST}Host: y\r\nConnection: close\r\n\r\n`, 400],
  ["one host twice", `GET /v2/ HTTP/1.1\r\n${HOST}${HOST}Connection: close\r\n\r\n`, 400],
  ["two hosts in HTTP/1.0", `GET /v2/ HTTP/1.0\r\n${HOST}host: y\r\n\r\n`, 400],
  ["a host that is none", "GET /v2/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a host by its number", "GET /v2/ HTTP/1.0\r\nHost: [::1]:5000\r\n\r\n", 200],
  ["an empty host", "GET /v2/ HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200],
  ["an empty line before it", "\r\nGET /v2/ HTTP/1.0\r\n\r\n", 200],
  ["empty lines without end", "\r\n".repeat(100_000), 400],
  ["lines that end without a carriage return", `GET /v2/ HTTP/1.1\nHost: x\n\n`, 400],
  ["a blank before the first header", `GET /v2/ HTTP/1.1\r\n ${HOST}\r\n`, 400],
  ["a path without a slash", `GET v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a fragment", `GET /v2/#x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a star", `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a URL with a user", `GET http://me@any.where/v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a URL of another kind", `GET ftp://any.where/v2/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["another method", `OPTIONS * HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 405],
  ["a proxy's method", `CONNECT x:1 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 405],
  [
    "a body",
    `PUT /v2/app/manifests/v1 HTTP/1.1\r\n${HOST}Content-Length: 500000\r\n\r\n${
      "x".repeat(500_000)
    }`,
    405,
  ],
  [
    "a body that waits for leave",
    `PUT /v2/ HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    405,
  ],
  ["a path that leads up", `GET /v2/../../x HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 400],
  ["a long path", `GET /v2/${"x".repeat(5000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ["a path of 2 MB", `GET /v2/${"x".repeat(2_000_000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
  ["a long header", `GET /v2/ HTTP/1.1\r\n${HOST}a: ${"x".repeat(17_000)}\r\n\r\n`, 431],
  ["a header of 2 MB", `GET /v2/ HTTP/1.1\r\n${HOST}a: ${"x".repeat(2_000_000)}\r\n\r\n`, 431],
  ["many headers", `GET /v2/ HTTP/1.1\r\n${HOST}${"a: b\r\n".repeat(100_000)}\r\n`, 431],
];

Deno.test("serve connections: what is a request, and what is none", async (t) => {
  await using server = await listening();
  for (const [what, request, status] of CASES) {
    await t.step(what, async () => {
      const answer = await exchange(server, request);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`), answer.slice(0, 300));
      if (status !== 200) {
        assert.match(answer, /\{"errors":\[\{"code":"[A-Z_]+","message":".+"\}\]\}\n$/);
      }
      // Nobody else has to suffer for it.
      assert.match(await exchange(server, `GET /v2/ HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 OK\r\n/);
    });
  }
});

Deno.test("serve connections: requests one after the other, and several at once", async () => {
  await using server = await listening();
  using conn = await server.connect();
  const get = (path: string, more = "") => bytes(`GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`);
  const buffer = new Uint8Array(4096);
  for (let i = 0; i < 3; i++) {
    // In pieces, as networks deliver them.
    for (const byte of get("/v2/")) await conn.write(Uint8Array.of(byte));
    const length = await soon(conn.read(buffer)) ?? 0;
    const text = new TextDecoder().decode(buffer.subarray(0, length));
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*connection: keep-alive\r\n\r\n\{\}\n$/);
  }
  const head = new TextDecoder().decode(get("/v2/_catalog")).replace("GET", "HEAD");
  const all = [get("/v2/_catalog"), bytes(head), get("/v2/app/tags/list", "Connection: close\r\n")];
  for (const one of all) await conn.write(one);
  const answers = (await soon(rest(conn))).split(/(?=HTTP\/1\.1 )/);
  assert.equal(answers.length, 3);
  assert.match(answers[0] ?? "", /\r\n\r\n\{"repositories":\["app"\]\}\n$/);
  assert.match(answers[1] ?? "", /content-length: 25\r\n[^]*\r\n\r\n$/);
  assert.match(answers[2] ?? "", /\r\n\r\n\{"name":"app","tags":\["v1"\]\}\n$/);
});

/** Milliseconds till the server has ended a connection. */
async function tillEnd(conn: Deno.Conn): Promise<number> {
  const began = performance.now();
  await soon(rest(conn));
  return performance.now() - began;
}

Deno.test("serve connections: who asks for nothing is not waited for", async () => {
  await using server = await listening({ idleMs: 300 });
  using conn = await server.connect();
  assert.ok(await tillEnd(conn) >= 250);
});

Deno.test("serve connections: a request that drips is not waited for", async () => {
  await using server = await listening({ headMs: 400 });
  using conn = await server.connect();
  let over = false;
  const dripping = (async () => {
    for (const byte of bytes(`GET /v2/ HTTP/1.1\r\n${HOST}${"a: b\r\n".repeat(1000)}`)) {
      if (over) return;
      await conn.write(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })().catch(() => {});
  assert.ok(await tillEnd(conn) >= 350);
  over = true;
  await dripping;
});

Deno.test("serve connections: a request that comes in parts after a pause is answered", async () => {
  await using server = await listening({ headMs: 1000 });
  using conn = await server.connect();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  // The time of a head is from its first byte on, and not from that of the connection.
  await pause(1200);
  await conn.write(bytes("\r"));
  await conn.write(bytes("\nGET /v2/ HT"));
  await pause(100);
  await conn.write(bytes(`TP/1.1\r\n${HOST}Connection: close\r\n\r\n`));
  assert.match(await soon(rest(conn)), /^HTTP\/1\.1 200 OK\r\n/);
});

for (const [what, pace] of [["nothing", 0], ["little", 1000]] as const) {
  Deno.test(`serve connections: a client that reads ${what} of a blob is not waited for`, async () => {
    await using server = await listening({ chunkMs: 500 });
    const conns = await Promise.all(Array.from({ length: 30 }, () => server.connect()));
    let over = false;
    const reading = conns.map(async (conn) => {
      await conn.write(bytes(`GET ${BLOB} HTTP/1.1\r\n${HOST}\r\n`));
      while (pace > 0 && !over) {
        await conn.read(new Uint8Array(pace));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    await until("the blobs are being read", () => openBlobs(Deno.pid, server.folder) === 30);
    await until("all of them are given up", () => openBlobs(Deno.pid, server.folder) === 0);
    over = true;
    await Promise.allSettled(reading);
    for (const conn of conns) {
      const got = await soon(rest(conn));
      assert.ok(got.length < layer.bytes.length, "all of it came");
      conn.close();
    }
    // Who reads gets all of it.
    const whole = await exchange(server, `GET ${BLOB} HTTP/1.0\r\n\r\n`);
    assert.ok(whole.length > layer.bytes.length);
  });
}
