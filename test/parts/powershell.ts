/**
 * Whether a text is PowerShell, by the grammar that VS Code has: PowerShell itself is in none of the
 * package registries that CI reaches.
 * @module
 */
import { treeSitter } from "./tree_sitter.ts";

const GRAMMAR = "npm:@vscode/tree-sitter-wasm@0.3.1/wasm/tree-sitter-powershell.wasm";

/** Whether a parser finds no error in a text. */
export async function isPowerShell(text: string): Promise<boolean> {
  const { Language, Parser } = treeSitter;
  await Parser.init();
  const grammar = await Deno.readFile(new URL(import.meta.resolve(GRAMMAR)));
  const parser = new Parser();
  parser.setLanguage(await Language.load(grammar));
  const tree = parser.parse(text);
  const isWhole = tree !== null && !tree.rootNode.hasError;
  parser.delete();
  return isWhole;
}
