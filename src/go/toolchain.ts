/**
 * The go that is run where the one on the PATH is not the one that is wanted: of go's own cache of modules,
 * or of a proxy.
 * @module
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { KodenoError } from "../errors.ts";
import { isFolder } from "../io/files.ts";
import type { GoCommand } from "./command.ts";
import { goEnvironment } from "./list.ts";
import { TOOLCHAIN } from "./module_zips.ts";

/**
 * The go that go itself chooses by `GOTOOLCHAIN`: of a release (`go1.26.8`), or, with `auto`, the one that
 * the module of the folder wants. Nothing where that is not to be had.
 */
export async function chosenGo(
  how: GoCommand,
  toolchain: string,
): Promise<{ readonly version: string; readonly command: string } | undefined> {
  try {
    const environment: Record<string, string> = { ...how.environment, GOTOOLCHAIN: toolchain };
    if (environment["GOPROXY"] === "off") {
      const { GOMODCACHE } = await goEnvironment(how, ["GOMODCACHE"]);
      if (!isFolder(join(GOMODCACHE, "golang.org"))) return undefined;
      // Of a proxy on this machine, and no other, go may be told to ask no database of sums.
      environment["GONOSUMDB"] = TOOLCHAIN;
      environment["GOPROXY"] = pathToFileURL(join(GOMODCACHE, "cache", "download")).href;
    }
    const asked = { ...how, environment };
    const { GOVERSION: version, GOROOT } = await goEnvironment(asked, ["GOVERSION", "GOROOT"]);
    return { version, command: join(GOROOT, "bin", "go") };
  } catch (error) {
    how.signal?.throwIfAborted();
    if (error instanceof KodenoError) return undefined;
    throw error;
  }
}
