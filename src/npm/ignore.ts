/**
 * What is used of `ignore`: the rules of `.gitignore`.
 * @module
 */
export { default as ignore } from "npm:ignore@7.0.5";
