/**
 * What a caller may ask of a skaffold.yaml, by options and by the variables of Skaffold's flags.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import type { Environment } from "../environment.ts";

/** Names of Skaffold's file, the first before the second. */
export const SKAFFOLD_FILES = ["skaffold.yaml", "skaffold.yml"] as const;

/**
 * What is asked of a skaffold.yaml; everything may be left out. Where a field is, the variable
 * `SKAFFOLD_...` of Skaffold's flag of that name is asked.
 */
export interface SkaffoldOptions {
  /** Default `skaffold.yaml`. */
  readonly file?: string | undefined;
  /** Folder that paths in the file are relative to, as in Skaffold; default the current one. */
  readonly workingDirectory?: string | undefined;
  /** Parts of image names (`-b`); default all images. */
  readonly images?: readonly string[] | undefined;
  /** Names of profiles (`-p`); one after `-` turns it off. */
  readonly profiles?: readonly string[] | undefined;
  /** Whether profiles activate themselves; default true. */
  readonly profileAutoActivation?: boolean | undefined;
  /** Whether named profiles hold in required configurations, too; default true. */
  readonly propagateProfiles?: boolean | undefined;
  /** Names of configurations (`-m`); default all. */
  readonly modules?: readonly string[] | undefined;
  /** What comes before image names (`-d`). */
  readonly defaultRepo?: string | undefined;
  /** Whether that registry has names of many elements. */
  readonly multiLevelRepo?: boolean | undefined;
  /** Registries that are reached over plain HTTP, beside those of the files. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** File of Skaffold's global configuration; default `~/.skaffold/config`. */
  readonly globalConfig?: string | undefined;
  /** Stands for what the tag policies say (`-t`). */
  readonly tag?: string | undefined;
  /** Platforms (`--platform`). */
  readonly platforms?: readonly string[] | undefined;
  /** What profiles are activated by; default `build`. */
  readonly command?: string | undefined;
  /** Default the current one of kubectl's configuration, where a profile asks for it. */
  readonly kubeContext?: string | undefined;
  /** Default those of `KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeConfig?: string | undefined;
  /** Builds for a debugger. */
  readonly debug?: boolean | undefined;
  /** Stands for the process's environment. */
  readonly environment?: Environment | undefined;
}

/** Options with all that is said elsewhere; see `settleOptions`. */
export interface SettledOptions extends Omit<SkaffoldOptions, "kubeContext"> {
  readonly file: string;
  /** Absolute. */
  readonly workingDirectory: string;
  readonly environment: Environment;
  /** The current context of kubectl; asked only where something depends on it. */
  readonly kubeContext: () => Promise<string>;
}

/** What may be asked of a build beside; see `SkaffoldOptions`. */
type SkaffoldOutput =
  & { readonly [F in "dryRun" | "quiet" | "push"]?: boolean | undefined }
  & { readonly [F in "output" | "fileOutput"]?: string | undefined };

type Kind = "text" | "word" | "flag" | "list";
/** Variables without their `SKAFFOLD_`; a text may be set to nothing, a word is then not set. */
export const OUTPUT_VARIABLES: readonly Variable<SkaffoldOutput>[] = [
  ["dryRun", "DRY_RUN", "flag"],
  ["quiet", "QUIET", "flag"],
  ["output", "OUTPUT", "text"],
  ["fileOutput", "FILE_OUTPUT", "word"],
  ["push", "PUSH", "flag"],
];
export const VARIABLES: readonly Variable<SkaffoldOptions>[] = [
  ["file", "FILENAME", "text"],
  ["images", "BUILD_IMAGE", "list"],
  ["profiles", "PROFILE", "list"],
  ["modules", "MODULE", "list"],
  ["platforms", "PLATFORM", "list"],
  ["defaultRepo", "DEFAULT_REPO", "text"],
  ["tag", "TAG", "word"],
  ["insecureRegistries", "INSECURE_REGISTRY", "list"],
  ["globalConfig", "CONFIG", "word"],
  ["kubeContext", "KUBE_CONTEXT", "word"],
  ["kubeConfig", "KUBECONFIG", "word"],
  ["profileAutoActivation", "PROFILE_AUTO_ACTIVATION", "flag"],
  ["propagateProfiles", "PROPAGATE_PROFILES", "flag"],
];
type Variable<T> = readonly [field: keyof T & string, name: string, kind: Kind];

/** Takes Skaffold's own variables for what was not asked; throws `BAD_OPTION` for bad flags. */
export function withVariables<T extends object>(
  asked: T,
  environment: Environment,
  variables: readonly Variable<T>[],
): T {
  const missing = variables.filter(([field]) => {
    const given: unknown = asked[field];
    // An empty list asks for nothing.
    return given === undefined || (Array.isArray(given) && given.length === 0);
  });
  const found = missing.map(([field, name, kind]) =>
    [field, valueOf(`SKAFFOLD_${name}`, kind, environment)] as const
  );
  return { ...asked, ...Object.fromEntries(found) };
}

function valueOf(name: string, kind: Kind, environment: Environment): unknown {
  const value = environment[name];
  if (kind === "text") return value;
  if (kind === "list") return value?.split(",").filter((one) => one !== "");
  // As in Skaffold, one that is set to nothing says nothing.
  if (!value) return undefined;
  if (kind === "word") return value;
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  const found = `${name}=${JSON.stringify(value)}`;
  throw new KodenoError("BAD_OPTION", `Cannot use ${found}: true or false is allowed`);
}
