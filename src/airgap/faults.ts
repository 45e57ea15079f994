/**
 * What is wrong with documents of bundles, in the words that all kinds of them have.
 * @module
 */
import type { z } from "../npm/zod.ts";

/** What a version is, of which this kodeno reads another one; undefined of that. */
export function otherVersion(version: unknown, known: number): string | undefined {
  if (version === known) return undefined;
  const of = JSON.stringify(version)?.slice(0, 100);
  const next = "use the kodeno that reads the other";
  return `of version ${of}, and this kodeno reads version ${known}; ${next}`;
}

/** The first thing that a schema does not take, and where. */
export function firstIssue({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join(".") || "it"}: ${issue?.message}`;
}
