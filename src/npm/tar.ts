/**
 * What is used of `tar`: heads of entries.
 * @module
 */
export { Header } from "npm:tar@7.5.23/header";
