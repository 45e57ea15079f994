/**
 * YAML texts as inputs: values that were mutated, in one of the many ways in which they can be
 * written, and texts whose lines or bytes were.
 * @module
 */
import { type Document, parseAllDocuments, stringify } from "../../src/npm/yaml.ts";
import type { Dice } from "../support/dice.ts";
import { mutateBytes, mutateLines } from "./mutate_bytes.ts";
import { mutateTree, type Tree, treeJson } from "./mutate_tree.ts";

/** Mutates a document, given as a text with its comments and as a value. */
export function mutateYaml(text: string, dice: Dice, words: readonly string[]): Uint8Array {
  const bytes = (changed: string): Uint8Array => new TextEncoder().encode(changed);
  const trees = readYamlValues(text) as Tree[];
  const written = (): string => {
    const at = dice.below(trees.length);
    const changed = trees.map((tree, i) => i === at ? mutateTree(tree, dice, words) : tree);
    return changed.map((tree) => treeYaml(tree, dice)).join("---\n");
  };
  return dice.pick<() => Uint8Array>([
    () => bytes(written()),
    () => bytes(written()),
    () => bytes(mutateLines(text, dice)),
    () => bytes(mutateLines(text, dice)),
    () => bytes(mutateLines(written(), dice)),
    () => mutateBytes(bytes(text), dice),
  ])();
}

function treeYaml(tree: Tree, dice: Dice): string {
  if (dice.chance(0.15)) return `${treeJson(tree)}\n`;
  const text = stringify(tree, {
    indent: dice.pick([2, 2, 4]),
    indentSeq: dice.chance(0.5),
    lineWidth: dice.pick([0, 20, 80]),
    collectionStyle: dice.pick(["any", "any", "flow", "block"]),
    defaultStringType: dice.pick([
      "PLAIN",
      "PLAIN",
      "QUOTE_DOUBLE",
      "QUOTE_SINGLE",
      "BLOCK_LITERAL",
      "BLOCK_FOLDED",
    ]),
    aliasDuplicateObjects: dice.chance(0.5),
  });
  return text.replaceAll(/"@raw:([^"]*)"/g, "$1");
}

/** The values of a text as the `yaml` package has them; undefined where it has none. */
export function readYamlValues(
  text: string,
  options: { readonly mapAsMap?: boolean } = {},
): readonly unknown[] | undefined {
  const parsed = parseAllDocuments(text, { uniqueKeys: false, merge: true, logLevel: "silent" });
  const documents = (Array.isArray(parsed) ? parsed : []) as Document[];
  if (documents.some(({ errors }) => errors.length > 0)) return undefined;
  try {
    return documents.map((document) => document.toJS(options));
  } catch {
    // Aliases of nothing, or too many of them.
    return undefined;
  }
}
