/**
 * Registries that ask to wait: how long is told at once, and what would take too long ends with what
 * they say.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { openRegistry, type RegistryStore } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import { type OddRule, refusal, type Reply, startOddRegistry } from "../interop/odd_registry.ts";
import { failsWith, soon } from "../support/fails.ts";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";
import { push, small } from "./fault_lab.ts";

const slow = (retryAfter: string, status = 429): Reply => ({
  ...refusal(status, "TOOMANYREQUESTS", "pull rate limit of team reached"),
  headers: { "retry-after": retryAfter },
});

async function asking(
  rules: readonly OddRule[],
  work: (store: RegistryStore, told: readonly [string, number | undefined][]) => Promise<void>,
  options: RegistryOptions = {},
): Promise<void> {
  await using odd = await startOddRegistry(rules);
  const told: [string, number | undefined][] = [];
  await using store = openRegistry(`${odd.host}/team/app`, {
    credentials: () => Promise.resolve(undefined),
    onDelay: (message, waitMs) => told.push([message, waitMs]),
    ...options,
  });
  await work(store, told);
}

Deno.test("registry waits: more than two minutes ends at once with the registry's words", async () => {
  const why = new RegExp(
    "registry answered 429 \\(TOOMANYREQUESTS: pull rate limit of team reached\\); " +
      "it asks to wait 60 min; run it again then$",
  );
  const calls: readonly ((store: RegistryStore) => Promise<unknown>)[] = [
    (store) => store.resolve("v1"),
    (store) => store.tags(),
    (store) => store.has(small.descriptor),
    (store) => store.check(),
    (store) => push(store, small),
  ];
  for (const call of calls) {
    await asking([{ answer: slow("3600") }], async (store, told) => {
      await soon(failsWith("REGISTRY_FAILED", () => call(store), why));
      assert.deepEqual(told, []);
    });
  }
  // In the middle of an upload, by those who overload themselves, and of what no other try would change.
  for (const [method, status] of [["PUT", 429], ["POST", 503], ["POST", 404]] as const) {
    await asking([{ method, answer: slow("3600", status) }], async (store) => {
      const late = /pull rate limit of team reached\); it asks to wait 60 min; run it again then$/;
      await soon(failsWith("REGISTRY_FAILED", () => push(store, small), late));
    });
  }
});

Deno.test("registry waits: a login that has had too much is told to come later", async () => {
  const credentials = () =>
    Promise.resolve({ kind: "password", username: "ali", password: "open sesame" } as const);
  await asking([{ answer: slow("3600", 403) }], async (store) => {
    const why = /answered 403 \(.*team reached\); it asks to wait 60 min; run it again then$/;
    await soon(failsWith("UNAUTHORIZED", () => store.check(), why));
  }, { credentials });
});

Deno.test("registry waits: so does a token server that asks for it", async () => {
  const rules: OddRule[] = [
    { url: "/token", answer: slow("3600") },
    {
      answer: ({ headers: { host } }) => ({
        status: 401,
        headers: { "www-authenticate": `Bearer realm="http://${host}/token"` },
      }),
    },
  ];
  await asking(rules, async (store, told) => {
    const why = /token server \S+ answered 429 \(.*team reached\); it asks to wait 60 min; run/;
    await soon(failsWith("REGISTRY_FAILED", () => store.tags(), why));
    assert.deepEqual(told, []);
  });
});

Deno.test("registry waits: all waits of one request together have a bound", async () => {
  const retry = { baseMs: 1, maxRetryAfterMs: 1500 };
  await asking([{ answer: slow("1") }], async (store, told) => {
    await soon(failsWith("REGISTRY_FAILED", () => store.tags(), /answered 429 .*team reached/));
    assert.equal(told.length, 1);
  }, { retry });
});

Deno.test("registry waits: one that a person notices is told before it begins, and once", async () => {
  const rules: OddRule[] = [
    { url: "/tags/", times: 1, answer: slow("2") },
    { url: "/manifests/", times: 1, answer: slow("2") },
  ];
  await asking(rules, async (store, told) => {
    const began = performance.now();
    const asked = Promise.allSettled([store.tags(), store.resolve("v1")]);
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(performance.now() - began < 1500);
    const waits = told.map(([, waitMs]) => waitMs);
    // The other one waits for the same.
    assert.deepEqual(waits.filter((ms) => ms === undefined).length, 1, String(waits));
    assert.ok(waits.some((ms) => ms !== undefined && ms >= 2000 && ms < 2500), String(waits));
    const said = /: registry answered 429.*; trying again in 2\.\d s \(1 of 5\)$/;
    for (const [message] of told) assert.match(message, said);
    await soon(asked);
  });
});

Deno.test("registry waits: one in the middle of an upload is told as any other", async () => {
  await asking([{ method: "PUT", times: 1, answer: slow("2") }], async (store, told) => {
    await soon(push(store, small));
    const [[message = ""] = [], ...others] = told;
    assert.deepEqual(others, []);
    assert.match(
      message,
      /^Could not push blob \S+ to \S+: registry answered 429 \(.*reached\); trying again in 2\.\d s \(1 of 5\)$/,
    );
  });
});

Deno.test("registry waits: a mirror that asks for it is told of once, and left alone", async () => {
  const graph = imageGraph("mirrored");
  await using odd = await startOddRegistry();
  await using mirror = await startOddRegistry([{ answer: slow("3600") }]);
  await using origin = openRegistry(`${odd.host}/app`);
  await pushAll(origin, graph.blobs);
  await origin.tag(graph.root.descriptor, "v1");
  const told: string[] = [];
  await using store = openRegistry(`${odd.host}/app`, {
    mirrors: { [odd.host]: mirror.host },
    onWarning: (message) => told.push(message),
  });
  const target = new MemoryStore();
  await soon(copy(store, "v1", target));
  assert.equal((await verify(target, graph.root.descriptor)).blobs, graph.blobs.length);
  const [warning = "", ...others] = told;
  assert.match(warning, /it asks to wait 60 min; .*; asking 127\.0\.0\.1:\d+ instead$/);
  assert.deepEqual(others, []);
  const asked = "/v2/app/manifests/v1";
  assert.deepEqual(mirror.requests(), [`HEAD ${asked}`, `GET ${asked}`]);
});

Deno.test("registry waits: the command line tells of one, and --json how long it is", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": imageGraph("waits") });
  for (const json of [[], ["--json"]]) {
    const rules = [{ method: "PUT", url: "/manifests/v1", times: 1, answer: slow("2") }];
    await using odd = await startOddRegistry(rules);
    const args = ["push", "out", "--to", odd.host, ...json];
    const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 0, stderr);
    const said =
      /^Could not push \S+:v1: registry answered 429 \(TOOMANYREQUESTS: pull rate limit/m;
    if (json.length === 0) {
      assert.match(stderr, said);
      continue;
    }
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    const [wait, ...others] = events.filter(({ waitMs }) => waitMs !== undefined);
    assert.deepEqual(others, []);
    assert.deepEqual([wait.type, wait.level], ["note", "info"]);
    assert.ok(wait.waitMs >= 2000 && wait.waitMs < 2500);
    assert.match(wait.message, said);
  }
});

Deno.test("registry waits: deps tells of one, which tells little else", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const graph = imageGraph("base");
  const rules = [{ method: "HEAD", url: "/manifests/v1", times: 1, answer: slow("2") }];
  await using odd = await startOddRegistry(rules);
  await using store = openRegistry(`${odd.host}/base`);
  await pushAll(store, graph.blobs);
  await store.tag(graph.root.descriptor, "v1");
  const base = ["--base-image", `${odd.host}/base:v1`, "--platform", "all"];
  const { code, stdout, stderr } = await kodeno(["deps", ".", ...base, "--json"], {
    cwd: dir.path,
  });
  assert.equal(code, 0, stderr);
  assert.ok(JSON.parse(stdout).includes("go.mod"));
  assert.match(stderr, /^Could not find \S+:v1: registry answered 429; trying again in 2\.\d s/);
});
