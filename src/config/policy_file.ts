/**
 * Files that say what is demanded of images before they are moved or built on: their schema, and reading
 * them.
 * @module
 */
import { dirname, resolve } from "node:path";
import { z } from "../npm/zod.ts";
import { checkYaml } from "./yaml/check.ts";
import { readYaml } from "./yaml/document.ts";

/** Text is a list of one. */
const texts = z.union([z.array(z.string()).min(1), z.string()]);
const listOf = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === "string" ? [value] : value;

const AGE = /^([1-9]\d{0,5})([mhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

const attestation = z.strictObject({
  type: z.string().describe("spdx, cyclonedx, slsaprovenance1, vuln, openvex, or a URI"),
  maxAge: z.string().regex(AGE, { error: "a number with m, h or d is allowed, such as 30d" })
    .describe("how long ago it may have been made, by the time that it states and that is signed")
    .optional(),
});

const rule = z.strictObject({
  names: texts.optional()
    .describe("globs of names, such as registry.local/team/*; default: all images"),
  type: z.enum(["signedBy", "insecureAcceptAnything", "reject"]).optional()
    .describe("signedBy (the default) demands a signature; the words of containers' policy.json"),
  keys: texts.optional()
    .describe("files of public keys, one of which must have signed; relative to this file"),
  attestations: z.union([z.array(z.union([z.string(), attestation])), z.string()]).optional()
    .describe("statements that one of the keys must have signed, too"),
  signedAs: texts.optional()
    .describe("globs of repositories that cosign's old signatures may name instead of the image's"),
}).superRefine(({ type = "signedBy", keys, attestations, signedAs }, context) => {
  const say = (message: string) => context.addIssue({ code: "custom", message });
  if (type === "signedBy" && keys === undefined) say("keys are needed, or another type");
  if (type !== "signedBy" && (keys ?? attestations ?? signedAs) !== undefined) {
    say(`keys, attestations and signedAs are allowed of type "signedBy" only`);
  }
});

/** What a file says, and what stands for one in a `.ko.yaml`. */
export const policySchema = z.strictObject({
  rules: z.array(rule).min(1)
    .describe("the first one that is for an image's name decides; one that none is for is refused"),
}).describe("what is demanded of images that kodeno moves, or builds on");

/** A policy as it is written. */
export type PolicyText = z.infer<typeof policySchema>;

/** Rules, their defaults filled in. */
export interface PolicyFile {
  /** As a person would name it. */
  readonly name: string;
  /** The first one that is for an image decides. */
  readonly rules: readonly {
    /** Globs; all images where there are none. */
    readonly names: readonly string[] | undefined;
    readonly type: "signedBy" | "insecureAcceptAnything" | "reject";
    /** Paths. */
    readonly keys: readonly string[];
    readonly attestations: readonly {
      readonly type: string;
      readonly maxAgeMs: number | undefined;
    }[];
    /** Globs. */
    readonly signedAs?: readonly string[] | undefined;
  }[];
}

/**
 * Reads a policy.
 *
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the file
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const [value] = checkYaml(await readYaml(path), policySchema);
  return policyOf(value, path, dirname(path));
}

/** Completes a policy whose keys are relative to a folder. */
export function policyOf({ rules }: PolicyText, name: string, directory: string): PolicyFile {
  return {
    name,
    rules: rules.map(({ names, type = "signedBy", keys, attestations = [], signedAs }) => ({
      names: listOf(names),
      signedAs: listOf(signedAs),
      type,
      keys: (listOf(keys) ?? []).map((key) => resolve(directory, key)),
      attestations: [attestations].flat().map((one) => {
        const { type, maxAge = "" } = typeof one === "string" ? { type: one } : one;
        const [, count, unit = ""] = AGE.exec(maxAge) ?? [];
        const maxAgeMs = count === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
        return { type, maxAgeMs };
      }),
    })),
  };
}
