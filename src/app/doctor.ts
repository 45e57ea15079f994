/**
 * The use case of `kodeno doctor`: what kodeno would meet here, and how to mend what is wrong.
 * @module
 */
import { resolve } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { checkCache } from "../setup/doctor/cache.ts";
import { type Check, type Finding, type Patient, wrong } from "../setup/doctor/check.ts";
import { checkCredentials } from "../setup/doctor/credentials.ts";
import { checkDaemon } from "../setup/doctor/daemon.ts";
import { checkFiles } from "../setup/doctor/files.ts";
import { checkGit } from "../setup/doctor/git.ts";
import { checkGo } from "../setup/doctor/go.ts";
import { checkKubectl } from "../setup/doctor/kubectl.ts";
import { checkProxies } from "../setup/doctor/proxies.ts";
import { checkRegistry } from "../setup/doctor/registry.ts";

export type { Finding } from "../setup/doctor/check.ts";

/** All checks, in the order they are shown. */
const CHECKS: Readonly<Record<string, Check>> = {
  go: checkGo,
  git: checkGit,
  files: checkFiles,
  cache: checkCache,
  credentials: checkCredentials,
  registry: checkRegistry,
  proxies: checkProxies,
  daemon: checkDaemon,
  kubectl: checkKubectl,
};

/** Where and how to look. */
export interface DoctorOptions extends TransferOptions {
  /** Default the current one. */
  readonly directory?: string | undefined;
  /** Asks Go's module proxy, too. */
  readonly online?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at everything, all at once; changes nothing.
 *
 * @throws {KodenoError} `BAD_OPTION` for what is no folder, or for options that cannot be used
 */
export async function doctor(options: DoctorOptions = {}): Promise<readonly Finding[]> {
  const { offline = false, online = false, signal } = options;
  const directory = resolve(options.directory ?? ".");
  if (offline && online) {
    throw new KodenoError("BAD_OPTION", "Cannot use --online together with --offline");
  }
  if (!(await Deno.stat(directory).catch(() => undefined))?.isDirectory) {
    throw new KodenoError("BAD_OPTION", `Cannot look at ${directory}: there is no such folder`);
  }
  const environment = options.environment ?? processEnvironment();
  const transfer = resolveTransferConfig({ ...options, environment });
  const patient: Patient = { directory, environment, transfer, offline, online, signal };
  const found = await Promise.all(
    Object.entries(CHECKS).map(async ([name, check]) => {
      try {
        return await check(patient);
      } catch (error) {
        signal?.throwIfAborted();
        return [wrong(name, `it cannot be looked at: ${messageOf(error)}`)];
      }
    }),
  );
  return found.flat();
}
