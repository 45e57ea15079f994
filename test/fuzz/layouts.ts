/**
 * Layouts as inputs: their index.json, manifests and indexes, configs.
 * @module
 */
import type { FuzzBench, FuzzTarget } from "./target.ts";
import { checkImages } from "./image_checks.ts";
import { type Kind, mutateLayout, writeLayout } from "./layout_input.ts";

/** What the outputs of checks and commands may be called. */
export const OUTPUTS: readonly string[] = ["copied", "copied.tar", "again", "merged"];

/** A target that mutates documents of some kinds. */
function layouts(name: string, kinds: readonly Kind[]): FuzzTarget {
  return {
    name,
    open(folder: string): FuzzBench {
      const input = `${folder}/in/evil`;
      return {
        names: new Set(["evil", ...OUTPUTS]),
        make: (dice) => writeLayout(input, mutateLayout(kinds, dice)),
        check: (dice) => checkImages(folder, input, dice),
        commands: () => imageCommands("evil", "oci:evil"),
      };
    },
  };
}

/** Command lines that read images. */
export function imageCommands(path: string, place: string): readonly (readonly string[])[] {
  return [
    ["ls", path],
    ["inspect", path, "--json"],
    ["copy", `${place}:app:v1`, "oci:copied"],
    ["copy", `${place}:nested`, "archive:copied.tar"],
    ["merge", "merged", path],
    ["push", path, "--to", "127.0.0.1:1/x", "--dry-run"],
  ];
}

/** The layouts that are fuzzed. */
export const LAYOUTS: readonly FuzzTarget[] = [
  layouts("index.json", ["index.json"]),
  layouts("manifests", ["manifest", "index"]),
  layouts("configs", ["config"]),
];
