/**
 * Asks a registry whether a user and a password are right, before they are kept: `GET /v2/`
 * (distribution spec 1.1, "Determining Support"), and its token server where it has one.
 * @module
 */
import { type Challenge, fetchToken } from "./auth.ts";
import { basicAuthorization, type Credential } from "./credentials.ts";
import { apiHost } from "./endpoint.ts";
import { checkHost } from "./login.ts";
import { bearerOf, challengesOf, type Probe, probe, type ProbeOptions } from "./probe.ts";

/** What a person may do about a credential that is not taken. */
const NEXT = "check user and password; nothing was kept";

/**
 * Checks a user and a password. A registry that lets everybody in takes any.
 *
 * @param host host and port; any name of Docker Hub stands for it
 * @throws {RegistryError} `UNAUTHORIZED` when they are wrong, `REGISTRY_FAILED` when there is no
 * registry; {KodenoError} `BAD_OPTION` for a host that is none
 */
export async function checkLogin(
  host: string,
  username: string,
  password: string,
  options: ProbeOptions = {},
): Promise<void> {
  const registry = checkHost(host);
  const words = { doing: `log in to ${registry}`, who: "registry", denied: NEXT };
  await probe(
    { host: apiHost(registry), registry },
    words,
    options,
    (asked) => check(asked, { kind: "password", username, password }),
  );
}

async function check(asked: Probe, credential: Credential): Promise<void> {
  const first = await asked.get("/v2/");
  if (first.status !== 401) return await asked.expect("/v2/", first, [200]);
  const challenges = challengesOf(first);
  await first.body.cancel();
  const bearer = bearerOf(challenges);
  if (bearer !== undefined) {
    // Without a scope the token says only who is asking; to have got it is the answer.
    await fetchToken(asked.transport, bearer, asked.base, [], credential, asked.signal);
    return;
  }
  const second = await asked.get("/v2/", authorization(challenges, credential));
  await asked.expect("/v2/", second, [200]);
}

function authorization(
  challenges: readonly Challenge[],
  credential: Credential,
): string | undefined {
  const isBasic = challenges.some(({ scheme }) => scheme === "basic");
  if (!isBasic || credential.kind !== "password") return undefined;
  return basicAuthorization(credential.username, credential.password);
}
