/**
 * Image names in parts, and names that Skaffold cannot use.
 * @module
 */
import assert from "node:assert/strict";
import { parseName, sanitizeName, underDefaultRepo } from "./names.ts";

Deno.test("default repo: names in parts", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const cases: readonly (readonly [image: string, parts: readonly string[] | undefined])[] = [
    ["app", ["app", "", "", "", ""]],
    ["ko://Example.com/A/B:V1", ["example.com/a/b", "example.com/a", "b", "V1", ""]],
    [`localhost:5000/a@${digest}`, ["localhost:5000/a", "localhost:5000", "a", "", digest]],
    ["localhost:5000", ["localhost", "", "", "5000", ""]],
    ["[::1]:80/a", ["[::1]:80/a", "[::1]:80", "a", "", ""]],
    ["a//b", undefined],
    ["-a", undefined],
    ["", undefined],
    ["a:b c", undefined],
    [`a@${digest.toUpperCase()}`, undefined],
    ["a".repeat(256), undefined],
    [`example.com/${"a".repeat(255)}`, [
      `example.com/${"a".repeat(255)}`,
      "example.com",
      "a".repeat(255),
      "",
      "",
    ]],
  ];
  for (const [image, parts] of cases) {
    const found = parseName(image);
    const { name, repo, base, tag, digest } = found ?? {};
    assert.deepEqual(found && [name, repo, base, tag, digest], parts, image);
  }
  assert.equal(sanitizeName("ko://A//b"), "A//b");
});

Deno.test("default repo: an import path becomes one element", () => {
  const name = underDefaultRepo("ko://example.com/Hello:v1", "127.0.0.1:5001/sk");
  assert.equal(name, "127.0.0.1:5001/sk/example_com_hello:v1");
});

Deno.test("default repo: registries of many elements, when the caller says so", () => {
  const under = (image: string) => underDefaultRepo(image, "reg.example.com/x", true);
  assert.equal(under("gcr.io/team/a/b:v1"), "reg.example.com/x/gcr.io/team/a/b:v1");
  assert.equal(under("a//b"), undefined);
  assert.equal(underDefaultRepo("a//b"), "a//b");
});
