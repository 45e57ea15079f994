/**
 * What is used of `shell-quote`: words of shell commands.
 * @module
 */
export { parse } from "npm:shell-quote@1.12.0";
