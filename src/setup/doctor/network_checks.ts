/**
 * What `kodeno doctor` looks at on the way to other machines: credentials, the registry, proxies, the
 * Docker daemon and the nodes of kind behind it.
 * @module
 */
import { baseFailure, baseText, namedBases, parseBase } from "../../build/base_names.ts";
import { loadConfig, resolveBuildConfig } from "../../config/config.ts";
import { type Environment, programOnPath } from "../../config/environment.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { isBuiltinBase } from "../../image/builtin_base.ts";
import { z } from "../../npm/zod.ts";
import { DaemonClient } from "../../place/daemon/client.ts";
import { type DaemonEndpoint, formatEndpoint } from "../../place/daemon/endpoint.ts";
import { KindCluster } from "../../place/daemon/kind.ts";
import { findDaemonOf, openSource } from "../../place/open.ts";
import { checkAccess } from "../../place/registry/access.ts";
import {
  askHelper,
  type AuthFile,
  authFilePaths,
  gitHubToken,
  helperOf,
  readAuthFile,
  serverKey,
} from "../../place/registry/credentials.ts";
import { parseEndpoint } from "../../place/registry/endpoint.ts";
import { proxyFor, proxySetting } from "../../place/registry/proxy.ts";
import type { TransferConfig } from "../../place/registry/transport.ts";
import { Checkup, destinationOf, shownUrl } from "./report.ts";

/**
 * Can the files with credentials be read, and do the helpers that they name answer? What is in them is
 * not shown.
 */
export async function checkCredentials(checkup: Checkup): Promise<void> {
  for (const path of authFilePaths(checkup.where.environment)) {
    try {
      const file = readAuthFile(path);
      if (file !== undefined) await checkAuthFile(checkup, path, file);
    } catch (error) {
      const mend = "mend it, or move it away and log in again";
      checkup.add("wrong", `${path} cannot be read: ${messageOf(error)}`, mend);
    }
  }
  if (gitHubToken("ghcr.io", checkup.where.environment) !== undefined) {
    checkup.ok("GITHUB_TOKEN, for ghcr.io where the files have nothing for that");
  }
  if (checkup.findings.length > 0) return;
  checkup.ok("none are kept: registries are asked without any");
}

async function checkAuthFile(checkup: Checkup, path: string, file: AuthFile): Promise<void> {
  const { auths, credHelpers, credsStore } = file;
  // Helpers, each with a registry that it is for.
  const helpers = new Map(
    Object.entries(credHelpers ?? {}).map(([registry, helper]) => [String(helper), registry]),
  );
  if (credsStore) helpers.set(credsStore, helpers.get(credsStore) ?? "docker.io");
  const parts = [["for", Object.keys(auths ?? {})], ["helpers", [...helpers.keys()]]] as const;
  const shownParts = parts.filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.map(shown).join(", ")}`);
  checkup.ok(`${path}: ${shownParts.join("; ") || "nothing"}`);
  const { mode } = await Deno.stat(path);
  const hasSecret = Object.values(auths ?? {}).some((one) => Object.keys(one ?? {}).length > 0);
  if (hasSecret && mode !== null && (mode & 0o077) !== 0) {
    checkup.add("warning", `${path} holds secrets that others can read`, `run "chmod 600 ${path}"`);
  }
  for (const [helper, registry] of helpers) {
    await checkHelper(checkup, helper, registry, isNeeded(checkup.where.environment, file, helper));
  }
}

/** Whether the registry that images go to is one that the helper is asked for. */
function isNeeded(environment: Environment, file: AuthFile, helper: string): boolean {
  const { kind, repository } = destinationOf(environment);
  try {
    return kind === "registry" &&
      helperOf(file, parseEndpoint(`${repository}/x`).registry) === helper;
  } catch {
    return false;
  }
}

async function checkHelper(checkup: Checkup, helper: string, registry: string, isNeeded: boolean) {
  const { environment, offline } = checkup.where;
  const bad = isNeeded ? "wrong" : "warning";
  const program = `docker-credential-${shown(helper)}`;
  const mend = "install it, or take it out of the file and log in again";
  if (!/^[\w.-]+$/.test(helper) || programOnPath(environment, program) === undefined) {
    return checkup.add(bad, `there is no ${program} on PATH`, mend);
  }
  // Some ask a service on the network.
  if (offline) return checkup.ok(`${program}, which was not asked (--offline)`);
  const complaints: string[] = [];
  const warn = (message: string) => complaints.push(message);
  const credential = await askHelper(helper, serverKey(registry), environment, warn, 5000);
  const [complaint] = complaints;
  if (complaint !== undefined) return checkup.add(bad, complaint, mend);
  const what = credential === undefined ? "no credential" : "a credential";
  checkup.ok(`${program} answers, with ${what} for ${shown(registry)}`);
}

/** Names come from a file that anybody may have written. */
function shown(name: string): string {
  return name.replaceAll(/[^\w.:/@-]/g, "?").slice(0, 100);
}

/** Does the registry of `KO_DOCKER_REPO` answer, and would it take a push? Pushes nothing. */
export async function checkRegistry(checkup: Checkup): Promise<void> {
  const { environment, offline } = checkup.where;
  const { kind, repository } = destinationOf(environment);
  if (kind === "none") return checkup.ok("KO_DOCKER_REPO is not set: images stay in a layout");
  if (kind !== "registry") return checkup.ok("KO_DOCKER_REPO names no registry but the daemon");
  if (offline) return checkup.ok(`${repository}, which was not asked (--offline)`);
  const warnings: string[] = [];
  try {
    const { origin, isOpen, known, push } = await checkAccess(`${repository}/x`, {
      ...checkup.asking,
      onWarning: (message) => warnings.push(message),
    });
    const who = known ? "with your credential" : "without a credential";
    if (push === false) {
      const mend = known
        ? "have its owner let you push there, or log in as somebody who may"
        : `log in as somebody who may push (kodeno login ${new URL(origin).host})`;
      checkup.add("wrong", `${origin} lets in ${who}, but not to push to ${repository}`, mend);
    } else if (push) checkup.ok(`${origin} lets push to ${repository} ${who}`);
    else if (isOpen) checkup.ok(`${origin} lets everybody in`);
    else {
      const found = `${origin} lets in ${who}; whether it lets push, only a push tells`;
      checkup.add(known ? "ok" : "warning", found);
    }
  } catch (error) {
    const isKnown = error instanceof KodenoError;
    checkup.failure("wrong", isKnown ? error : `${repository}: ${messageOf(error)}`);
    for (const message of warnings) checkup.add("warning", message);
  }
}

/** Are the base images there that the configuration names? What they are made of is not read. */
export async function checkBases(checkup: Checkup): Promise<void> {
  const { directory: workingDirectory, environment, offline, transfer } = checkup.where;
  const loading = loadConfig({ workingDirectory, environment, offline });
  // What is wrong with the file itself is told where that is looked at.
  const config = await loading.then((options) => resolveBuildConfig(options, transfer))
    .catch(() => undefined);
  const all = (config ? namedBases(config) : []).map(async (base) => {
    const one = new Checkup(checkup.check, checkup.where);
    await one.tried("wrong", () => checkBase(one, base, config?.transfer ?? transfer));
    return one.findings;
  });
  checkup.findings.push(...(await Promise.all(all)).flat());
}

async function checkBase(
  checkup: Checkup,
  base: ReturnType<typeof namedBases>[number],
  transfer: TransferConfig,
): Promise<void> {
  const { directory, offline, signal } = checkup.where;
  const name = baseText(base).replace("base image ", "");
  if (isBuiltinBase(base.baseImage)) return checkup.ok(`${name}, which is built in`);
  const place = parseBase(base);
  if (offline && place.kind !== "layout" && place.kind !== "archive") {
    return checkup.ok(`${name}, which was not asked for (--offline)`);
  }
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opened = new AsyncDisposableStack();
  const { connectMs, answerMs } = checkup.asking;
  const quick = { ...transfer, connectMs, answerMs, retry: { attempts: 1 } };
  try {
    const { source, ref } = await openSource(place, quick, opened, { directory, signal });
    checkup.ok(`${name}: ${(await source.resolve(ref, { signal })).digest}`);
  } catch (error) {
    throw baseFailure(error, base, directory);
  }
}

const PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/** Do the proxy variables say what they are meant to? User and password in them are not shown. */
export function checkProxies(checkup: Checkup): void {
  const { environment } = checkup.where;
  const value = (name: string): string => proxySetting(environment, name);
  for (const name of [...PROXIES, "NO_PROXY"]) {
    const [upper, lower] = [environment[name], environment[name.toLowerCase()]];
    if (!upper || !lower || upper === lower) continue;
    const found = `${name} and ${name.toLowerCase()} differ: programs read one or the other`;
    checkup.add("warning", found, "set both to the same");
  }
  const set = PROXIES.filter((name) => value(name) !== "");
  if (set.length === 0) return checkup.ok("none are set");
  let isUsable = true;
  const own = { ...environment, NO_PROXY: "", no_proxy: "" };
  for (const scheme of ["https", "http"]) {
    try {
      proxyFor(new URL(`${scheme}://registry.example/`), own);
    } catch (error) {
      isUsable = false;
      const mend = "set it to http://HOST:PORT or socks5://HOST:PORT";
      checkup.failure("wrong", `${messageOf(error)}; ${mend}`);
    }
  }
  const names = set.map((name) => `${name} is ${shownUrl(value(name))}`);
  if (isUsable) checkup.ok(names.join(", "));
  const none = value("NO_PROXY").split(/[\s,]+/);
  const missing = ["localhost", "127.0.0.1"].filter((name) => !none.includes(name));
  if (missing.length > 0 && !none.includes("*")) {
    const found = `NO_PROXY lacks ${missing.join(" and ")}: kodeno and go do without a proxy ` +
      "there, others do not";
    checkup.add("warning", found, `add ${missing.join(",")} to NO_PROXY`);
  }
}

/** How long a daemon may take, in milliseconds. */
const DAEMON_MS = 10_000;
const versionSchema = z.looseObject({
  Version: z.string().default("?"),
  Components: z.array(z.looseObject({ Name: z.string().optional() })).nullish(),
});

/**
 * Which Docker daemon would get images, and does it answer? And the cluster behind it, where
 * `KO_DOCKER_REPO` is under `kind.local`.
 */
export async function checkDaemon(checkup: Checkup): Promise<void> {
  const { environment, transfer, offline } = checkup.where;
  const { kind, cluster } = destinationOf(environment);
  const bad = kind === "daemon" || kind === "kind" ? "wrong" : "warning";
  const endpoint = await checkup.tried(bad, () => findDaemonOf(transfer));
  if (endpoint === undefined) return;
  const name = formatEndpoint(endpoint);
  if (offline) return checkup.ok(`${name}, which was not asked (--offline)`);
  const signal = bounded(checkup);
  try {
    using client = new DaemonClient(endpoint, environment);
    const doing = "say its version";
    const { Version, Components } = await client.get("/version", versionSchema, doing, signal);
    const isPodman = Components?.some(({ Name = "" }) => /podman/i.test(Name));
    checkup.ok(`${isPodman ? "podman" : "Docker"} ${Version.slice(0, 60)} at ${name}`);
    if (cluster !== undefined) await checkCluster(checkup.about("kind"), endpoint, cluster);
  } catch (error) {
    const late = `${name} did not answer within ${DAEMON_MS / 1000} s`;
    checkup.failure(bad, signal.aborted ? late : error);
  }
}

function bounded({ where: { signal } }: Checkup): AbortSignal {
  const late = AbortSignal.timeout(DAEMON_MS);
  return signal === undefined ? late : AbortSignal.any([signal, late]);
}

async function checkCluster(checkup: Checkup, endpoint: DaemonEndpoint, cluster: string) {
  const { environment } = checkup.where;
  await checkup.tried("wrong", async () => {
    await using kind = new KindCluster({ endpoint, cluster, environment });
    const nodes = await kind.nodes({ signal: bounded(checkup) });
    checkup.ok(`cluster ${cluster} with ${nodes.map((node) => node.name).join(", ")}`);
  });
}
