/**
 * The recipe of `kodeno doctor`: what kodeno would meet here, and how to mend what is wrong.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import * as local from "../setup/doctor/local_checks.ts";
import * as network from "../setup/doctor/network_checks.ts";
import { Checkup, type Finding } from "../setup/doctor/report.ts";
import { lookedAt } from "../setup/init/repository.ts";

/** All checks, in the order they are shown. */
const CHECKS: Readonly<Record<string, (checkup: Checkup) => void | Promise<void>>> = {
  go: local.checkGo,
  git: local.checkGit,
  files: local.checkFiles,
  cache: local.checkCache,
  credentials: network.checkCredentials,
  registry: network.checkRegistry,
  "base image": network.checkBases,
  proxies: network.checkProxies,
  daemon: network.checkDaemon,
  kubectl: local.checkKubectl,
};

interface DoctorOptions extends TransferOptions, Pick<WorkOptions, "signal"> {
  /** Default the current one. */
  readonly directory?: string | undefined;
  /** Asks Go's module proxy, too. */
  readonly online?: boolean | undefined;
}

/** Looks at everything, all at once; changes nothing. */
export async function doctor(options: DoctorOptions): Promise<readonly Finding[]> {
  const { offline = false, online = false, signal } = options;
  if (offline && online) {
    throw new KodenoError("BAD_OPTION", "Cannot use --online together with --offline");
  }
  const directory = lookedAt(options.directory);
  const transfer = resolveTransferConfig(options);
  const { environment } = transfer;
  const where = { directory, environment, transfer, offline, online, signal };
  const found = await Promise.all(
    Object.entries(CHECKS).map(async ([name, check]) => {
      const checkup = new Checkup(name, where);
      try {
        await check(checkup);
      } catch (error) {
        checkup.failure("wrong", `it cannot be looked at: ${messageOf(error)}`);
      }
      return checkup.findings;
    }),
  );
  return found.flat();
}
