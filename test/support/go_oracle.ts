/**
 * Go programs of `fixtures/` that are asked what Go itself does: JSON in, JSON out.
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

/** Runs the program of a folder of `fixtures/` with an input, and gives what it prints. */
export async function askOracle<T>(fixture: string, input: unknown): Promise<T> {
  const child = new Deno.Command("go", {
    args: ["run", "."],
    cwd: fileURLToPath(new URL(`${fixture}/`, FIXTURES)),
    env: { GOFLAGS: "-mod=mod", GOWORK: "off" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(input)));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
