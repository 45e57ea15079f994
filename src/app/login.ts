/**
 * The use cases of `kodeno login` and `kodeno logout`.
 * @module
 */
import { processEnvironment } from "../config/environment.ts";
import * as store from "../store/registry/login.ts";

/**
 * Keeps user and password for a registry, where Docker keeps them.
 *
 * @returns where they are kept, for a person
 * @throws {KodenoError} `BAD_OPTION`, `IO_FAILED`
 */
export async function login(host: string, user: string, password: string): Promise<string> {
  return await store.login(host, user, password, processEnvironment());
}

/**
 * Forgets them.
 *
 * @returns where they were kept, for a person
 * @throws {KodenoError} `IO_FAILED`
 */
export async function logout(host: string): Promise<string> {
  return await store.logout(host, processEnvironment());
}
