/**
 * Modules as a proxy has them, in a folder that go reads by itself (`go help goproxy`).
 * @module
 */
import { goMod } from "./go_module.ts";
import { succeed } from "./process.ts";
import type { TempDir } from "./temp.ts";

const ZIP = `
import sys, zipfile
path, root, names = sys.argv[1], sys.argv[2], sys.argv[3:]
with zipfile.ZipFile(path, "w") as file:
    for name, text in zip(names[::2], names[1::2]):
        file.writestr(zipfile.ZipInfo(root + "/" + name), text, zipfile.ZIP_DEFLATED)
`;

/** A module: `PATH@VERSION`, and its files beside its go.mod. */
export type ProxyModule = readonly [module: string, files: Readonly<Record<string, string>>];

/**
 * Writes modules into `folder`; paths and versions have to be of small letters.
 *
 * @returns variables by which go takes modules from there alone, into a cache of its own
 */
export async function goProxy(
  dir: TempDir,
  modules: readonly ProxyModule[],
  folder = "proxy",
): Promise<Readonly<Record<string, string>>> {
  for (const [module, files] of modules) {
    const [path = "", version = ""] = module.split("@");
    const at = `${folder}/${path}/@v/${version}`;
    const all = { "go.mod": goMod(path), ...files };
    await dir.write(`${at}.mod`, all["go.mod"]);
    await dir.write(`${at}.info`, JSON.stringify({ Version: version }));
    await succeed("python3", [
      "-c",
      ZIP,
      dir.join(`${at}.zip`),
      module,
      ...Object.entries(all).flat(),
    ]);
  }
  return {
    GOPROXY: `file://${dir.join(folder)}`,
    GONOSUMDB: "*",
    GOFLAGS: "-modcacherw",
    GOMODCACHE: dir.join("modules"),
  };
}
