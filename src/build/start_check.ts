/**
 * Whether a binary can start on its base image: what loads it and its libraries have to be there.
 * @module
 */
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { Needs } from "../go/elf.ts";
import type { BaseImage } from "../image/base.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { BaseSet } from "./bases.ts";
import type { PlannedImage } from "./plan.ts";

/** A binary on the base of one platform. */
interface BinaryOnBase {
  readonly image: PlannedImage;
  readonly base: BaseImage;
  readonly needs: Needs | undefined;
  /** Variables that go has built it with. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Tells where a binary needs something to start that its base image does not have. */
export async function warnOfBase(
  { image: { importPath, appName, image }, base, needs, environment }: BinaryOnBase,
  bases: Pick<BaseSet, "lacking">,
  { signal, emit }: WorkOptions,
): Promise<void> {
  if (needs === undefined) return;
  const files = [needs.interpreter, ...needs.libraries];
  const names = [...new Set(files.map((file) => posix.basename(file)))];
  const what = `/ko-app/${appName} of ${importPath} for ${formatPlatform(base.platform)}`;
  try {
    const lacking = await bases.lacking(base, names, { signal });
    if (lacking.length === 0) return;
    const list = files.filter((file) => lacking.includes(posix.basename(file))).join(", ");
    const message =
      `Warning: ${what} will not start on base image ${image.baseImage}, which does not have ` +
      `${list}; ${waysOut(needs, environment["CGO_ENABLED"] === "0")}`;
    emit?.({ type: "note", level: "warning", message });
  } catch (error) {
    signal?.throwIfAborted();
    // What cannot be read here fails where it is needed.
    const message = `Cannot tell whether ${what} starts on its base image: ${messageOf(error)}`;
    emit?.({ type: "note", level: "verbose", message });
  }
}

/** What helps where a base image lacks what a binary needs. */
function waysOut({ interpreter }: Needs, withoutCgo: boolean): string {
  // Without cgo it is the build mode that links it so.
  const [plain, more, flag] = withoutCgo
    ? ["leave out -buildmode=pie", "--env CGO_ENABLED=1 ", "-static-pie"]
    : ["build it without cgo (--env CGO_ENABLED=0)", "", "-static"];
  const ldflags = `--ldflags "-linkmode external -extldflags ${flag}"`;
  const image = interpreter.includes("musl") ? "alpine" : "debian:stable-slim";
  return `${plain}, link it statically (${more}${ldflags}), or take a base image that has them, ` +
    `such as --base-image ${image}`;
}
