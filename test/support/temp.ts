/**
 * A folder of a test's own, which goes away with it.
 * @module
 */
import { dirname, join } from "node:path";

/** A folder that is removed when it goes out of scope. */
export class TempDir implements AsyncDisposable {
  /** @param path its absolute path, with links resolved */
  constructor(readonly path: string) {}

  /** The path of something in it. */
  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes a file in it, and the folders above; gives its path. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.join(name);
    await Deno.mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
    return path;
  }

  /** The names in it or in a folder of it, sorted; none where there is no such folder. */
  async list(...parts: readonly string[]): Promise<string[]> {
    return await names(this.join(...parts));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Makes an empty folder. */
export async function tempDir(): Promise<TempDir> {
  return new TempDir(await Deno.realPath(await Deno.makeTempDir({ prefix: "kodeno-test-" })));
}

/** The names in a folder, sorted; none where there is no such folder. */
export async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) found.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** The paths of all files below a folder, relative to it, sorted; but for those below `skipped`. */
export async function filesBelow(folder: string, prefix = "", skipped = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    if (!isDirectory) found.push(path);
    else if (path !== skipped) found.push(...await filesBelow(folder, path, skipped));
  }
  return found.sort();
}
