/**
 * A build of three small programs for two platforms, as a real terminal shows it.
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { goModule } from "../../test/support/go_module.ts";
import { kodenoWords } from "../../test/support/kodeno.ts";
import { tempDir } from "../../test/support/temp.ts";
import { shown, terminal } from "../../test/support/terminal.ts";

/** What the terminal showed, from a moment on. */
export interface Frame {
  /** Since the command was typed, in milliseconds. */
  readonly at: number;
  readonly lines: readonly string[];
}

/** Columns of the terminal. */
export const COLUMNS = 88;
/** What is typed. */
export const COMMAND = "kodeno build ./... --platform linux/amd64,linux/arm64";

const FRAME_MS = 100;
const MAX_MS = 120_000;

const program = (path: string): string =>
  `package main

import "net/http"

func main() {
	http.ListenAndServe(":8080", http.NotFoundHandler()) // ${path}
}
`;

/**
 * Records it, with all that the programs import compiled already; needs the part "tmux".
 *
 * @param source of the program of a name
 */
export async function recordBuild(source = program): Promise<readonly Frame[]> {
  await using dir = await tempDir();
  await goModule(dir, "example.com/shop", {
    "api/main.go": source("api"),
    "mailer/main.go": source("mailer"),
    "worker/main.go": source("worker"),
  });
  const wrapper = await dir.write(".bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`);
  await Deno.chmod(wrapper, 0o755);
  const env = { PATH: `${dir.join(".bin")}:${Deno.env.get("PATH")}` };
  await using screen = await terminal(dir, env, [COLUMNS, 20]);
  await shown(screen, `KODENO_CACHE=$PWD/.cache ${COMMAND} --oci-layout .first`);
  await screen.type("PS1='$ '; clear");
  const ended = (lines: readonly string[]) => lines.at(-1) === "$";
  while (!ended(await screen.lines())) await pause(FRAME_MS);
  const frames: Frame[] = [];
  const began = performance.now();
  await screen.type(COMMAND);
  for (let lines = [""]; lines.length < 2 || !ended(lines);) {
    lines = await screen.lines();
    const at = performance.now() - began;
    if (at > MAX_MS) throw new Error(`Cannot record: it takes too long: ${lines.join("\n")}`);
    if (lines.join("\n") !== frames.at(-1)?.lines.join("\n")) frames.push({ at, lines });
    await pause(FRAME_MS);
  }
  return frames;
}
