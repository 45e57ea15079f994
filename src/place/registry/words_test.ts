/**
 * What registries, token servers and proxies say of errors, and what of that is shown.
 * @module
 */
import assert from "node:assert/strict";
import { bytesStream } from "../../io/streams.ts";
import { readErrorAnswer } from "./words.ts";

/** What is told of an answer with a body: text as it is, anything else as JSON. */
async function read(body: unknown, type = "application/json", secrets: readonly string[] = []) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = {
    url: new URL("https://reg.local/v2/"),
    status: 403,
    headers: new Headers({ "content-type": type }),
    body: bytesStream(new TextEncoder().encode(text)),
  };
  return await readErrorAnswer("refused", answer, secrets);
}

const shown = async (...args: Parameters<typeof read>) =>
  (await read(...args)).why.replace(/^refused ?/, "");

Deno.test("words: messages are told in each of the forms that are around", async () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [{ errors: [{ code: "DENIED", message: "quota exceeded" }] }, "(DENIED: quota exceeded)"],
    [
      {
        errors: [{ code: "A_B", message: "one" }, { code: "A_B", message: "one" }, { code: "CD" }],
      },
      "(A_B: one; CD)",
    ],
    // As GitHub and Artifactory have it.
    [{ errors: [{ code: "DENIED", message: "denied" }] }, "(DENIED)"],
    [{ errors: [{ status: 403, message: "not here" }] }, "(not here)"],
    [{ errors: [{ code: "UNKNOWN", detail: "only that" }] }, "(UNKNOWN: only that)"],
    [{ errors: [{ code: "UNKNOWN", message: "", detail: { name: "x" } }] }, "(UNKNOWN)"],
    [{ errors: ["one", "two"] }, "(one; two)"],
    [{ errors: "one" }, "(one)"],
    [{ errors: [], message: "one" }, "(one)"],
    [{ details: "incorrect username or password" }, "(incorrect username or password)"],
    [{ error: "invalid_grant", error_description: "it is over" }, "(it is over)"],
    [{ error: "invalid_grant" }, "(invalid_grant)"],
    [{ title: "Forbidden", status: 403 }, "(Forbidden)"],
    [{ title: "Forbidden", detail: "the quota is used up" }, "(the quota is used up)"],
    [{ error: { code: 403, message: "no", status: "PERMISSION_DENIED" } }, "(no)"],
    [{ errors: [{ code: "not a code", message: "no" }] }, "(no)"],
    [{ errors: [{ code: "\u001b[31m", message: 1 }, null, 7, []] }, ""],
    [null, ""],
    [7, ""],
    [[], ""],
    ["", ""],
  ];
  for (const [body, expected] of cases) {
    assert.equal(await shown(body), expected, JSON.stringify(body));
  }
  assert.equal(await shown("disk is full\n", "text/plain; charset=utf-8"), "(disk is full)");
  assert.equal(await shown("disk is full", ""), "(disk is full)");
  assert.equal(await shown("[proxy] no way", "text/plain"), "([proxy] no way)");
  assert.equal(await shown("<html>no</html>", "text/plain"), "");
  assert.equal(await shown("<html>no</html>", "text/html"), "");
  assert.equal(await shown("disk is full", "application/json"), "");
});

Deno.test("words: codes are kept, and whether there is more", async () => {
  const { error } = await read({ errors: [{ code: "DENIED" }, { code: "denied", message: "" }] });
  assert.deepEqual(error, {
    status: 403,
    codes: ["DENIED"],
    hasWords: false,
    retryAfterMs: undefined,
  });
  assert.equal((await read({ errors: [{ code: "A", message: "b" }] })).error.hasWords, true);
  assert.equal((await read({ message: "b" })).error.hasWords, true);
});

Deno.test("words: those of storages, and the first ones of what is not whole", async () => {
  const xml = "<Error><Code>AccessDenied</Code><Message>Request has\n expired</Message></Error>";
  for (const text of [xml, `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`]) {
    assert.equal(await shown(text, "application/xml"), "(AccessDenied: Request has expired)");
  }
  assert.equal(await shown("<?xml version='1.0'?><html>no</html>", "text/xml"), "");

  const long = { errors: [{ code: "DENIED", message: "quota", detail: "x".repeat(100_000) }] };
  assert.equal(await shown(long), "(DENIED: quota)");
  const endless = await shown({ message: "x".repeat(10_000_000) });
  assert.equal(endless, `(${"x".repeat(300)} ...)`);
  const cases: readonly (readonly [string, string])[] = [
    [
      '{"errors":[{"code":"DENIED","message":"say \\"no\\"\\u001b[2J to',
      '(DENIED: say "no" [2J to)',
    ],
    ['{"errors":[{"message":"two\nlines"}]}', "(two lines)"],
    ['{"errors":[{"code":"DENIED","mess', "(DENIED)"],
    ['{"errors":[', ""],
  ];
  for (const [text, expected] of cases) assert.equal(await shown(text), expected, text);

  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('{"message":"the disk is'));
      controller.error(new Error("gone"));
    },
  });
  const answer = { url: new URL("https://reg.local/"), status: 500, headers: new Headers() };
  assert.equal((await readErrorAnswer("no", { ...answer, body: broken })).why, "no (the disk is)");
});

Deno.test("words: what a terminal would obey is left out, and what is too long", async () => {
  const message = "\u001b[2Ja\r\n\tb\u2028c\u202ed\u200b\u0007";
  assert.equal(await shown({ message }), "([2Ja b cd)");
  const long = await shown({ message: "x".repeat(5000) });
  assert.equal(long, `(${"x".repeat(300)} ...)`);
  const many = await shown({ errors: Array.from({ length: 50 }, (_, i) => `${i} `.repeat(150)) });
  assert.ok(many.length < 1100, String(many.length));
  let nested: unknown = "deep";
  for (let i = 0; i < 1000; i++) nested = { error: nested };
  assert.equal(await shown(nested), "");
  const began = performance.now();
  for (const part of ["a.", "a:", "a://", "eyJ", "Basic ", "https://a?b "]) {
    await shown({ message: part.repeat(60_000 / part.length) });
  }
  assert.ok(performance.now() - began < 2000);
});

Deno.test("words: secrets that are said again are left out", async () => {
  const secrets = ["hunter2 and", btoa("me:hunter2 and"), "abc"];
  const cases: readonly (readonly [string, string])[] = [
    ["you are me:hunter2 and who?", "(you are me:*** who?)"],
    [`Basic ${btoa("me:hunter2 and")} is wrong`, "(Basic *** is wrong)"],
    ["at ?p=hunter2%20and here", "(at ?p=*** here)"],
    ["Bearer abcdefghijk.lmn-o_p was refused", "(Bearer *** was refused)"],
    ["eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl is over", "(*** is over)"],
    [
      "see https://me:word@s3.local/a/b?X-Sig=1&y=2 for it",
      "(see https://s3.local/a/b?... for it)",
    ],
    ["see https://reg.local/docs/quota.", "(see https://reg.local/docs/quota.)"],
    // Too short to be told from other words.
    ["abc", "(abc)"],
  ];
  for (const [message, expected] of cases) {
    assert.equal(await shown({ message }, undefined, secrets), expected, message);
  }
});
