/**
 * What is used of `re2js`: Go's regular expressions.
 * @module
 */
export { RE2JS, RE2JSException } from "npm:re2js@2.10.0";
