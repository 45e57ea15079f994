/**
 * Small Go modules, made on the spot. Their programs import as little as they can: what a test waits
 * for is mostly the linker.
 * @module
 */
import type { TempDir } from "./temp.ts";

/** What a `go.mod` says. */
export function goMod(module: string): string {
  return `module ${module}\n\ngo 1.22\n`;
}

/** A program that prints a line; `version` is there for the linker's `-X main.version=...`. */
export function printer(line: string): string {
  return `package main

import "syscall"

var version = "dev"

func main() {
	syscall.Write(1, []byte(${JSON.stringify(line)}+" "+version+"\\n"))
}
`;
}

/**
 * Makes a module in a folder, with files by their names.
 *
 * @param folder of the module, relative to `dir`
 */
export async function goModule(
  dir: TempDir,
  module: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  folder = ".",
): Promise<void> {
  await dir.write(`${folder}/go.mod`, goMod(module));
  for (const [name, content] of Object.entries(files)) {
    await dir.write(`${folder}/${name}`, content);
  }
}

/** A module with one program that prints `line`, in the folder itself. */
export async function simpleModule(dir: TempDir, line = "hello"): Promise<void> {
  await goModule(dir, "example.com/app", { "main.go": printer(line) });
}
