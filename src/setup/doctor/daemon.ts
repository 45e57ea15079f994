/**
 * Which Docker daemon would get images, and does it answer? And the nodes of kind behind it.
 * @module
 */
import { variable } from "../../config/environment.ts";
import { messageOf } from "../../errors.ts";
import { DaemonClient } from "../../place/daemon/client.ts";
import { type DaemonEndpoint, formatEndpoint } from "../../place/daemon/endpoint.ts";
import { KindCluster } from "../../place/daemon/kind.ts";
import { findDaemonOf } from "../../place/open.ts";
import { destinationOf, type Finding, ok, type Patient, told } from "./check.ts";

/** How long a daemon may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Finds out about the daemon, and about the cluster where `KO_DOCKER_REPO` is under `kind.local`. */
export async function checkDaemon(patient: Patient): Promise<readonly Finding[]> {
  const { environment, transfer, offline } = patient;
  const { kind } = destinationOf(environment);
  const isNeeded = kind === "daemon" || kind === "kind";
  const status = isNeeded ? "wrong" : "warning";
  let endpoint: DaemonEndpoint;
  try {
    endpoint = await findDaemonOf(transfer);
  } catch (error) {
    return [told("daemon", status, messageOf(error))];
  }
  const where = formatEndpoint(endpoint);
  if (offline) return [ok("daemon", `${where}, which was not asked (--offline)`)];
  const signal = bounded(patient);
  try {
    const { status: answer, text } = await new DaemonClient(endpoint)
      .ask("GET", "/version", { signal });
    if (answer !== 200) throw new Error(`${where} answered ${answer} when asked for its version`);
    const found = [ok("daemon", `${versionOf(text)} at ${where}`)];
    return kind === "kind" ? [...found, ...await cluster(patient, endpoint)] : found;
  } catch (error) {
    patient.signal?.throwIfAborted();
    const late = signal.aborted ? `${where} did not answer within ${PATIENCE_MS / 1000} s` : "";
    return [told("daemon", status, late || messageOf(error))];
  }
}

function bounded({ signal }: Patient): AbortSignal {
  const late = AbortSignal.timeout(PATIENCE_MS);
  return signal === undefined ? late : AbortSignal.any([signal, late]);
}

function versionOf(text: string): string {
  try {
    const { Version = "?", Components = [] } = JSON.parse(text) as {
      Version?: string;
      Components?: readonly { Name?: string }[] | null;
    };
    const isPodman = Components?.some(({ Name = "" }) => /podman/i.test(Name)) ?? false;
    return `${isPodman ? "podman" : "Docker"} ${String(Version).slice(0, 60)}`;
  } catch {
    return "something that is no Docker daemon";
  }
}

async function cluster(patient: Patient, endpoint: DaemonEndpoint): Promise<readonly Finding[]> {
  const name = variable(patient.environment, "KIND_CLUSTER_NAME") ?? "kind";
  try {
    const nodes = await new KindCluster(endpoint, name).nodes({ signal: bounded(patient) });
    return [ok("kind", `cluster ${name} with ${nodes.map((node) => node.name).join(", ")}`)];
  } catch (error) {
    patient.signal?.throwIfAborted();
    return [told("kind", "wrong", messageOf(error))];
  }
}
