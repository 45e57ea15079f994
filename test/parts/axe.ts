/**
 * What is used of `axe-core`, which finds what keeps people from reading a page (WCAG).
 * @module
 */
export { default as axe } from "npm:axe-core@4.14.1";
