/**
 * The recipe of `kodeno version`: the versions that shape an image.
 * @module
 */
import { goCommandOf, processEnvironment } from "../config/environment.ts";
import { VERSION } from "../config/version.ts";
import { runGo } from "../go/command.ts";

/** The versions as one line; where there is no usable Go, it says so. */
export async function version(): Promise<string> {
  const environment = processEnvironment();
  const command = goCommandOf(environment);
  const go = await runGo({ command, environment, directory: "." }, ["version"]).then(
    // "go version go1.26.8 linux/amd64"
    ({ code, stdout }) => code === 0 ? stdout.trim().replace(/^go version go/, "") : "not usable",
    () => "not found",
  );
  return `kodeno ${VERSION} (deno ${Deno.version.deno}, go ${go})`;
}
