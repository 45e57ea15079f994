/**
 * What Skaffold tells the command of a `custom` artifact, by environment variables.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { type Environment, processEnvironment, variable } from "../environment.ts";

/** One call by Skaffold; frozen. */
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
 * Reads the variables: `IMAGE`, `PUSH_IMAGE`, `PLATFORMS` and `BUILD_CONTEXT`.
 *
 * @throws {KodenoError} `BAD_OPTION` without `IMAGE`, or for another value of `PUSH_IMAGE` than true
 * and false; `BAD_REFERENCE` for an image that is no name with a tag
 */
export function readCustomBuild(environment: Environment = processEnvironment()): CustomBuild {
  const bad = (code: "BAD_OPTION" | "BAD_REFERENCE", what: string): KodenoError =>
    new KodenoError(code, `Cannot ${what}`);
  const image = variable(environment, "IMAGE");
  if (image === undefined) {
    throw bad(
      "BAD_OPTION",
      "build for Skaffold: IMAGE is not set, which Skaffold sets when it runs a custom " +
        'builder; build with kodeno itself by "kodeno build"',
    );
  }
  const { name, tag = "latest", digest } = parseReference(image);
  if (digest !== undefined) {
    const why = "an image that is to be built has no digest yet";
    throw bad("BAD_REFERENCE", `use IMAGE ${JSON.stringify(image)}: ${why}`);
  }
  const push = variable(environment, "PUSH_IMAGE") ?? "false";
  if (push !== "true" && push !== "false") {
    throw bad("BAD_OPTION", `use PUSH_IMAGE ${JSON.stringify(push)}: it has to be true or false`);
  }
  const platforms = (variable(environment, "PLATFORMS") ?? "").split(",")
    .map((one) => one.trim()).filter((one) => one !== "");
  const context = variable(environment, "BUILD_CONTEXT");
  return Object.freeze({ name, tag, push: push === "true", platforms, context });
}
