/**
 * What a caller may ask of a skaffold.yaml, and what Skaffold tells a builder of its own.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { badValue } from "../checks.ts";
import { type Environment, processEnvironment, variable } from "../environment.ts";

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

/** Where a skaffold.yaml is read. */
export interface SkaffoldPlace {
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
const OUTPUT_VARIABLES: readonly Variable<SkaffoldOutput>[] = [
  ["dryRun", "DRY_RUN", "flag"],
  ["quiet", "QUIET", "flag"],
  ["output", "OUTPUT", "text"],
  ["fileOutput", "FILE_OUTPUT", "word"],
  ["push", "PUSH", "flag"],
];
const VARIABLES: readonly Variable<SkaffoldOptions>[] = [
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

/** As `withVariables`, for what was not asked of a build. */
export function withOutputVariables<T extends SkaffoldOutput>(
  asked: T,
  environment: Environment,
): T {
  return completed(asked, environment, OUTPUT_VARIABLES);
}

/**
 * Skaffold's own variables, for what was not asked.
 *
 * @throws {KodenoError} `BAD_OPTION` for one that is neither true nor false
 */
export function withVariables(options: SkaffoldOptions, environment: Environment): SkaffoldOptions {
  return completed(options, environment, VARIABLES);
}

function completed<T extends object>(
  asked: T,
  environment: Environment,
  variables: readonly Variable<T>[],
): T {
  const result = { ...asked };
  for (const [field, name, kind] of variables) {
    const given: unknown = asked[field];
    // An empty list asks for nothing.
    if (given !== undefined && !(Array.isArray(given) && given.length === 0)) continue;
    Reflect.set(result, field, valueOf(`SKAFFOLD_${name}`, kind, environment));
  }
  return result;
}

function valueOf(name: string, kind: Kind, environment: Environment): unknown {
  const value = environment[name];
  if (kind === "text") return value;
  if (kind === "list") return value?.split(",").filter((one) => one !== "");
  // As in Skaffold, one that is set to nothing says nothing.
  if (!value) return undefined;
  if (kind === "word" || /^(?:1|t|true)$/i.test(value)) return kind === "word" ? value : true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  const found = `${name}=${JSON.stringify(value)}`;
  throw new KodenoError("BAD_OPTION", `Cannot use ${found}: true or false is allowed`);
}

/** One call by Skaffold of the command of a `custom` artifact; frozen. */
interface CustomBuild {
  /** The name the image has to get, without tag. */
  readonly name: string;
  readonly tag: string;
  /** Whether it goes to the registry; otherwise into the local daemon. */
  readonly push: boolean;
  /** `os/arch[/variant]` each, or `all`; nothing where Skaffold leaves it open. */
  readonly platforms: readonly string[];
  /** Folder of the artifact's context, where it says one. */
  readonly context: string | undefined;
}

/**
 * Reads what Skaffold tells by variables: `IMAGE`, `PUSH_IMAGE`, `PLATFORMS` and `BUILD_CONTEXT`.
 *
 * @throws {KodenoError} `BAD_OPTION` without `IMAGE`, or for another value of `PUSH_IMAGE` than true
 * and false; `BAD_REFERENCE` for an image that is no name with a tag
 */
export function readCustomBuild(environment: Environment = processEnvironment()): CustomBuild {
  const image = variable(environment, "IMAGE");
  if (image === undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      "Cannot build for Skaffold: IMAGE is not set, which Skaffold sets when it runs a custom " +
        'builder; build with kodeno itself by "kodeno build"',
    );
  }
  const { name, tag = "latest", digest } = parseReference(image);
  if (digest !== undefined) {
    const why = "an image that is to be built has no digest yet";
    throw new KodenoError("BAD_REFERENCE", `Cannot use IMAGE ${JSON.stringify(image)}: ${why}`);
  }
  const push = variable(environment, "PUSH_IMAGE") ?? "false";
  if (push !== "true" && push !== "false") {
    throw badValue("PUSH_IMAGE", push, "it has to be true or false");
  }
  const platforms = (variable(environment, "PLATFORMS") ?? "").split(",")
    .map((one) => one.trim()).filter((one) => one !== "");
  const context = variable(environment, "BUILD_CONTEXT");
  return Object.freeze({ name, tag, push: push === "true", platforms, context });
}
