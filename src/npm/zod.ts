/**
 * What is used of `zod`: checks of files and answers that need good messages.
 * @module
 */
export { z } from "npm:zod@4.6.7";
