/**
 * What `kodeno doctor` finds, and where it looks.
 * @module
 */
import { type Environment, variable } from "../../config/environment.ts";
import { messageOf } from "../../errors.ts";
import { isUnder, kindCluster, LOCAL_DOMAIN } from "../../place/domains.ts";
import { registryOptions } from "../../place/open.ts";
import type { TransferConfig } from "../../place/registry/transport.ts";

/** What a check has found; none of it is a secret. */
export interface Finding {
  readonly check: string;
  /** `wrong` keeps work from being done; with a `warning` some of it goes. */
  readonly status: "ok" | "warning" | "wrong";
  readonly found: string;
  /** The next step. */
  readonly mend?: string;
}

interface Surroundings {
  /** Absolute. */
  readonly directory: string;
  readonly environment: Environment;
  readonly transfer: TransferConfig;
  /** Nothing may be dialled. */
  readonly offline: boolean;
  /** What takes a network beyond the user's own registry may be asked, too. */
  readonly online: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A check at work: it looks at one thing, adds what it finds, and changes nothing. */
export class Checkup {
  constructor(
    readonly check: string,
    readonly where: Surroundings,
    readonly findings: Finding[] = [],
  ) {}

  /** How a server is asked that may not answer: nobody waits long for what is wrong. */
  get asking() {
    const { transfer, signal } = this.where;
    return { ...registryOptions(transfer), connectMs: 5000, answerMs: 10_000, signal };
  }

  /** Adds findings about something else to the same ones. */
  about(check: string): Checkup {
    return new Checkup(check, this.where, this.findings);
  }

  add(status: Finding["status"], found: string, mend?: string): void {
    const { check } = this;
    this.findings.push({ check, status, found, ...(mend === undefined ? {} : { mend }) });
  }

  ok(found: string): void {
    this.add("ok", found);
  }

  /**
   * Adds an error, in whose message the next step stands behind a semicolon; one in brackets is of what
   * a registry said. The signal's is thrown.
   */
  failure(status: "warning" | "wrong", error: unknown): void {
    this.where.signal?.throwIfAborted();
    const message = messageOf(error);
    const ends = [...message.matchAll(/; /g)].map(({ index }) => index);
    const isWhole = (text: string) => text.split("(").length === text.split(")").length;
    const end = ends.find((at) => isWhole(message.slice(0, at)));
    if (end === undefined) this.add(status, message);
    else this.add(status, message.slice(0, end), message.slice(end + 2));
  }

  /** What some work comes to; nothing, and its failure as a finding, where it fails. */
  async tried<T>(bad: "warning" | "wrong", work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failure(bad, error);
      return undefined;
    }
  }
}

/** Where images go by `KO_DOCKER_REPO`; the name of the cluster for kind. */
export function destinationOf(environment: Environment) {
  const repository = variable(environment, "KO_DOCKER_REPO") ?? "";
  const cluster = kindCluster(repository, environment);
  const others = isUnder(repository, LOCAL_DOMAIN) ? "daemon" : "registry";
  const kind = repository === "" ? "none" : cluster === undefined ? others : "kind";
  return { kind, repository, cluster };
}

/** A URL as it may be shown: without user and password. */
export function shownUrl(text: string): string {
  const full = text.includes("://") ? text : `http://${text}`;
  const url = URL.parse(full);
  return url === null ? "what is no URL" : `${url.protocol}//${url.host}`;
}
