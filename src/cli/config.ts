/**
 * `kodeno config`: the configuration as YAML, with the place of each value behind it.
 * @module
 */
import { Command } from "commander";
import { Document, isScalar, YAMLMap } from "yaml";
import {
  showArtifacts,
  showConfig,
  type ShownConfig,
  type ShownImage,
} from "../app/show_config.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { BUILD_FLAGS, SKAFFOLD_FLAGS, skaffoldOptions } from "./flags.ts";
import { printResult } from "./output.ts";
import { shown } from "./progress.ts";

const EXAMPLES = `
Examples:
  # what "kodeno build" would build with here
  kodeno config

  # with the same flags that the build will get
  kodeno config --platform linux/arm64 --base-image scratch

  # what a skaffold.yaml comes to
  kodeno config -f skaffold.yaml

  # for a program
  kodeno config --json`;

const FLAGS = flags({
  ...BUILD_FLAGS,
  ...SKAFFOLD_FLAGS,
  json: toggle("--json", "print it as JSON"),
});
type ConfigFlags = Given<typeof FLAGS>;

/** The command with its flags. */
export function configCommand(): Command {
  return withFlags(new Command("config"), FLAGS)
    .description("Shows what shapes images here, and where each value comes from.")
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(given: ConfigFlags): Promise<void> {
  if (given.file !== undefined) return await runSkaffold(given);
  const found = named(await shown({ verbose: given.verbose }, (o) => showConfig(given, o)));
  printResult(given.json ? JSON.stringify({ type: "config", ...found }) : toYaml(found));
}

async function runSkaffold(given: ConfigFlags): Promise<void> {
  const { readSkaffoldEnvironment } = await import("../config/skaffold/env_file.ts");
  const { environment, notes } = await readSkaffoldEnvironment();
  const request = {
    options: { ...given, platforms: undefined, environment },
    skaffold: { ...skaffoldOptions(given), environment },
  };
  const found = await shown({ verbose: given.verbose }, (o) => {
    for (const message of notes) o.emit({ type: "note", level: "warning", message });
    return showArtifacts(request, o);
  });
  const artifacts = found.map((one) => ({ ...one, image: rename(one.image) }));
  if (given.json) return printResult(JSON.stringify({ type: "config", artifacts }));
  const document = new Document({ artifacts: artifacts.map(({ image: _, ...rest }) => rest) });
  artifacts.forEach(({ image }, i) =>
    document.setIn(["artifacts", i, "image"], imageNode(document, image))
  );
  printResult(document.toString({ lineWidth: 0 }).trimEnd());
}

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
function toYaml({ publish, image, builds, ...rest }: ShownConfig): string {
  const document = new Document(rest);
  const map = (image: ShownImage): YAMLMap => imageNode(document, image);
  document.set("publish", map(publish));
  document.set("image", map(image));
  if (builds.length > 0) {
    document.set("builds", document.createNode(builds.map(({ image: _, ...build }) => build)));
    builds.forEach((build, i) => document.setIn(["builds", i, "image"], map(build.image)));
  }
  if (isNothing(rest.baseImageOverrides)) document.delete("baseImageOverrides");
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
