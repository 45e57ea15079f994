/**
 * The layer with the program: `/ko-app/NAME`, in the bytes ko would write.
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import { capabilityAttribute } from "./capabilities.ts";
import type { LayerEntry, LayerPlan } from "./layer.ts";

/**
 * Security descriptor (owner and group BUILTIN\Users) without which Windows does not run a file of a
 * layer; the value is part of the image format ko writes.
 */
export const WINDOWS_SECURITY: Readonly<Record<string, string>> = {
  "MSWINDOWS.rawsd": "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==",
};

/** A binary, as it has to be. */
interface Binary {
  /** The file; nobody may change it until the layer is written. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/**
 * Plans the layer of a binary.
 *
 * @param appName its name in the image
 * @param os `linux`, `windows`, ...: Windows layers hold their files below `Files/`
 * @param capabilities terms of what the binary may do; only Linux has them
 */
export function planBinaryLayer(
  { path, size, digest }: Binary,
  appName: string,
  os: string,
  capabilities: readonly string[] = [],
): LayerPlan {
  const windows = os === "windows";
  const granted = os === "linux" ? capabilityAttribute(capabilities) : undefined;
  const directories = windows ? ["Hives", "Files", "Files/ko-app"] : ["ko-app"];
  const entries: LayerEntry[] = directories.map((name) => ({
    entry: { type: "dir", name, mode: 0o555 },
  }));
  entries.push({
    entry: {
      type: "file",
      name: `${windows ? "Files" : ""}/ko-app/${appName}`,
      mode: 0o555,
      size,
      ...(windows ? { pax: WINDOWS_SECURITY } : {}),
      ...(granted ? { pax: { "SCHILY.xattr.security.capability": granted } } : {}),
    },
    content: path,
    digest,
  });
  const key = ["binary", windows, appName, digest, ...(granted ? [granted.toHex()] : [])];
  return { key, entries, bytes: size, settled: true };
}
