/**
 * Can the files with credentials be read, and do the helpers that they name answer?
 * @module
 */
import { messageOf } from "../../errors.ts";
import { askHelper } from "../../place/registry/credential_helper.ts";
import {
  type AuthFile,
  authFilePaths,
  helperOf,
  readAuthFile,
  serverKey,
} from "../../place/registry/credentials.ts";
import { parseEndpoint } from "../../place/registry/endpoint.ts";
import {
  destinationOf,
  type Finding,
  findProgram,
  ok,
  type Patient,
  warning,
  wrong,
} from "./check.ts";

/** How long a helper may take, in milliseconds. */
const HELPER_MS = 5000;

/** Finds out about all files that are asked for credentials. What is in them is not shown. */
export async function checkCredentials(patient: Patient): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const path of authFilePaths(patient.environment)) {
    try {
      const file = readAuthFile(path);
      if (file !== undefined) found.push(...await ofFile(patient, path, file));
    } catch (error) {
      const mend = "mend it, or move it away and log in again";
      found.push(wrong("credentials", `${path} cannot be read: ${messageOf(error)}`, mend));
    }
  }
  if (found.length > 0) return found;
  return [ok("credentials", "none are kept: registries are asked without any")];
}

async function ofFile(
  patient: Patient,
  path: string,
  file: AuthFile,
): Promise<readonly Finding[]> {
  const names = Object.keys(file.auths ?? {});
  const helpers = helpersOf(file);
  const parts = [
    ...(names.length > 0 ? [`for ${names.map(shown).join(", ")}`] : []),
    ...(helpers.size > 0 ? [`helpers ${[...helpers.keys()].map(shown).join(", ")}`] : []),
  ];
  const found = [ok("credentials", `${path}: ${parts.join("; ") || "nothing"}`)];
  const info = await Deno.stat(path);
  const hasSecret = Object.values(file.auths ?? {})
    .some((entry) => Object.keys(entry ?? {}).length > 0);
  if (hasSecret && info.mode !== null && (info.mode & 0o077) !== 0) {
    const mend = `run "chmod 600 ${path}"`;
    found.push(warning("credentials", `${path} holds secrets that others can read`, mend));
  }
  for (const [helper, registry] of helpers) {
    found.push(await ofHelper(patient, helper, registry, isNeeded(patient, file, helper)));
  }
  return found;
}

/** Helpers, each with a registry that it is for. */
function helpersOf({ credHelpers = {}, credsStore }: AuthFile): ReadonlyMap<string, string> {
  const helpers = new Map<string, string>();
  for (const [registry, helper] of Object.entries(credHelpers ?? {})) {
    helpers.set(String(helper), registry);
  }
  if (credsStore) helpers.set(credsStore, helpers.get(credsStore) ?? "docker.io");
  return helpers;
}

/** Whether the registry that images go to is one that the helper is asked for. */
function isNeeded({ environment }: Patient, file: AuthFile, helper: string): boolean {
  const destination = destinationOf(environment);
  if (destination.kind !== "registry") return false;
  try {
    const { registry } = parseEndpoint(`${destination.repository}/x`);
    return helperOf(file, registry) === helper;
  } catch {
    return false;
  }
}

async function ofHelper(
  { environment, offline }: Patient,
  helper: string,
  registry: string,
  isNeeded: boolean,
): Promise<Finding> {
  const program = `docker-credential-${shown(helper)}`;
  const mend = "install it, or take it out of the file and log in again";
  const bad = isNeeded ? wrong : warning;
  if (!/^[\w.-]+$/.test(helper) || await findProgram(environment, program) === undefined) {
    return bad("credentials", `there is no ${program} on PATH`, mend);
  }
  // Some ask a service on the network.
  if (offline) return ok("credentials", `${program}, which was not asked (--offline)`);
  const complaints: string[] = [];
  const warn = (message: string) => complaints.push(message);
  const credential = await askHelper(helper, serverKey(registry), environment, warn, HELPER_MS);
  const [complaint] = complaints;
  if (complaint !== undefined) return bad("credentials", complaint, mend);
  const what = credential === undefined ? "no credential" : "a credential";
  return ok("credentials", `${program} answers, with ${what} for ${shown(registry)}`);
}

/** Names come from a file that anybody may have written. */
function shown(name: string): string {
  return name.replaceAll(/[^\w.:/@-]/g, "?").slice(0, 100);
}
