#!/usr/bin/env node
/**
 * What npm puts on the PATH: starts kodeno on the Deno that has been installed beside it. That Deno's program
 * is called right where it lies, so that neither another Node is started on the way nor a script has to
 * run when kodeno is installed.
 * @module
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type Process from "node:process";
import { fileURLToPath } from "node:url";
import { RUNTIME_FLAGS } from "../runtime_flags.ts";

// An import would open its streams as well, after which kodeno could not wait for the reader of a pipe.
const process: typeof Process = globalThis.process;

const FLAGS = [
  "run",
  "--quiet",
  ...RUNTIME_FLAGS,
  // All of kodeno is here: nothing is looked for elsewhere, and a piece is read when it is needed.
  "--no-lock",
  "--no-remote",
  "--no-npm",
  "--unstable-lazy-dynamic-imports",
];

const isWindows = process.platform === "win32";

function denoProgram(): string {
  const { platform, arch } = process;
  const machine = `${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  const own = createRequire(import.meta.url);
  // The package of a machine belongs to `deno`, and need not be seen from here.
  const ofDeno = createRequire(own.resolve("deno/package.json"));
  return ofDeno.resolve(`@deno/${machine}/deno${isWindows ? ".exe" : ""}`);
}

/** What an argument calls `/dev/fd/3`, as shells do for `<(...)`; Node keeps those from its children. */
function namedDescriptors(args: readonly string[]): readonly number[] {
  const found = args.flatMap((arg) => [...arg.matchAll(/\/(?:dev|proc\/self)\/fd\/(\d+)/g)]);
  return found.map(([, number]) => Number(number)).filter((number) => number > 2);
}

function fail(why: string): never {
  console.error(`Error: Cannot start kodeno: ${why}`);
  process.exit(1);
}

function start(): void {
  const args = [...FLAGS, fileURLToPath(new URL("lib/cli.js", import.meta.url))];
  args.push(...process.argv.slice(2));
  // It would look on the network for a newer Deno.
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  let program: string;
  try {
    program = denoProgram();
  } catch {
    const machine = `${process.platform} on ${process.arch}`;
    fail(
      `the npm package of Deno for ${machine} is not installed; there is one for Linux with glibc, macOS ` +
        "and Windows on x64 and arm64, which npm leaves out with --omit=optional",
    );
  }
  const named = namedDescriptors(process.argv);
  // It takes the place of Node where Node can give it up: who sends a signal then sends it to kodeno.
  if (process.execve !== undefined && !isWindows && named.length === 0) {
    process.execve(program, [program, ...args], env);
  }
  const passed = new Set([0, 1, 2, ...named]);
  const stdio = Array.from(
    { length: Math.max(...passed) + 1 },
    (_, number) => passed.has(number) ? "inherit" : "ignore",
  );
  const child = spawn(program, args, { stdio, env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"] as const) {
    // Windows has told all programs of the console, and can only end one that it has not told.
    process.on(signal, () => isWindows || child.kill(signal));
  }
  child.on("error", (error) => fail(`${program}: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // To end as it did, so that whoever waits is told the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

start();
