/**
 * Programs of the user's: what they print, and why they fail.
 * @module
 */
import assert from "node:assert/strict";
import { runProgram } from "./run.ts";

const ENV = { PATH: Deno.env.get("PATH") ?? "", WHO: "a b" };

Deno.test("program: its output, in the environment that is given, and no shell", () => {
  assert.equal(runProgram("sh", ["-c", 'printf "%s\\n\\n" "$WHO$HOME"'], ENV), "a b\n");
  assert.equal(runProgram("echo", ["$WHO; false"], ENV), "$WHO; false");
});

Deno.test("program: why it failed", () => {
  assert.throws(() => runProgram("no-such-program", [], ENV), /no program no-such-program on PATH/);
  const failing = ["-c", "echo one >&2; echo two >&2; exit 3"];
  assert.throws(() => runProgram("sh", failing, ENV), /^Error: sh ended with exit code 3: one$/);
});
