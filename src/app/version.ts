/**
 * The use case of `kodeno --version`: the versions that shape an image.
 * @module
 */
import { goCommandOf, processEnvironment } from "../config/environment.ts";
import { VERSION } from "../config/version.ts";
import { runGo } from "../go/command.ts";

/** Versions as one line. */
export function formatVersions({ kodeno, deno, go }: Awaited<ReturnType<typeof versions>>): string {
  return `kodeno ${kodeno} (deno ${deno}, go ${go})`;
}

/** Asks for the versions. A missing Go is no failure here: the text says so. */
export async function versions() {
  const environment = processEnvironment();
  const command = goCommandOf(environment);
  let go: string;
  try {
    const { code, stdout } = await runGo({ command, environment, directory: "." }, ["version"]);
    // "go version go1.26.8 linux/amd64"
    go = code === 0 ? stdout.trim().replace(/^go version go/, "") : "not usable";
  } catch {
    go = "not found";
  }
  return { kodeno: VERSION, deno: Deno.version.deno, go };
}
