/**
 * Does the registry of `KO_DOCKER_REPO` answer, and would it take a push?
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { checkAccess } from "../../place/registry/check_access.ts";
import { registryOptions } from "../../place/open.ts";
import { destinationOf, type Finding, ok, type Patient, told, warning, wrong } from "./check.ts";

/** Finds out about the registry; pushes nothing. */
export async function checkRegistry(patient: Patient): Promise<readonly Finding[]> {
  const { environment, transfer, offline, signal } = patient;
  const destination = destinationOf(environment);
  if (destination.kind === "none") {
    return [ok("registry", "KO_DOCKER_REPO is not set: images stay in a layout")];
  }
  if (destination.kind !== "registry") {
    return [ok("registry", "KO_DOCKER_REPO names no registry but the daemon")];
  }
  const { repository } = destination;
  if (offline) return [ok("registry", `${repository}, which was not asked (--offline)`)];
  const warnings: string[] = [];
  try {
    const { origin, wants, known, push } = await checkAccess(`${repository}/x`, {
      ...registryOptions(transfer),
      retry: { attempts: 1 },
      connectMs: 5000,
      answerMs: 10_000,
      onWarning: (message) => warnings.push(message),
      signal,
    });
    const who = known ? "with your credential" : "without a credential";
    if (push === false) {
      const mend = `log in as somebody who may push (kodeno login ${new URL(origin).host})`;
      return [
        wrong("registry", `${origin} lets in ${who}, but not to push to ${repository}`, mend),
      ];
    }
    if (push === true) return [ok("registry", `${origin} lets push to ${repository} ${who}`)];
    if (wants === "nothing") return [ok("registry", `${origin} lets everybody in`)];
    const found = `${origin} lets in ${who}; whether it lets push, only a push tells`;
    return [known ? ok("registry", found) : warning("registry", found)];
  } catch (error) {
    signal?.throwIfAborted();
    const isKnown = error instanceof KodenoError;
    return [
      told("registry", "wrong", isKnown ? error.message : `${repository}: ${messageOf(error)}`),
      ...warnings.map((message) => warning("registry", message)),
    ];
  }
}
