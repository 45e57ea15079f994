/**
 * The recipes of `kodeno login` and `kodeno logout`.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { registryOptions } from "../place/open.ts";
import { checkLogin } from "../place/registry/access.ts";
import { apiHost } from "../place/registry/endpoint.ts";
import { checkHost, forgetLogin, keepLogin, type LoggedOut } from "../place/registry/login.ts";

/** Who is to be let in where. */
interface LoginRequest extends TransferOptions, Pick<WorkOptions, "signal"> {
  /** Host and port of the registry. */
  readonly host: string;
  readonly user: string;
  readonly password: string;
}

/**
 * Asks a registry whether user and password are right, and keeps them where Docker keeps them; where
 * that is, for a person. What the registry does not say is right is not kept.
 */
export async function login(request: LoginRequest): Promise<string> {
  const { host, user, password, signal } = request;
  if (user === "" || password === "") {
    throw new KodenoError("BAD_OPTION", "Cannot log in: user and password must not be empty");
  }
  const config = resolveTransferConfig(request);
  const onlyHosts = config.offline ? [apiHost(checkHost(host))] : undefined;
  await checkLogin(host, user, password, { ...registryOptions(config), onlyHosts, signal });
  return await keepLogin(host, user, password, config.environment);
}

/** Forgets them. */
export async function logout(host: string): Promise<LoggedOut> {
  return await forgetLogin(host, processEnvironment());
}
