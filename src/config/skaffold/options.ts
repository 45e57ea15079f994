/**
 * What a caller may ask of a skaffold.yaml.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import type { Environment } from "../environment.ts";

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

/** What may be asked of a build beside; see `SkaffoldOptions`. */
export interface SkaffoldOutput {
  readonly dryRun?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly output?: string | undefined;
  readonly fileOutput?: string | undefined;
  readonly push?: boolean | undefined;
}

/**
 * Skaffold's own variables, for what was not asked of a build.
 *
 * @throws {KodenoError} `BAD_OPTION` for one that is neither true nor false
 */
export function withOutputVariables<T extends SkaffoldOutput>(
  asked: T,
  environment: Environment,
): T {
  const { text, flag } = reader(environment);
  return {
    ...asked,
    dryRun: asked.dryRun ?? flag("DRY_RUN"),
    quiet: asked.quiet ?? flag("QUIET"),
    output: asked.output ?? text("OUTPUT"),
    fileOutput: asked.fileOutput ?? (text("FILE_OUTPUT") || undefined),
    push: asked.push ?? flag("PUSH"),
  };
}

function reader(environment: Environment) {
  const text = (name: string): string | undefined => environment[`SKAFFOLD_${name}`];
  const flag = (name: string): boolean | undefined => {
    const value = text(name);
    // As in Skaffold, one that is set to nothing says nothing.
    if (!value) return undefined;
    if (/^(?:1|t|true)$/i.test(value)) return true;
    if (/^(?:0|f|false)$/i.test(value)) return false;
    const found = `SKAFFOLD_${name}=${JSON.stringify(value)}`;
    throw new KodenoError("BAD_OPTION", `Cannot use ${found}: true or false is allowed`);
  };
  return { text, flag };
}

/**
 * Skaffold's own variables, for what was not asked.
 *
 * @throws {KodenoError} `BAD_OPTION` for one that is neither true nor false
 */
export function withVariables(options: SkaffoldOptions, environment: Environment): SkaffoldOptions {
  const { text, flag } = reader(environment);
  const list = (name: string): readonly string[] | undefined =>
    text(name)?.split(",").filter((one) => one !== "");
  const { images, profiles, modules, platforms } = options;
  const given = <T>(values: readonly T[] | undefined): readonly T[] | undefined =>
    values?.length ? values : undefined;
  return {
    ...options,
    file: options.file ?? text("FILENAME"),
    images: given(images) ?? list("BUILD_IMAGE"),
    profiles: given(profiles) ?? list("PROFILE"),
    modules: given(modules) ?? list("MODULE"),
    platforms: given(platforms) ?? list("PLATFORM"),
    defaultRepo: options.defaultRepo ?? text("DEFAULT_REPO"),
    tag: options.tag ?? (text("TAG") || undefined),
    insecureRegistries: given(options.insecureRegistries) ?? list("INSECURE_REGISTRY"),
    globalConfig: options.globalConfig ?? (text("CONFIG") || undefined),
    kubeContext: options.kubeContext ?? (text("KUBE_CONTEXT") || undefined),
    kubeConfig: options.kubeConfig ?? (text("KUBECONFIG") || undefined),
    profileAutoActivation: options.profileAutoActivation ?? flag("PROFILE_AUTO_ACTIVATION"),
    propagateProfiles: options.propagateProfiles ?? flag("PROPAGATE_PROFILES"),
  };
}
