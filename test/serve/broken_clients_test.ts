/**
 * Two hundred pulls at once from `kodeno serve`, half of them by clients that break off: it stays
 * up, its memory flat, and it keeps no file open. It stays up, too, where it may open few files.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { until } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { kodenoCommand, kodenoEnvironment } from "../support/kodeno.ts";
import { appLayout, BLOB, layer, openBlobs } from "./app_layout.ts";
import { ask, serveArguments, type Served, servedBy, startServe } from "./served.ts";

const PULLS = 200;

const linux = Deno.build.os === "linux" ? {} : { ignore: true };

async function residentMiB(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]) / 1024;
}

type Manner = "whole" | "some" | "none" | "stuck" | "range";

Deno.test({
  name: "serve: 200 pulls at once by clients of which half break off",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    await appLayout(dir.join("layout"));
    await using server = await startServe(dir.join("layout"));
    const { port } = server;

    const pull = async (manner: Manner): Promise<boolean> => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      try {
        const range = manner === "range" ? "Range: bytes=1-16000000\r\n" : "";
        const head = `GET ${BLOB} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${range}\r\n`;
        await connection.write(new TextEncoder().encode(head));
        if (manner === "none") return false;
        const buffer = new Uint8Array(64 * 1024);
        if (manner !== "whole") {
          await connection.read(buffer);
          if (manner === "stuck") await new Promise((resolve) => setTimeout(resolve, 500));
          return false;
        }
        const hash = createHash("sha256");
        let headers: Uint8Array | undefined = new Uint8Array(0);
        for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
          let chunk = buffer.subarray(0, n);
          if (headers !== undefined) {
            const all: Uint8Array = new Uint8Array([...headers, ...chunk]);
            const end = new TextDecoder("latin1").decode(all).indexOf("\r\n\r\n");
            headers = end < 0 ? all : undefined;
            if (end < 0) continue;
            chunk = all.subarray(end + 4) as Uint8Array<ArrayBuffer>;
          }
          hash.update(chunk);
        }
        return `sha256:${hash.digest("hex")}` === layer.descriptor.digest;
      } finally {
        connection.close();
      }
    };
    const manners: readonly Manner[] = [
      "whole",
      "some",
      "whole",
      "none",
      "whole",
      "stuck",
      "whole",
      "range",
    ];
    const round = async (): Promise<number> => {
      const work = Array.from(
        { length: PULLS },
        (_, i) => pull(manners[i % manners.length] ?? "none"),
      );
      return (await Promise.all(work)).filter((whole) => whole).length;
    };

    const peaks: number[] = [];
    for (let i = 0; i < 4; i++) {
      assert.equal(await round(), PULLS / 2, server.log());
      peaks.push(await residentMiB(server.pid));
    }
    const told = `MiB after each round: ${peaks.map(Math.round).join(" ")}`;
    assert.ok(Math.max(...peaks) < 220, told);
    assert.ok((peaks.at(-1) ?? 0) - (peaks[0] ?? 0) < 40, told);
    await until("all blobs are closed", () => openBlobs(server.pid) === 0);
    assert.equal((await ask(server.host, BLOB)).body.length, layer.bytes.length);
    assert.equal(await server.stop(), 0);
    // What it says when it begins, and nothing after that.
    assert.equal(server.log().trim().split("\n").length, 2, server.log());
  },
});

/** Starts `kodeno serve` as a process that may open so many files only. */
async function startLimited(files: number, layout: string): Promise<Served> {
  // The shell lowers the limit for the program that takes its place.
  const args = ["-c", `ulimit -n ${files}; exec "$@"`, "sh"];
  const child = new Deno.Command("sh", {
    args: [...args, ...kodenoCommand(), ...serveArguments(layout)],
    env: kodenoEnvironment(),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return await servedBy(child);
}

Deno.test({
  name: "serve: with more connections than it may open files it stays up",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    await appLayout(dir.join("layout"));
    await using server = await startLimited(96, dir.join("layout"));
    const { host, port } = server;
    const connections: Deno.Conn[] = [];
    try {
      const connecting = Array.from({ length: 200 }, async () => {
        connections.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      });
      await Promise.allSettled(connecting);
      // Half of them stay open, and do not keep others out.
      for (const connection of connections.splice(0, 30)) connection.close();
      const works = async (): Promise<boolean> => {
        const answer = await ask(host, "/v2/app/manifests/v1").catch(() => undefined);
        return answer?.status === 200;
      };
      await until("it answers again", works);
      await until("it is told", () => /Too many connections were open/.test(server.log()));
    } finally {
      for (const connection of connections) connection.close();
    }
    assert.equal(await server.stop(), 0, server.log());
  },
});

Deno.test({
  name: "serve: a blob that cannot be opened for want of files can be asked for again",
  ...linux,
  async fn() {
    await using dir = await tempDir();
    await appLayout(dir.join("layout"));
    await using server = await startLimited(64, dir.join("layout"));
    const { host, port } = server;
    // What is in the repository is known from here on.
    assert.equal((await ask(host, "/v2/app/manifests/v1")).status, 200);
    const head = new TextEncoder().encode(`GET ${BLOB} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const connections: Deno.Conn[] = [];
    const lines = new Set<string>();
    // Each takes one file more for its blob, and reads nothing but the beginning.
    const asking = Array.from({ length: 60 }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connections.push(connection);
      await connection.write(head);
      const begin = new Uint8Array("HTTP/1.1 200".length);
      if (await connection.read(begin) !== null) lines.add(new TextDecoder().decode(begin));
    });
    try {
      await until("one is refused", () => [...lines].some((line) => !line.endsWith(" 200")));
    } finally {
      for (const connection of connections) connection.close();
      await Promise.allSettled(asking);
    }
    assert.deepEqual([...lines].sort(), ["HTTP/1.1 200", "HTTP/1.1 503"], server.log());
    assert.equal(await server.stop(), 0, server.log());
  },
});
