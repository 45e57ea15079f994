/**
 * Registries that refuse: what they say is told, and to log in only where that may help.
 * @module
 */
import assert from "node:assert/strict";
import type { Credential } from "../../src/place/registry/credentials.ts";
import { openRegistry, type RegistryStore } from "../../src/place/registry/registry.ts";
import { type OddRule, refusal, type Reply, startOddRegistry } from "../interop/odd_registry.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";
import { push, small } from "./fault_lab.ts";

const USER: Credential = { kind: "password", username: "ali", password: "open sesame" };
const graph = imageGraph("words");
const LOGIN = /; run "kodeno login 127\.0\.0\.1:\d+"$/;

async function asking(
  credential: Credential | undefined,
  rules: readonly OddRule[],
  work: (store: RegistryStore) => Promise<void>,
): Promise<void> {
  await using odd = await startOddRegistry(rules);
  const credentials = () => Promise.resolve(credential);
  await using store = openRegistry(`${odd.host}/team/app`, { credentials, retry: { baseMs: 1 } });
  await work(store);
}

/** Refuses to take anything, in one way. */
const closed = (answer: Reply): OddRule[] => [{ method: "POST", answer }];
const challenge = { "www-authenticate": 'Basic realm="x"' };

Deno.test("registry words: a quota reads as one, and nobody is sent to log in again", async () => {
  const quota = refusal(403, "DENIED", "adding 3 MiB would exceed the quota of 10 GiB\n");
  const said =
    /^Cannot push blob .*: registry answered 403 \(DENIED: adding 3 MiB would exceed the quota of 10 GiB\)$/;
  await asking(USER, closed(quota), async (store) => {
    await failsWith("UNAUTHORIZED", () => push(store, small), said);
  });
  // Whoever has not said who they are may have another one.
  await asking(undefined, closed(quota), async (store) => {
    await failsWith("UNAUTHORIZED", () => push(store, small), /of 10 GiB\)/);
    await failsWith("UNAUTHORIZED", () => push(store, small), LOGIN);
  });
  await asking(USER, closed({ status: 403 }), async (store) => {
    const why = /answered 403; the login for 127\.0\.0\.1:\d+ may not do that$/;
    await failsWith("UNAUTHORIZED", () => store.check(), why);
  });
});

Deno.test("registry words: a login that is not taken is told to be made again", async () => {
  const refused = refusal(401, "UNAUTHORIZED", "the token is of last year");
  const rules = closed({ ...refused, headers: challenge });
  const said = [
    [USER, /registry answered 401 \(UNAUTHORIZED: the token is of last year\); run/],
    [undefined, /: not logged in \(401\): UNAUTHORIZED: the token is of last year; run/],
  ] as const;
  for (const [credential, why] of said) {
    await asking(credential, rules, async (store) => {
      await failsWith("UNAUTHORIZED", () => store.check(), why);
      await failsWith("UNAUTHORIZED", () => store.check(), LOGIN);
    });
  }
});

Deno.test("registry words: a login is shown to those who ask for it only at their root", async () => {
  const rules: readonly OddRule[] = [{
    answer: ({ url, headers: { authorization } }, usual) => {
      if (authorization !== undefined) return usual();
      return url === "/v2/" ? { status: 401, headers: challenge } : refusal(403, "DENIED", "who?");
    },
  }];
  await asking(USER, rules, async (store) => {
    await store.check();
    await push(store, small);
  });
  await asking(undefined, rules, async (store) => {
    await failsWith("UNAUTHORIZED", () => store.check(), /403 \(DENIED: who\?\)/);
    await failsWith("UNAUTHORIZED", () => store.check(), LOGIN);
  });
});

Deno.test("registry words: a tag that may not change, and a name that is not there", async () => {
  const cases: readonly (readonly [Reply, RegExp])[] = [
    [
      refusal(400, "TAG_INVALID", "The tag v1 is immutable"),
      /^Cannot push \S+:v1: registry answered 400 \(TAG_INVALID: The tag v1 is immutable\)$/,
    ],
    [
      refusal(409, "CONFLICT", "tag v1 exists already"),
      /^Cannot push \S+:v1: registry answered 409 \(CONFLICT: tag v1 exists already\)$/,
    ],
    [
      refusal(412, "PRECONDITION", "configured as immutable"),
      /answered 412 \(PRECONDITION: configured as immutable\)$/,
    ],
    [
      refusal(413, "DENIED", "the quota is used up"),
      /answered 413 \(DENIED: the quota is used up\)$/,
    ],
    [
      refusal(413, "SIZE_INVALID", "more than 4 MiB"),
      /answered 413 \(SIZE_INVALID: more than 4 MiB\); let it, or the proxy before it, take larger/,
    ],
    [
      { status: 405, headers: { "content-type": "text/plain" }, body: "read-only today\n" },
      /answered 405 \(read-only today\)$/,
    ],
  ];
  for (const [answer, message] of cases) {
    await asking(USER, [{ method: "PUT", url: "/manifests/v1", answer }], async (store) => {
      await pushAll(store, graph.blobs);
      await failsWith("REGISTRY_FAILED", () => store.tag(graph.root.descriptor, "v1"), message);
    });
  }
  const unknown = refusal(404, "NAME_UNKNOWN", "The repository team/app does not exist");
  await asking(USER, closed(unknown), async (store) => {
    const why = /answered 404 \(NAME_UNKNOWN: The repository team\/app does not exist\)$/;
    await failsWith("REGISTRY_FAILED", () => store.check(), why);
  });
});

Deno.test("registry words: an answer to HEAD has none, so that GET is asked for them", async () => {
  const gone = refusal(403, "DENIED", "project team is frozen");
  await asking(USER, [{ answer: gone }], async (store) => {
    const why = /answered 403 \(DENIED: project team is frozen\)$/;
    await failsWith("UNAUTHORIZED", () => store.resolve("v1"), why);
    await failsWith("UNAUTHORIZED", () => store.has(small.descriptor), why);
    await failsWith("UNAUTHORIZED", () => store.has(graph.root.descriptor), why);
  });
  const broken = refusal(500, "UNKNOWN", "the disk is gone");
  await asking(USER, [{ answer: broken }], async (store) => {
    const why = /answered 500 \(UNKNOWN: the disk is gone\)$/;
    await failsWith("REGISTRY_FAILED", () => store.resolve("v1"), why);
    await failsWith("REGISTRY_FAILED", () => store.has(small.descriptor), why);
  });
});

Deno.test("registry words: what is not there is told with the reason for it", async () => {
  const cases: readonly (readonly [Reply, string])[] = [
    [
      refusal(404, "NAME_UNKNOWN", "there is no project team"),
      " (NAME_UNKNOWN: there is no project team)",
    ],
    [{ status: 404, headers: { "content-type": "text/html" }, body: "<html>no</html>" }, ""],
  ];
  for (const [answer, said] of cases) {
    await asking(USER, [{ answer }], async (store) => {
      const why = `the registry does not have it${said}`;
      const tried = await failsWith("NOT_FOUND", () => store.resolve("v1"));
      assert.equal(tried.message, `Cannot pull ${store.name}:v1: ${why}`);
      const listed = await failsWith("NOT_FOUND", () => store.tags());
      assert.equal(listed.message, `Cannot list tags of ${store.name}: ${why}`);
      const { digest } = small.descriptor;
      const pulled = await failsWith("NOT_FOUND", () => store.fetch(small.descriptor));
      assert.equal(pulled.message, `Cannot pull blob ${digest} from ${store.name}: ${why}`);
    });
  }
});

Deno.test("registry words: nobody is sent to log in for what a storage refuses", async () => {
  const message = "Request has expired";
  const rules: readonly OddRule[] = [
    {
      url: "/storage/",
      answer: {
        status: 403,
        body: `<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`,
      },
    },
    {
      url: "/blobs/",
      answer: ({ headers: { host = "" } }) => ({
        status: 307,
        headers: { location: `http://localhost:${host.split(":")[1]}/storage/x?sig=secret` },
      }),
    },
  ];
  for (const credential of [USER, undefined]) {
    await asking(credential, rules, async (store) => {
      const why = /: localhost:\d+ answered 403 \(AccessDenied: Request has expired\)$/;
      await failsWith("UNAUTHORIZED", () => store.fetch(small.descriptor), why);
    });
  }
});

Deno.test("registry words: those of a token server are told, too, and no secret in them", async () => {
  const basic = btoa("ali:open sesame");
  const said: Reply = {
    status: 403,
    body: { details: `ali:open sesame (Basic ${basic}) is locked; see https://x.local/?t=1` },
  };
  await using odd = await startOddRegistry([
    { url: "/token", answer: said },
    {
      answer: ({ headers: { host } }) => ({
        status: 401,
        headers: { "www-authenticate": `Bearer realm="http://${host}/token"` },
      }),
    },
  ]);
  const credentials = () => Promise.resolve(USER);
  await using store = openRegistry(`${odd.host}/app`, { credentials });
  const error = await failsWith("UNAUTHORIZED", () => store.check());
  assert.equal(
    error.message,
    `Cannot push to ${odd.host}/app: token server ${odd.host} answered 403 ` +
      "(ali:*** (Basic ***) is locked; see https://x.local/?...)",
  );
});

Deno.test("registry words: what a registry warns of is told, each thing once", async () => {
  const warning =
    '299 - "moves to \\"new.local\\" soon\u0007", 299 - "open sesame expires", 199 x "no"';
  await using odd = await startOddRegistry([{
    answer: ({ headers: { authorization } }, usual) => {
      if (authorization === undefined) return { status: 401, headers: challenge };
      const reply = usual();
      return {
        ...reply,
        headers: { ...reply.headers, warning: warning.replace("\u0007", "\u0080") },
      };
    },
  }]);
  const told: string[] = [];
  await using store = openRegistry(`${odd.host}/app`, {
    credentials: () => Promise.resolve(USER),
    onWarning: (message) => told.push(message),
  });
  await push(store, small);
  await failsWith("NOT_FOUND", () => store.tags());
  const from = `Registry ${odd.host} warns:`;
  assert.deepEqual(told, [`${from} moves to "new.local" soon`, `${from} *** expires`]);
});

Deno.test("registry words: the command line says them in one line", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": graph });
  const message = "quota of project team\r\n\u001b[2Jis used up";
  await using odd = await startOddRegistry(closed(refusal(403, "DENIED", message)));
  const auths = { [odd.host]: { auth: btoa("ali:open sesame") } };
  await dir.write("docker/config.json", JSON.stringify({ auths }));
  const env = { DOCKER_CONFIG: dir.join("docker") };
  const { code, stderr } = await kodeno(["push", "out", "--to", odd.host], { cwd: dir.path, env });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Error: Cannot push .*registry answered 403 \(DENIED: quota of project team \[2Jis used up\)\n$/,
  );
});
