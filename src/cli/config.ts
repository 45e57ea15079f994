/**
 * The commands that print configuration as YAML: `kodeno config`, with the place of each value
 * behind it, and `kodeno sync`, rules for a skaffold.yaml.
 * @module
 */
import type { ShownConfig, ShownImage } from "../app/config.ts";
import { Document, isScalar, stringify, YAMLMap } from "../npm/yaml.ts";
import { saidAs } from "./arguments.ts";
import { command, type Commands } from "./command.ts";
import { type Flags, optionOf } from "./flag.ts";
import { askedFile, BUILD_FLAGS, PATTERNS, SKAFFOLD_FLAGS } from "./flags.ts";
import { printJson, printNote, printResult, printValue } from "./output.ts";

const config = command({
  about: "Shows the settings that images are built with here, and where each value comes from.",
  flags: {
    ...BUILD_FLAGS,
    ...SKAFFOLD_FLAGS,
    strict: "--strict  fail if a .ko.yaml has keys that are not read, such as misspelt ones",
    json: "--json  print JSON",
  },
  examples: {
    'the settings of "kodeno build"': "kodeno config",
    "with flags of the build": "kodeno config --platform linux/arm64 --base-image scratch",
    "the settings of the artifacts of a skaffold.yaml": "kodeno config -f skaffold.yaml",
    "for a program": "kodeno config --json",
    "fail in CI if a key of .ko.yaml is misspelt": "kodeno config --strict",
  },
  onStdout: "ignore",
  view: true,
  endsAtOnce: true,
  run: async (given, work): Promise<Found> => {
    const { showArtifacts, showConfig } = await import("../app/config.ts");
    const { strict } = given;
    const skaffold = await askedFile(given, work.emit);
    if (skaffold === undefined) return await showConfig(given, { ...work, strict });
    return { artifacts: await showArtifacts(skaffold, given, { ...work, strict }) };
  },
  print: (found, { json }) =>
    json ? printJson("config", inForm(found, inFlags)) : printResult(toYaml(found)),
});

const sync = command({
  about: `Prints sync rules, by which Skaffold copies changed kodata files into running containers:
    YAML for an artifact in skaffold.yaml, one document per image.`,
  words: [PATTERNS],
  flags: { json: "--json  print a JSON array" },
  examples: {
    "the rules of one image, to paste below its artifact": "kodeno sync ./cmd/app",
    "the rules of all images of the module, as JSON": "kodeno sync --json ./...",
  },
  after:
    `A program finds its files through KO_DATA_PATH, which is /var/run/ko, and sees new ones when it
reads them again. Skaffold runs "tar" in the container: the base image must have tar, and the image
must run as a user who may write to that folder ("--image-user 0"). Files that "kodeno deps" does not list are not synced.`,
  run: async (_, { signal }, patterns) =>
    (await import("../app/sync.ts")).syncRules(patterns, { signal }),
  print: (images, { json }) => {
    if (json) {
      const list = images.map(({ importPath, manual }) => ({ importPath, sync: { manual } }));
      return printValue(list);
    }
    const documents = images.flatMap(({ importPath, manual }) => {
      if (manual.length > 0) return [`# ${importPath}\n${stringify({ sync: { manual } })}`];
      printNote(`${importPath} has no kodata; there is nothing to sync`);
      return [];
    });
    if (documents.length > 0) printResult(documents.join("---\n").trimEnd());
  },
});

export default { config, sync } satisfies Commands;

type Found = ShownConfig | { readonly artifacts: readonly { readonly image: ShownImage }[] };

/** What was found, with all that is said of images in another form. */
function inForm(found: Found, form: (image: ShownImage) => unknown): object {
  const of = (one: { readonly image: ShownImage }) => ({ ...one, image: form(one.image) });
  if ("artifacts" in found) return { artifacts: found.artifacts.map(of) };
  return { ...of(found), publish: form(found.publish), builds: found.builds.map(of) };
}

/** Options in the words of the command line. */
function inFlags(image: ShownImage): ShownImage {
  const entries = Object.entries(image).map(([name, { value, from }]) => {
    const [, option = ""] = /^option (.+)$/.exec(from) ?? [];
    const flag = (BUILD_FLAGS as Flags)[option];
    return [name, { value, from: flag ? saidAs(optionOf(option, flag), value) : from }] as const;
  });
  return Object.fromEntries(entries);
}

/** What is said nowhere is left out: it would be most of the text. */
function toYaml(found: Found): string {
  const document = new Document();
  const shown = Object.entries(inForm(found, (image) => imageNode(document, inFlags(image))));
  const said = shown.filter(([name, value]) => name === "artifacts" || !isNothing(value));
  document.contents = document.createNode(Object.fromEntries(said));
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
