/**
 * What is used of `@noble/curves`.
 * @module
 */
export { ed25519ph } from "npm:@noble/curves@2.4.0/ed25519.js";
