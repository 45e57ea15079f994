/**
 * What is demanded of images: by keys on a command line, or by the rules of a file.
 * @module
 */
import type { TrustOptions } from "../config/options.ts";
import type { PolicyFile } from "../config/policy_file.ts";
import { KodenoError } from "../errors.ts";
import { compileGlob } from "../io/globs.ts";
import { normalizeName, shortName, withoutTag } from "../oci/reference.ts";
import { readKeys } from "./key_files.ts";
import type { VerificationKey } from "./keys.ts";
import { predicateType } from "./statement.ts";

/** A statement that has to be signed about an image. */
export interface DemandedStatement {
  /** As a URI. */
  readonly predicateType: string;
  /** How long ago it may have been made, in milliseconds. */
  readonly maxAgeMs?: number | undefined;
}

/** What is demanded of the images that a rule is for. */
export interface Demand {
  /** For messages: `rule 2 of policy.yaml`; nothing where the command line says it. */
  readonly what?: string | undefined;
  /** In the words of containers' `policy.json`. */
  readonly type: "signedBy" | "insecureAcceptAnything" | "reject";
  /** One of which has to have signed. */
  readonly keys: readonly VerificationKey[];
  /** Of which one of the keys has to have signed each, too. */
  readonly statements: readonly DemandedStatement[];
  /** Whether a signature may say that it is of an image of some repository. */
  readonly maySay?: ((repository: string) => boolean) | undefined;
}

/** What is demanded of images by their names. */
export interface Policy {
  /** For messages: `policy.yaml`. */
  readonly what: string;
  /** The demand on an image; undefined where no rule is for it, and it is refused. */
  demandOn(name: string | undefined): Demand | undefined;
}

/** A policy that demands of all images that one of some keys has signed them, and statements about them. */
function keyPolicy(keys: readonly VerificationKey[], predicateTypes: readonly string[]): Policy {
  const statements = predicateTypes.map((type) => ({ predicateType: predicateType(type) }));
  return { what: "the keys", demandOn: () => ({ type: "signedBy", keys, statements }) };
}

/** The policy of a file; its keys are read. */
function filePolicy({ name, rules }: PolicyFile): Policy {
  const demands = rules.map(({ names, type, keys, attestations, signedAs = [] }, i) => {
    const globs = names?.map(compileGlob);
    const others = signedAs.map(compileGlob);
    const demand: Demand = {
      what: `rule ${i + 1} of ${name}`,
      type,
      keys: readKeys(keys),
      statements: attestations.map((one) => ({
        predicateType: predicateType(one.type),
        maxAgeMs: one.maxAgeMs,
      })),
      maySay: (repository) => formsOf(repository).some((form) => others.some((is) => is(form))),
    };
    return { globs, demand };
  });
  return {
    what: name,
    demandOn: (name) => {
      const forms = formsOf(name);
      const isFor = ({ globs }: typeof demands[number]): boolean =>
        globs === undefined || globs.some((matches) => forms.some(matches));
      return demands.find(isFor)?.demand;
    },
  };
}

/**
 * Reads what options demand of images; undefined where they demand nothing.
 *
 * @param options keys, and types of statements that they have to have signed, too; or a policy: the path
 * of a file, or what stands for one
 * @throws {KodenoError} `BAD_OPTION` for a key that cannot be used, `BAD_CONFIG` for a file
 */
export async function openPolicy(
  { verifyKeys = [], attestations = [], policy }: Pick<TrustOptions, "verifyKeys"> & {
    readonly attestations?: readonly string[] | undefined;
    readonly policy?: string | PolicyFile | undefined;
  },
): Promise<Policy | undefined> {
  if (attestations.length > 0 && (policy !== undefined || verifyKeys.length === 0)) {
    const next = policy === undefined
      ? "say with --key FILE who has to have signed"
      : `say them in ${typeof policy === "string" ? policy : policy.name}`;
    throw new KodenoError("BAD_OPTION", `Cannot verify attestations: ${next}`);
  }
  if (policy === undefined) {
    return verifyKeys.length > 0 ? keyPolicy(readKeys(verifyKeys), attestations) : undefined;
  }
  if (typeof policy !== "string") return filePolicy(policy);
  if (verifyKeys.length > 0) {
    const why = "its rules say which keys; leave the keys out";
    throw new KodenoError("BAD_OPTION", `Cannot use policy ${policy} with keys: ${why}`);
  }
  // Loading what checks it takes longer than most commands.
  const { readPolicyFile } = await import("../config/policy_file.ts");
  return filePolicy(await readPolicyFile(policy));
}

/** A name in all forms that people write it in: with and without its tag, Docker Hub's short and whole. */
function formsOf(named: string | undefined): readonly string[] {
  if (named === undefined) return [];
  const name = named.replace(/@.*$/, "");
  const [short, whole] = [shortName(name), normalizeName(name)];
  return [...new Set([short, whole, withoutTag(short), withoutTag(whole)])];
}
