/**
 * What is used of `@vscode/tree-sitter-wasm`: parsers of languages, as one package.
 * @module
 */
export { default as treeSitter } from "npm:@vscode/tree-sitter-wasm@0.3.1";
