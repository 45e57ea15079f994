/**
 * The recipe of `kodeno version`: the versions that shape an image.
 * @module
 */
import { goCommandOf, processEnvironment } from "../config/environment.ts";
import { VERSION } from "../config/version.ts";
import { runGo } from "../go/command.ts";

type Versions = Awaited<ReturnType<typeof versions>>;

/** The versions of kodeno, Deno and Go; where there is no usable Go, the `problem` with it. */
export async function versions() {
  const environment = processEnvironment();
  const command = goCommandOf(environment);
  const run = runGo({ command, environment, directory: "." }, ["version"]);
  const go = await run.then(
    // "go version go1.26.8 linux/amd64"
    ({ code, stdout }) =>
      code === 0 ? { go: stdout.trim().replace(/^go version go/, "") } : { problem: "not usable" },
    () => ({ problem: "not found" }),
  );
  const { deno } = Deno.version;
  return { version: VERSION, deno, go: undefined, problem: undefined, ...go };
}

/** The versions as one line. */
export function versionLine({ version, deno, go, problem }: Versions): string {
  return `kodeno ${version} (deno ${deno}, go ${go ?? problem})`;
}
