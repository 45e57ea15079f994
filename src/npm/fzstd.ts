/**
 * What is used of `fzstd`.
 * @module
 */
export { Decompress } from "npm:fzstd@0.1.1";
