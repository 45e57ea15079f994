/**
 * What Skaffold tells the command of a `custom` artifact by variables.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import { badValue } from "../checks.ts";
import { type Environment, processEnvironment, variable } from "../environment.ts";

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

/** Reads `IMAGE`, `PUSH_IMAGE`, `PLATFORMS` and `BUILD_CONTEXT`; throws `BAD_OPTION`, `BAD_REFERENCE`. */
export function readCustomBuild(environment: Environment = processEnvironment()): CustomBuild {
  const image = variable(environment, "IMAGE");
  if (image === undefined) {
    const message =
      "Cannot build for Skaffold: IMAGE is not set, which Skaffold sets when it runs " +
      'a custom builder; build with kodeno itself by "kodeno build"';
    throw new KodenoError("BAD_OPTION", message);
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
