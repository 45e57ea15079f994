/**
 * What is used of `socks`: the way through SOCKS proxies.
 * @module
 */
export { SocksClient } from "npm:socks@2.8.11";
