/**
 * Programs of the user's: what they print, and why they fail.
 * @module
 */
import assert from "node:assert/strict";
import { runProgram } from "./run.ts";

const how = { environment: { PATH: Deno.env.get("PATH") ?? "", WHO: "a b" } };

Deno.test("program: its output, in the environment that is given, and no shell", async () => {
  assert.equal(await runProgram("sh", ["-c", 'printf "%s\\n\\n" "$WHO$HOME"'], how), "a b\n");
  assert.equal(await runProgram("echo", ["$WHO; false"], how), "$WHO; false");
});

Deno.test("program: why it failed", async () => {
  const failing = ["-c", "echo one >&2; echo two >&2; exit 3"];
  const fails = (run: Promise<string>, why: RegExp) => assert.rejects(run, why);
  await fails(runProgram("no-such-program", [], how), /no program no-such-program on PATH/);
  await fails(runProgram("sh", failing, how), /^Error: sh ended with exit code 3: one$/);
});

Deno.test("program: one that prints or runs without end is ended", async () => {
  await assert.rejects(runProgram("yes", [], how), /^Error: yes prints more than 1048576 bytes$/);
  const signal = AbortSignal.timeout(200);
  const sleeping = runProgram("sh", ["-c", "sleep 300; true"], { ...how, signal });
  await assert.rejects(sleeping, (error) => error === signal.reason);
});
