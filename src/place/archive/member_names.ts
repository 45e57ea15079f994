/**
 * Which names and link targets of tar members are sound. Nothing is ever unpacked, so that a bad
 * name could touch nothing; an archive that has one is refused all the same, since other readers do.
 * @module
 */
import { posix } from "node:path";
import { badArchive } from "./failure.ts";

function leads(name: string): boolean {
  return name.startsWith("/") || name.split("/").includes("..") || name.includes("\0");
}

/**
 * A member's name without leading `./` and trailing slash; `.` for the folder itself.
 *
 * @param archive names the archive in an error
 * @throws {KodenoError} `BAD_CONTENT` for an absolute name, or one with a `..`
 */
export function memberName(archive: string, name: string): string {
  if (name === "" || leads(name)) {
    throw badArchive(archive, `its member ${JSON.stringify(name)} leads out of it`);
  }
  const plain = posix.normalize(name);
  return plain.endsWith("/") ? plain.slice(0, -1) || "." : plain;
}

/**
 * The member that a link names. `docker save` writes a symlink for a layer that is there twice.
 *
 * @param name of the link, from {@link memberName}
 * @param target of a symlink: relative to the link's folder; of a hard link: to the archive's root
 * @throws {KodenoError} `BAD_CONTENT` for a target outside of the archive
 */
export function linkTarget(
  archive: string,
  name: string,
  target: string,
  type: "symlink" | "hardlink",
): string {
  const folder = type === "symlink" ? posix.dirname(name) : ".";
  const to = posix.join(folder, target);
  if (target === "" || target.startsWith("/") || leads(to)) {
    throw badArchive(
      archive,
      `its member ${JSON.stringify(name)} is a link to ${JSON.stringify(target)}, outside of it`,
    );
  }
  return to;
}
