/**
 * What is used of `tar`: the reader of whole archives, apart from the rest for its size.
 * @module
 */
export { Parser } from "npm:tar@7.5.23/parse";
