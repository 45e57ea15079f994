/**
 * The nodes of a kind cluster as a place to write to: containers of a daemon, each with a containerd
 * of its own that keeps the images of Kubernetes. An archive is sent into each of them.
 * @module
 */
import { z } from "zod";
import { Counter, type Meter, tellThere } from "../../content/meter.ts";
import type { CallOptions, Source } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { normalizeName } from "../../oci/reference.ts";
import { archiveStream } from "../archive/archive_writer.ts";
import { daemonRefusal, parseAnswer } from "./answer.ts";
import { DaemonClient } from "./client.ts";
import { Daemon } from "./daemon.ts";
import { type DaemonEndpoint, formatEndpoint } from "./endpoint.ts";
import { type ExecOptions, execute } from "./exec.ts";
import { chooseForDaemon, countedChunks } from "./load.ts";

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

/** A node. */
export interface KindNode {
  /** Of its container. */
  readonly id: string;
  /** As `kind get nodes` says. */
  readonly name: string;
}

/** What became of an image in the nodes of a cluster. */
export interface KindLoaded {
  /** Names of the nodes it was sent to; the others had it. */
  readonly sent: readonly string[];
}

/** A cluster that kind made with the containers of a daemon. */
export class KindCluster {
  readonly #client: DaemonClient;
  readonly #daemon: Daemon;
  readonly #where: string;

  /**
   * Takes a cluster; dials nothing yet.
   *
   * @param name as `kind get clusters` says
   */
  constructor(endpoint: DaemonEndpoint, readonly name: string) {
    this.#client = new DaemonClient(endpoint);
    this.#daemon = new Daemon(endpoint);
    this.#where = formatEndpoint(endpoint);
  }

  /**
   * The nodes, sorted by name. GET /containers/json.
   *
   * @throws {KodenoError} `BAD_PLACE` when there is no such cluster or a node does not run;
   * `IO_FAILED`
   */
  async nodes(options: CallOptions = {}): Promise<readonly KindNode[]> {
    const asked = { where: this.#where, doing: "list its containers" };
    const query = new URLSearchParams({ all: "1", filters: JSON.stringify({ label: [CLUSTER] }) });
    const { status, text } = await this.#client.ask("GET", `/containers/json?${query}`, options);
    if (status !== 200) throw daemonRefusal(asked, status, text);
    const all = parseAnswer(asked, containersSchema, text)
      .filter(({ Labels }) => Labels?.[CLUSTER] && ROLES.includes(Labels[ROLE]));
    const own = all.filter(({ Labels }) => Labels?.[CLUSTER] === this.name);
    if (own.length === 0) {
      const others = [...new Set(all.map(({ Labels }) => Labels?.[CLUSTER] ?? ""))].sort();
      throw this.#unusable(
        `the Docker daemon at ${this.#where} has no node of it; ` +
          (others.length > 0
            ? `set KIND_CLUSTER_NAME to one that it has: ${others.join(", ")}`
            : 'make one with "kind create cluster"'),
      );
    }
    return own.map(({ Id: id, Names, State }) => {
      const name = Names?.[0]?.replace(/^\//, "") ?? id;
      if (State !== undefined && State !== "running") {
        throw this.#unusable(`node ${name} is ${State}; run "docker start ${name}"`);
      }
      return { id, name };
    }).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /**
   * The image that the nodes get of several platforms: that of the machine they run on.
   *
   * @throws {KodenoError} `BAD_PLATFORM` when there is none; `BAD_CONTENT`, `NOT_FOUND`, `IO_FAILED`
   */
  async choose(
    source: Pick<Source, "fetch">,
    root: Descriptor,
    options: CallOptions = {},
  ): Promise<Descriptor> {
    return await chooseForDaemon(this.#daemon, source, root, options);
  }

  /**
   * Brings an image into each node, under names. A node that has it under the first of them gets the
   * others, and no bytes.
   *
   * @param root a manifest; see {@link KindCluster.choose}
   * @param names `NAME:TAG` each
   * @throws {KodenoError} `BAD_PLACE` as {@link KindCluster.nodes}; `BAD_CONTENT`, `NOT_FOUND`,
   * `BAD_REFERENCE`; `IO_FAILED` for what a node says: the nodes before it then have the image
   */
  async load(
    source: Pick<Source, "fetch">,
    root: Descriptor,
    names: readonly [string, ...string[]],
    options: CallOptions & Meter = {},
  ): Promise<KindLoaded> {
    const sent: string[] = [];
    const [first = "", ...others] = names.map(normalizeName);
    const { signal } = options;
    for (const node of await this.nodes(options)) {
      const listed = await this.#run(node, ["list", `name==${first}`], { signal });
      if (listed.includes(` ${root.digest} `)) {
        for (const name of others) {
          await this.#run(node, ["tag", "--force", first, name], { signal });
        }
        tellThere(root, options);
        continue;
      }
      const archive = await archiveStream(source, [{ descriptor: root, names }], { signal });
      const counter = new Counter(root.digest, archive.size, options);
      const input = () => countedChunks(archive, counter);
      await this.#run(node, ["import", "--all-platforms", "-"], { input, signal });
      counter.done();
      sent.push(node.name);
    }
    return { sent };
  }

  async #run({ id, name }: KindNode, args: readonly string[], options: ExecOptions) {
    const command = [...IMAGES, ...args];
    const { code, output } = await execute(this.#client, id, command, options);
    if (code === 0) return output;
    const why = output.split("\n").at(-1)?.trim() || "it says nothing";
    throw new KodenoError(
      "IO_FAILED",
      `Cannot run "${command.join(" ")}" in kind node ${name}: exit code ${code} (${why})`,
      { node: name, output },
    );
  }

  #unusable(why: string): KodenoError {
    const message = `Cannot load into kind cluster ${JSON.stringify(this.name)}: ${why}`;
    return new KodenoError("BAD_PLACE", message, { cluster: this.name });
  }
}
