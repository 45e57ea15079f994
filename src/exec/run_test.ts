/**
 * The runner of programs: what comes of their outputs and inputs, and how they are ended.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import {
  commandOutput,
  howEnded,
  runHook,
  type RunOptions,
  runProgram,
  type StartError,
} from "./run.ts";

const environment = { PATH: Deno.env.get("PATH") ?? "", WHO: "a b" };
const sh = (script: string, more: Partial<RunOptions> = {}) =>
  runProgram({ command: ["sh", "-c", script], environment, ...more });

Deno.test("program: outputs, exit code and variables, without a shell", async () => {
  const result = await sh('echo "$WHO$MORE$HOME"; echo no >&2; exit 3', {
    variables: { MORE: "c" },
  });
  assert.deepEqual(result, {
    ...{ code: 3, killedBy: undefined, stdout: "a bc\n", stderr: "no\n", cut: undefined },
  });
  assert.equal(howEnded(result), "ended with exit code 3");
  assert.equal(howEnded(await sh("kill -9 $$")), "was ended by SIGKILL");
  const echo = await runProgram({ command: ["echo", "$WHO; false"], environment });
  assert.equal(echo.stdout, "$WHO; false\n");
});

Deno.test("program: gets its input as a text, texts or a stream, or stops reading it", async () => {
  const texts = function* () {
    for (let i = 0; i < 1e4; i++) yield "0123456789";
  };
  const bytes = () => ReadableStream.from(texts()).pipeThrough(new TextEncoderStream());
  assert.equal((await sh("cat", { stdin: "abc" })).stdout, "abc");
  assert.equal((await sh("wc -c", { stdin: texts() })).stdout.trim(), "100000");
  assert.equal((await sh("wc -c", { stdin: bytes() })).stdout.trim(), "100000");
  assert.equal((await sh("exit 7", { stdin: texts() })).code, 7);
  const endless = new ReadableStream<Uint8Array>();
  assert.equal((await sh("exit 7", { stdin: endless })).code, 7);
});

Deno.test("program: one whose input fails is killed", async () => {
  const failure = new Error("the disk is gone");
  const stdin = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(failure) });
  await assert.rejects(sh("cat; exec sleep 300", { stdin }), (error) => error === failure);
});

Deno.test("program: text is handed on while it comes, and who takes it may fail", async () => {
  const parts: string[] = [];
  const { stdout } = await sh("echo one; echo two", { stdout: (text) => parts.push(text) });
  assert.deepEqual([stdout, parts.join("")], ["", "one\ntwo\n"]);
  const stdoutFails = () => {
    throw new Error("no more");
  };
  await assert.rejects(sh("yes", { stdout: stdoutFails }), /no more/);
});

Deno.test("program: bytes go into a stream as they are, which stays open", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const ended = sh("printf '\\377\\000'; exit 3", { stdout: writable });
  const { value } = await readable.getReader().read();
  assert.deepEqual([...value ?? []], [255, 0]);
  assert.deepEqual([(await ended).code, writable.locked], [3, false]);
});

Deno.test("program: one that prints or runs without end is ended", async () => {
  const { cut, stdout } = await sh("yes", { maxBytes: 1001 });
  assert.deepEqual([cut, stdout.length], ["bytes", 1001]);
  assert.equal((await sh("exec sleep 300", { milliseconds: 100 })).cut, "time");
  const signal = AbortSignal.timeout(200);
  const ignoring = sh("trap '' INT; while :; do sleep 0.1; done", { signal, group: true });
  await assert.rejects(ignoring, (error) => error === signal.reason);
});

Deno.test("program: what it leaves behind is waited for as long as is said", async () => {
  const { stdout } = await sh("echo a; sleep 5 & echo b", { lingerMs: 100 });
  assert.equal(stdout, "a\nb\n");
});

Deno.test("program: one that cannot be started", async () => {
  await using dir = await tempDir();
  await dir.write("plain", "");
  const lacks = (more: Partial<RunOptions>) =>
    sh("true", more).then(() => "started", (error: StartError) => [error.lacks, error.message]);
  const directory = dir.join("plain");
  assert.deepEqual(await lacks({ directory }), ["folder", `${directory} is not a folder`]);
  const none = ["program", "there is no program no-such-program on PATH"];
  assert.deepEqual(await lacks({ command: ["no-such-program"] }), none);
});

Deno.test("command: what it prints, or why it failed", async () => {
  const run = (...command: string[]) => commandOutput(command, { environment });
  assert.equal(await run("sh", "-c", 'printf "%s\\n\\n" "$WHO"'), "a b\n");
  const failing = run("sh", "-c", "echo one >&2; echo two >&2; exit 3");
  await assert.rejects(failing, /^Error: sh ended with exit code 3: one$/);
  await assert.rejects(run("yes"), /^Error: yes prints more than 1048576 bytes$/);
  await assert.rejects(run("no-such-program"), /no program no-such-program on PATH/);
});

Deno.test("hook: its lines, and how it failed", async () => {
  const lines: string[] = [];
  const how = { directory: ".", environment, name: "it", take: (line: string) => lines.push(line) };
  await runHook({ ...how, command: ["sh", "-c", "printf 'one\\ntwo'"] });
  assert.deepEqual(lines, ["one", "two"]);
  const failing = runHook({ ...how, command: ["sh", "-c", "exit 2"] });
  await assert.rejects(failing, /Cannot build: it ended with exit code 2$/);
});
