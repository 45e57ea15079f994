/**
 * What is used of `log-update`: lines of a terminal that change.
 * @module
 */
export { createLogUpdate } from "npm:log-update@8.0.0";
