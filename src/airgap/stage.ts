/**
 * The folder in which a bundle is gathered till all of it was checked: a layout, with the other members
 * beside it. What is whole in it stays when its process is killed, and is not written again.
 * @module
 */
import { basename, dirname, join } from "node:path";
import type { CallOptions } from "../content/places.ts";
import { removeStaleTemporaries, renameTo, throughTemporary, writeSynced } from "../io/atomic.ts";
import { entriesIn, ioFailure, removeIfThere, writeBeside } from "../io/files.ts";
import { blobPath, digestHex } from "../oci/descriptor.ts";
import type { BundleDocument } from "./document.ts";
import { isWholeFile } from "./present.ts";
import type { BundleMember } from "./reader.ts";

/** How the folders of bundles begin. */
const PREFIX = ".kodeno-bundle-";
/** What tells two bundles apart that may lie in one folder. */
const ID_LENGTH = 16;

/** The members of one bundle. */
export class StagedBundle {
  private constructor(readonly folder: string) {}

  /** Opens that of a bundle in a folder, with what is there of it. */
  static async open(directory: string, { id }: BundleDocument): Promise<StagedBundle> {
    const folder = join(directory, `${PREFIX}${digestHex(id).slice(0, ID_LENGTH)}`);
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      throw ioFailure(`make folder ${folder}`, error);
    }
    for (const one of [directory, folder]) await removeStaleTemporaries(one);
    return new StagedBundle(folder);
  }

  /** The file of a member. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Whether a member is there, and whole still: a power cut may have taken its bytes. */
  async has(member: BundleMember, options: CallOptions): Promise<boolean> {
    return await isWholeFile(this.path(nameOf(member)), member, options);
  }

  /** Writes a member; it has its name when its chunks have ended without an error. */
  async take(member: BundleMember, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.path(nameOf(member));
    let unread: unknown;
    const write = async (file: Deno.FsFile): Promise<void> => {
      const source = chunks[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await source.next().catch((error) => {
          throw unread = error;
        });
        if (done) return;
        await writeBeside(file, value);
      }
    };
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      // The others are many and small, and whoever they are for does not wait for the disk either.
      if (member.kind === "blob") await writeSynced(path, this.folder, write);
      else await throughTemporary(this.folder, write, renameTo(path));
    } catch (error) {
      if (error === unread) throw error;
      throw ioFailure(`keep ${nameOf(member)} in ${this.folder}`, error);
    }
  }

  /** Removes those of other bundles, which were interrupted. */
  async removeOthers(): Promise<void> {
    const directory = dirname(this.folder);
    for (const { name } of await entriesIn(directory)) {
      if (!name.startsWith(PREFIX) || name === basename(this.folder)) continue;
      await removeIfThere(join(directory, name), { recursive: true });
    }
  }

  /** Removes it. */
  async remove(): Promise<void> {
    await removeIfThere(this.folder, { recursive: true });
  }
}

function nameOf(member: BundleMember): string {
  return member.kind === "blob" ? blobPath(member) : member.path;
}
