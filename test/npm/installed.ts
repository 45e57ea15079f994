/**
 * kodeno as npm installs it from the packed file, for a user who has nothing else: a prefix and a home of
 * their own, with spaces in their paths. Only what npm has downloaded before is shared.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { arch } from "node:process";
import { rootTool } from "../parts/tools.ts";
import { denoDirectory, kodenoEnvironment, ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A Node that can give its process to another program, which Debian's cannot yet. */
const NEW_NODE = `node-linux-${arch}@24.21.0`;

const LINES = /^<!-- test in test\/npm\/\S+ -->\n\n```sh\n(.*?)^```$/ms;

/** Somebody's machine, which goes away when it is out of scope. */
export interface Installed extends AsyncDisposable {
  readonly dir: TempDir;
  /** The packed file. */
  readonly file: string;
  /** What npm has put on the PATH. */
  readonly program: string;
  readonly env: Record<string, string>;
  /** Runs npm there. */
  npm(...args: readonly string[]): Promise<string>;
}

/** Installs kodeno as a page says, without scripts of packages. */
export async function installed(page: string): Promise<Installed> {
  const npm = rootTool("npm") ?? "npm";
  const cache = (await succeed(npm, ["config", "get", "cache"])).trim();
  const text = await Deno.readTextFile(join(ROOT, page));
  const [, lines = ""] = LINES.exec(text) ?? [];
  const packed = /\S+\.tgz/.exec(lines)?.[0] ?? "";
  const dir = await tempDir();
  try {
    const home = dir.join("a home");
    await Deno.mkdir(home);
    const env = {
      // Go's own caches stay where they are: they are no part of kodeno's installation.
      ...await goFolders(),
      ...kodenoEnvironment(),
      HOME: home,
      npm_config_cache: cache,
      npm_config_ignore_scripts: "true",
      npm_config_prefix: dir.join("a prefix"),
      npm_config_prefer_offline: "true",
      npm_config_update_notifier: "false",
    };
    // Only who packs it needs what Deno has downloaded.
    const packing = { cwd: ROOT, env: { ...env, DENO_DIR: denoDirectory() } };
    await succeed("bash", ["-euc", lines], packing);
    const file = dir.join("down loads", basename(packed));
    await Deno.mkdir(dirname(file));
    await Deno.copyFile(join(ROOT, packed), file);
    const runNpm = (...args: readonly string[]) => succeed(npm, args, { cwd: home, env });
    const program = dir.join("a prefix", "bin", "kodeno");
    const remove = () => dir[Symbol.asyncDispose]();
    return { dir, file, program, env, npm: runNpm, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}

async function goFolders(): Promise<Record<string, string>> {
  const names = ["GOCACHE", "GOMODCACHE", "GOPATH"];
  const folders = (await succeed("go", ["env", ...names])).trimEnd().split("\n");
  return Object.fromEntries(names.map((name, i) => [name, folders[i] ?? ""]));
}

/** The folders of the Nodes that kodeno is started with there: the one on the PATH, and a new one. */
export async function nodes({ dir, npm }: Installed): Promise<readonly string[]> {
  await npm("install", "--prefix", dir.join("node"), NEW_NODE);
  const [name = ""] = NEW_NODE.split("@");
  return ["", dir.join("node", "node_modules", name, "bin")];
}
