/**
 * What is used of `playwright-core`, which drives the browser that a package manager brought.
 * @module
 */
export { chromium, type Page } from "npm:playwright-core@1.65.1";
