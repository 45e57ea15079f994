/**
 * What is told of a request to which no answer came.
 * @module
 */
import assert from "node:assert/strict";
import { RegistryClient, Shared } from "./client.ts";
import { ConnectionError, RegistryError } from "./failure.ts";

Deno.test("client: a failure names who was to answer, not what the registry is called", () => {
  const client = new RegistryClient("docker.io", new Shared({}));
  const call = { doing: "push to app", method: "POST", to: "/v2/app/blobs/uploads/", scopes: [] };
  const failure = client.failure(call, new ConnectionError("closed", "it broke"));
  assert.ok(failure instanceof RegistryError);
  assert.equal(failure.url, "https://registry-1.docker.io/v2/app/blobs/uploads/");
  assert.equal(failure.method, "POST");
  const to = new URL("https://user:secret@reg.local/v2/?_state=signed#part");
  const signed = client.failure({ ...call, to }, new ConnectionError("closed", "it broke"));
  assert.ok(signed instanceof RegistryError);
  assert.equal(signed.url, "https://reg.local/v2/?...");
});
