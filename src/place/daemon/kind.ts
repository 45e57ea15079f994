/**
 * The nodes of a kind cluster as a place: containers of a daemon, each with a containerd of its own
 * that keeps the images of Kubernetes. An archive goes into all of them at once, as kind itself brings
 * one there: by `docker exec -i NODE ctr images import -`.
 * @module
 */
import type { Blobs, CallOptions } from "../../content/places.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { type RunOptions, runProgram, type RunResult, StartError } from "../../exec/run.ts";
import { z } from "../../npm/zod.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { listed } from "../../oci/entries.ts";
import { normalizeName, parseImageName } from "../../oci/reference.ts";
import { type DaemonChoice, DaemonPlace, type TakeArchive } from "./daemon_place.ts";
import type { DaemonEndpoint } from "./endpoint.ts";

/** The label of a container that is a node, with the name of its cluster. */
const CLUSTER = "io.x-k8s.kind.cluster";
const ROLE = "io.x-k8s.kind.role";
/** A cluster may have a load balancer, too, which runs no images. */
const ROLES: readonly (string | undefined)[] = ["control-plane", "worker"];
/** Where Kubernetes keeps its images in containerd. */
const IMAGES = ["ctr", "--namespace=k8s.io", "images"];

const containersSchema = z.array(z.looseObject({
  Id: z.string(),
  Names: z.array(z.string()).optional(),
  Labels: z.record(z.string(), z.string()).nullish(),
  State: z.string().optional(),
}));

/** A container, and its name as `kind get nodes` says it. */
type KindNode = { readonly id: string; readonly name: string };

type ExecOptions = Pick<RunOptions, "signal" | "stdin">;

/** A cluster, and how its daemon is reached. */
interface KindOptions {
  readonly endpoint: DaemonEndpoint;
  /** As `kind get clusters` says. */
  readonly cluster: string;
  /** All variables for the `docker` that is run, which finds the daemon by them. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A cluster that kind made with the containers of a daemon; dials nothing before it is used. */
export class KindCluster extends DaemonPlace<ReadonlyMap<KindNode, readonly string[]>> {
  readonly what: string;
  /** Those that were asked for last. */
  #nodes: readonly KindNode[] | undefined;

  constructor(readonly options: KindOptions) {
    super(options.endpoint, options.environment);
    this.what = `kind cluster ${JSON.stringify(options.cluster)}`;
  }

  /** Says whether there is such a cluster and all its nodes run. */
  async check(options: CallOptions = {}): Promise<void> {
    await this.nodes(options);
  }

  /** The nodes, sorted by name. GET /containers/json. */
  async nodes({ signal }: CallOptions = {}): Promise<readonly KindNode[]> {
    const query = new URLSearchParams({ all: "1", filters: JSON.stringify({ label: [CLUSTER] }) });
    const path = `/containers/json?${query}`;
    const containers = await this.client.get(path, containersSchema, "list containers", signal);
    const all = containers.filter((c) => c.Labels?.[CLUSTER] && ROLES.includes(c.Labels[ROLE]));
    const own = all.filter(({ Labels }) => Labels?.[CLUSTER] === this.options.cluster);
    if (own.length === 0) {
      const others = [...new Set(all.map(({ Labels }) => Labels?.[CLUSTER] ?? ""))].sort();
      const next = others.length > 0
        ? `set KIND_CLUSTER_NAME to one that it has: ${others.join(", ")}`
        : 'make one with "kind create cluster"';
      throw this.#unusable(`the Docker daemon at ${this.where} has no node of it; ${next}`);
    }
    return this.#nodes = own.map(({ Id: id, Names, State }) => {
      const name = Names?.[0]?.replace(/^\//, "") ?? id;
      if (State !== undefined && State !== "running") {
        throw this.#unusable(`node ${name} is ${State}; run "docker start ${name}"`);
      }
      return { id, name };
    }).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  protected override async find(
    source: Blobs,
    root: Descriptor,
    options: DaemonChoice,
  ): Promise<Descriptor> {
    const chosen = await this.choose(source, root, options);
    const names = new Map<KindNode, readonly string[]>();
    for (const node of await this.nodes(options)) {
      const list = ["list", "-q", `target.digest==${chosen.digest}`];
      const { stdout } = await this.#ctr(node, list, { signal: options.signal });
      names.set(node, stdout.split("\n").filter((name) => name !== ""));
    }
    const isThere = [...names.values()].every((found) => found.length > 0);
    if (isThere) this.present.set(chosen.digest, names);
    return chosen;
  }

  /** The ID of an image that was copied: in containerd it is its digest. */
  override idOf({ digest }: Descriptor): string {
    return digest;
  }

  override keep(all: readonly Descriptor[]): Promise<void> {
    const why = "nothing finds it there without a name";
    const message = `Cannot load ${
      listed(all.map(({ digest }) => digest))
    } into ${this.what}: ${why}`;
    return Promise.reject(new KodenoError("BAD_REFERENCE", message));
  }

  protected async nameThere(d: Descriptor, ref: string, options: CallOptions): Promise<boolean> {
    const { name = "", tag } = parseImageName(ref);
    const whole = normalizeName(`${name}:${tag}`);
    for (const [node, names] of this.present.get(d.digest) ?? []) {
      const [first = ""] = names;
      if (names.includes(whole)) continue;
      await this.#ctr(node, ["tag", "--force", first, whole], { signal: options.signal });
    }
    return true;
  }

  protected async takers(): Promise<readonly TakeArchive[]> {
    return (this.#nodes ?? await this.nodes()).map((node) => async (stdin, signal) => {
      const snapshotter = `--snapshotter=${await this.#snapshotter(node, signal)}`;
      await this.#ctr(node, ["import", "--all-platforms", snapshotter, "-"], { stdin, signal });
    });
  }

  /** The one that Kubernetes has there: containers are made of what lies unpacked in it. */
  async #snapshotter(node: KindNode, signal: AbortSignal): Promise<string> {
    const { stdout } = await this.#exec(node, ["containerd", "config", "dump"], { signal });
    let isOfKubernetes = false;
    for (const line of stdout.split("\n")) {
      if (/^\s*\[/.test(line)) isOfKubernetes = /cri["'.]|cri\.v1\.images["']\]/.test(line);
      const [, found] = /^\s*snapshotter = ["']([\w.-]+)["']/.exec(line) ?? [];
      if (isOfKubernetes && found !== undefined) return found;
    }
    return "overlayfs";
  }

  async #ctr(node: KindNode, args: readonly string[], options: ExecOptions): Promise<RunResult> {
    const command = [...IMAGES, ...args];
    const result = await this.#exec(node, command, options);
    if (result.code === 0) return result;
    const output = `${result.stdout}\n${result.stderr}`.trim();
    const why = output.split("\n").at(-1)?.trim() || "it says nothing";
    const what = `"${command.join(" ")}" in kind node ${node.name}`;
    const message = `Cannot run ${what}: exit code ${result.code} (${why})`;
    throw new KodenoError("IO_FAILED", message, { node: node.name, output });
  }

  async #exec({ id }: KindNode, args: readonly string[], options: ExecOptions): Promise<RunResult> {
    const { endpoint, environment: given } = this.options;
    // A socket that was found where it usually is may be another one than docker would look for.
    const environment = endpoint.kind === "unix" ? { ...given, DOCKER_HOST: this.where } : given;
    const command = ["docker", "exec", ...options.stdin ? ["-i"] : [], id, ...args];
    try {
      return await runProgram({ ...options, command, environment });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      throw this.#unusable(`${messageOf(error)}, and kind's nodes are reached by it`);
    }
  }

  #unusable(why: string): KodenoError {
    const message = `Cannot load into ${this.what}: ${why}`;
    return new KodenoError("BAD_PLACE", message, { cluster: this.options.cluster });
  }
}
