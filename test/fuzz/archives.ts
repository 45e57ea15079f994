/**
 * Archives as inputs: layouts in a tar, and what `docker save` writes, with members of all kinds.
 * @module
 */
import { member, tar } from "../archive/images.ts";
import type { Dice } from "../support/dice.ts";
import { checkImages } from "./image_checks.ts";
import { mutateLayout, WHOLE } from "./layout_input.ts";
import { imageCommands, OUTPUTS } from "./layouts.ts";
import { mutateTar } from "./mutate_tar.ts";
import { mutateTree, type Tree, treeJson } from "./mutate_tree.ts";
import type { FuzzBench, FuzzTarget } from "./target.ts";

/** A layout in a tar. */
function layoutTar({ blobs, index } = WHOLE): Uint8Array {
  return tar(
    member("oci-layout", '{"imageLayoutVersion":"1.0.0"}'),
    member("index.json", index),
    ...[...blobs].map(([hex, bytes]) => member(`blobs/sha256/${hex}`, bytes)),
  );
}

/** What `docker save` writes, of the two layers that the images of layouts have. */
function saved(change: (list: Tree) => Tree = (list) => list): Uint8Array {
  const documents = [...WHOLE.blobs].map(([hex, bytes]) => ({ hex, bytes, text: textOf(bytes) }));
  const config = documents.find(({ text }) => text.includes('"rootfs"') && text.includes("amd64"));
  const layers = documents.filter(({ bytes }) => bytes[0] === 0x1f && bytes[1] === 0x8b);
  if (config === undefined || layers.length !== 2) throw new Error("the layout has other blobs");
  const names = layers.map(({ hex }) => `${hex}/layer.tar`);
  const list = [{
    Config: `${config.hex}.json`,
    RepoTags: ["app:v1", "app:nested"],
    Layers: names,
  }];
  return tar(
    member("manifest.json", treeJson(change(list))),
    member(`${config.hex}.json`, config.bytes),
    ...layers.map(({ bytes }, i) => member(names[i] ?? "", bytes)),
    member("repositories", "{}"),
  );
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

const WORDS = ["manifest.json", "app:v1", "repositories", "index.json", "x.json"];

function makeArchive(dice: Dice): Uint8Array {
  return dice.pick<() => Uint8Array>([
    () => mutateTar(layoutTar(), dice),
    () => mutateTar(layoutTar(), dice),
    () => layoutTar(mutateLayout(["index.json", "manifest", "index", "config"], dice)),
    () => mutateTar(saved(), dice),
    () => mutateTar(saved(), dice),
    () => saved((list) => mutateTree(list, dice, WORDS)),
  ])();
}

/** The archives that are fuzzed. */
export const ARCHIVES: FuzzTarget = {
  name: "archives",
  open(folder: string): FuzzBench {
    const input = `${folder}/in/evil.tar`;
    return {
      names: new Set(["evil.tar", ...OUTPUTS]),
      make: (dice) => Deno.writeFileSync(input, makeArchive(dice)),
      check: (dice) => checkImages(folder, input, dice),
      commands: () => imageCommands("evil.tar", "archive:evil.tar"),
    };
  },
};
