/**
 * Base images as they are named: which a configuration has, where each is said, and what an error says of
 * one.
 * @module
 */
import { resolve } from "node:path";
import { type BuildConfig, imageConfigOf } from "../config/config.ts";
import { DEFAULT_ORIGIN, type ImageSettings } from "../config/image_config.ts";
import { KodenoError } from "../errors.ts";
import { exists } from "../io/files.ts";
import { isReference, parseReference, splitHost } from "../oci/reference.ts";
import { parsePlace, type PlaceName } from "../place/open.ts";

/** A base image as it was named, and where. */
type NamedBase = Pick<ImageSettings, "baseImage" | "origins">;

/** All base images that a configuration names, each once. */
export function namedBases(config: BuildConfig): readonly NamedBase[] {
  const { image, builds, baseImageOverrides } = config;
  const overridden = Object.keys(baseImageOverrides).map((path) => imageConfigOf(config, path));
  const all = [image, ...builds.map((build) => build.image), ...overridden];
  return [...Map.groupBy(all, ({ baseImage }) => baseImage).values()].flatMap(([one]) => one ?? []);
}

/** `base image X`, with the place where that is said, unless it is an option. */
export function baseText({ baseImage, origins: { baseImage: origin = "" } }: NamedBase): string {
  const isOption = origin === DEFAULT_ORIGIN || origin === "" || origin.startsWith("option ");
  return `base image ${baseImage}${isOption ? "" : ` (${origin})`}`;
}

/** Names the place that a base image is in; throws with what helps. */
export function parseBase(base: NamedBase): PlaceName {
  try {
    return parsePlace(base.baseImage);
  } catch (error) {
    throw baseFailure(error, base);
  }
}

/** What is wrong with a base image: which one, where that is said, and what helps. */
export function baseFailure(error: unknown, base: NamedBase, directory = "."): unknown {
  if (!(error instanceof KodenoError) || error.code === "INTERRUPTED") return error;
  const { baseImage } = base;
  const [plain, text] = [`base image ${baseImage}`, baseText(base)];
  const { code, detail, message } = error;
  const at = message.indexOf(plain);
  const said = at < 0
    ? `Cannot use ${text}: ${message.replace(REPEATED, "")}`
    : message.startsWith(text, at)
    ? message
    : message.slice(0, at) + text + message.slice(at + plain.length);
  const help = at < 0 ? helpWith(error, baseImage, directory) : "";
  return new KodenoError(code, `${said}${help && `; ${help}`}`, detail, { cause: error });
}

/** What messages begin with that name the image themselves. */
const REPEATED = /^Cannot (?:(?:find|pull) [^ ]*[/:@][^ ]*|use image name "[^"]*"): /;

function helpWith({ code, message }: KodenoError, baseImage: string, directory: string): string {
  const own = "say --base-image static, which needs none";
  // Some say already what helps.
  const isHelped = message.includes("; ");
  const isLacking = code === "NOT_FOUND" || code === "BAD_PLACE";
  if (!isReference(baseImage)) return isLacking && !isHelped ? own : "";
  const { name } = parseReference(baseImage);
  if (exists(resolve(directory, name, "oci-layout"))) return `say oci:${baseImage} for the layout`;
  const { host = "docker.io" } = splitHost(name);
  if (code === "UNAUTHORIZED") return `or ${own}`;
  if (code === "NOT_FOUND") return isHelped ? "" : `name another, or ${own}`;
  if (code !== "REGISTRY_FAILED") return "";
  return `name a mirror (--mirror ${host}=MIRROR), bring it with "kodeno pull ${baseImage} ` +
    `--oci-layout bases" where it can be had and say --base-image oci:bases, or ${own}`;
}
