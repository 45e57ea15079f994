/**
 * Which platforms of images a daemon's machine runs, the best first.
 * @module
 */
import type { PlatformSpec } from "../../oci/platform.ts";

/** Variants of 32-bit arm that a machine runs, by what `uname -m` says. */
const ARM: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(armv7|armv8|aarch64)/, ["v7", "v6", "v5"]],
  [/^armv6/, ["v6", "v5"]],
  [/^armv5/, ["v5"]],
];

/**
 * What to look for in an image of several platforms, in this order.
 *
 * @param os as GET /version says (`linux`)
 * @param architecture as GET /version says, one of Go's
 * @param machine as GET /info says; of use for arm, where the variant depends on it
 */
export function daemonPlatforms(
  os: string,
  architecture: string,
  machine = "",
): readonly PlatformSpec[] {
  const variants = architecture === "arm"
    ? ARM.find(([pattern]) => pattern.test(machine))?.[1] ?? []
    : [];
  return [
    ...variants.map((variant) => ({ os, architecture, variant })),
    { os, architecture },
  ];
}
