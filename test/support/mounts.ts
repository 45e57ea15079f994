/**
 * Small file systems: in memory, for full and read-only disks (need the part "tmpfs"), and in a file,
 * for disks that lose their power (need the part "ext4").
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

/** A file system in a file; unmounted when it goes out of scope. */
export class Ext4 implements AsyncDisposable {
  /**
   * @param path the folder it is mounted on
   * @param file what it is in
   */
  constructor(readonly path: string, readonly file: string) {}

  /**
   * What is there after a power cut at this moment: the same disk, with all that was written to it and
   * nothing of what only the kernel knows.
   *
   * @param path a new folder to mount it on
   */
  async cut(path: string): Promise<Ext4> {
    await succeed("cp", ["--sparse=always", this.file, `${path}.img`]);
    return await mountExt4(path, `${path}.img`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await succeed(tool("umount"), [this.path]);
  }
}

/** Makes a file system of so many bytes, which writes nothing of its own accord for five minutes. */
export async function ext4(path: string, bytes: number): Promise<Ext4> {
  await Deno.writeFile(`${path}.img`, new Uint8Array());
  await Deno.truncate(`${path}.img`, bytes);
  await succeed(tool("mkfs.ext4"), ["-q", `${path}.img`]);
  return await mountExt4(path, `${path}.img`);
}

async function mountExt4(path: string, file: string): Promise<Ext4> {
  await Deno.mkdir(path);
  await succeed(tool("mount"), ["-o", "loop,commit=300", file, path]);
  return new Ext4(path, file);
}

function tool(name: string): string {
  return rootTool(name) ?? name;
}
