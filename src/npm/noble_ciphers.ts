/**
 * What is used of `@noble/ciphers`.
 * @module
 */
export { xsalsa20poly1305 } from "npm:@noble/ciphers@2.4.0/salsa.js";
