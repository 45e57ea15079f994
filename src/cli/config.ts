/**
 * `kodeno config`: the configuration as YAML, with the place of each value behind it.
 * @module
 */
import { Document, isScalar, YAMLMap } from "yaml";
import type { ShownConfig, ShownImage } from "../app/show_config.ts";
import { command, type Commands } from "./command.ts";
import { toggle } from "./flag.ts";
import { BUILD_FLAGS, SKAFFOLD_FLAGS, skaffoldOptions } from "./flags.ts";
import { printResult } from "./output.ts";

const config = command({
  about: "Shows what shapes images here, and where each value comes from.",
  flags: { ...BUILD_FLAGS, ...SKAFFOLD_FLAGS, json: toggle("--json", "print it as JSON") },
  examples: `Examples:
  # what "kodeno build" would build with here
  kodeno config

  # with the same flags that the build will get
  kodeno config --platform linux/arm64 --base-image scratch

  # what a skaffold.yaml comes to
  kodeno config -f skaffold.yaml

  # for a program
  kodeno config --json`,
  view: true,
  run: async (given, work) => {
    const { showArtifacts, showConfig } = await import("../app/show_config.ts");
    if (given.file === undefined) return named(await showConfig(given, work));
    const { notes, ...skaffold } = await skaffoldOptions(given);
    for (const message of notes) work.emit({ type: "note", level: "warning", message });
    const { environment } = skaffold;
    const options = { ...given, platforms: undefined, environment };
    const artifacts = await showArtifacts({ options, skaffold }, work);
    return { artifacts: artifacts.map((one) => ({ ...one, image: rename(one.image) })) };
  },
  print: (found, { json }) =>
    printResult(json ? JSON.stringify({ type: "config", ...found }) : toYaml(found)),
});

export default { config } satisfies Commands;

function rename(image: ShownImage): ShownImage {
  return Object.fromEntries(
    Object.entries(image).map(([name, { value, from }]) => [name, { value, from: flagOf(from) }]),
  );
}

/** Options in the words of the command line. */
function named(shown: ShownConfig): ShownConfig {
  return {
    ...shown,
    publish: rename(shown.publish),
    image: rename(shown.image),
    builds: shown.builds.map((build) => ({ ...build, image: rename(build.image) })),
  };
}

function flagOf(from: string): string {
  const option = /^option (.+)$/.exec(from)?.[1];
  if (option === undefined) return from;
  const flag = Object.entries(BUILD_FLAGS).find(([name]) => name === option)?.[1].long;
  return flag ?? `--${option.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** What is said nowhere is left out: it would be most of the text. */
function toYaml(found: object): string {
  const { publish, image, builds, ...rest }: Partial<ShownConfig> = found;
  const document = new Document();
  const replace = (key: unknown, value: unknown): unknown => {
    if (key === "publish" || key === "image") {
      return value && imageNode(document, value as ShownImage);
    }
    return (key === "builds" || key === "baseImageOverrides") && isNothing(value)
      ? undefined
      : value;
  };
  document.contents = document.createNode({ ...rest, publish, image, builds }, replace);
  return document.toString({ lineWidth: 0 }).trimEnd();
}

function imageNode(document: Document, image: ShownImage): YAMLMap {
  const node = new YAMLMap();
  for (const [name, { value, from }] of Object.entries(image)) {
    if (isNothing(value)) continue;
    const pair = document.createPair(name, value);
    const at = (isScalar(pair.value) ? pair.value : pair.key) as object;
    Object.assign(at, { comment: ` ${from}` });
    node.add(pair);
  }
  return node;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
