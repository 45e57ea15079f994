/**
 * What all checks of `kodeno doctor` have in common.
 * @module
 */
import { delimiter, join } from "node:path";
import { type Environment, variable } from "../../config/environment.ts";
import type { TransferConfig } from "../../place/transfer.ts";

/** `wrong` keeps work from being done; with a `warning` some of it goes. */
export type Status = "ok" | "warning" | "wrong";

/** What a check has found; none of it is a secret. */
export interface Finding {
  /** What was looked at. */
  readonly check: string;
  readonly status: Status;
  readonly found: string;
  /** The next step. */
  readonly mend?: string | undefined;
}

/** Where and how a check looks. */
export interface Patient {
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

/** Looks at one thing; changes nothing. */
export type Check = (patient: Patient) => Promise<readonly Finding[]>;

/** A finding that is fine. */
export function ok(check: string, found: string): Finding {
  return { check, status: "ok", found };
}

/** A finding that keeps some work from being done. */
export function warning(check: string, found: string, mend?: string): Finding {
  return { check, status: "warning", found, ...(mend === undefined ? {} : { mend }) };
}

/** A finding that has to be mended. */
export function wrong(check: string, found: string, mend?: string): Finding {
  return { check, status: "wrong", found, ...(mend === undefined ? {} : { mend }) };
}

/** A finding from the message of an error, whose next step stands behind a semicolon. */
export function told(check: string, status: "warning" | "wrong", message: string): Finding {
  const [, found = message, mend] = /^(.*?)(?:; (.*))?$/s.exec(message) ?? [];
  return { check, status, found, ...(mend === undefined ? {} : { mend }) };
}

/** The path of a program on PATH; undefined where there is none. */
export async function findProgram(
  environment: Environment,
  name: string,
): Promise<string | undefined> {
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const path = join(folder || ".", name);
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && (info.mode === null || (info.mode & 0o111) !== 0)) return path;
  }
  return undefined;
}

/** The domains that stand for no registry. */
export type Destination =
  | { readonly kind: "none" | "daemon" | "kind" }
  | { readonly kind: "registry"; readonly repository: string };

/** Where images go by `KO_DOCKER_REPO`. */
export function destinationOf(environment: Environment): Destination {
  const repository = variable(environment, "KO_DOCKER_REPO");
  if (repository === undefined) return { kind: "none" };
  const [domain = ""] = repository.split("/");
  if (domain === "ko.local") return { kind: "daemon" };
  if (domain === "kind.local") return { kind: "kind" };
  return { kind: "registry", repository };
}

/** A URL as it may be shown: without user and password. */
export function shownUrl(text: string): string {
  const full = text.includes("://") ? text : `http://${text}`;
  return URL.canParse(full) ? new URL(full).origin : "what is no URL";
}
