/**
 * Small file systems in memory, for full and read-only disks; need the part "tmpfs".
 * @module
 */
import { rootTool } from "../parts/tools.ts";
import { succeed } from "./process.ts";

/** A file system in memory; unmounted when it goes out of scope. */
export class Tmpfs implements AsyncDisposable {
  /** @param path the folder it is mounted on */
  constructor(readonly path: string) {}

  /** Lets nobody write any more. */
  async makeReadOnly(): Promise<void> {
    await succeed(tool("mount"), ["-o", "remount,ro", this.path]);
  }

  /** Makes it larger. */
  async grow(bytes: number): Promise<void> {
    await succeed(tool("mount"), ["-o", `remount,size=${bytes}`, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await succeed(tool("umount"), [this.path]);
  }
}

/** Mounts a file system of so many bytes on a new folder. */
export async function tmpfs(path: string, bytes: number): Promise<Tmpfs> {
  await Deno.mkdir(path);
  await succeed(tool("mount"), ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path]);
  return new Tmpfs(path);
}

function tool(name: string): string {
  return rootTool(name) ?? name;
}
