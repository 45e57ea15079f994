/**
 * How `kodeno inspect` shows images: as trees, with colours on a terminal.
 * @module
 */
import { styleText } from "node:util";
import type { InspectedBlob, InspectedConfig, InspectedImage } from "../app/inspect.ts";
import { processEnvironment, variable } from "../config/environment.ts";
import { printable } from "../errors.ts";
import { formatBytes, printPainted } from "./output.ts";

type Paint = (style: "bold" | "dim" | "cyan" | "red", text: string) => string;

/** A line and the lines below it. */
type Tree = readonly [title: string, below: readonly Tree[]];

/** Prints images. */
export function printTrees(images: readonly InspectedImage[]): void {
  const environment = processEnvironment();
  const colour = Deno.stdout.isTerminal() && environment["TERM"] !== "dumb" &&
    variable(environment, "NO_COLOR") === undefined;
  const paint: Paint = (style, text) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  for (const image of images) {
    const [title, below] = imageTree(image, paint);
    printPainted(image.name ? `${paint("bold", printable(image.name))} ${title}` : title);
    printBelow(below, "");
  }
}

function printBelow(trees: readonly Tree[], indent: string): void {
  trees.forEach(([title, below], i) => {
    const [mark, more] = i === trees.length - 1 ? ["`-- ", "    "] : ["|-- ", "|   "];
    printPainted(`${indent}${mark}${title}`);
    printBelow(below, `${indent}${more}`);
  });
}

function imageTree(image: InspectedImage, paint: Paint): Tree {
  const { kind, platform, artifactType, repeated } = image;
  const { annotations = {}, manifests = [], config, layers = [], referrers = [] } = image;
  const title = [
    ...(platform ? [paint("cyan", printable(platform))] : []),
    ...(artifactType ? [printable(artifactType)] : []),
    blobLine(kind, image, paint),
    ...(repeated ? ["(shown above)"] : []),
  ];
  return [title.join(" "), [
    ...Object.entries(annotations).map(([key, value]) => leaf(`annotation ${key}=${value}`)),
    ...manifests.map((one) => imageTree(one, paint)),
    ...(config ? [configTree(config, paint)] : []),
    ...layers.map((layer): Tree => [blobLine("layer", layer, paint), []]),
    ...referrers.map((one): Tree => {
      const [title, below] = imageTree(one, paint);
      return [`referrer ${title}`, below];
    }),
  ]];
}

function configTree(config: InspectedConfig, paint: Paint): Tree {
  const words = (list?: readonly string[]) => list?.length ? JSON.stringify(list) : undefined;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["created", config.created],
    ["user", config.user],
    ["working directory", config.workingDirectory],
    ["entrypoint", words(config.entrypoint)],
    ["command", words(config.command)],
    ["ports", config.ports?.join(" ") || undefined],
    ...(config.environment ?? []).map((one) => ["env", one] as const),
    ...Object.entries(config.labels ?? {}).map(([k, v]) => ["label", `${k}=${v}`] as const),
  ];
  const below = facts.flatMap(([key, value]) =>
    value === undefined ? [] : [leaf(`${key} ${value}`)]
  );
  return [blobLine("config", config, paint), below];
}

function leaf(title: string): Tree {
  return [printable(title), []];
}

function blobLine(kind: string, { mediaType, digest, size, problem }: InspectedBlob, paint: Paint) {
  // `tar+gzip` of the long name of a layer's type; the whole name of other types.
  const short = mediaType.replace(
    /^application\/vnd\.oci\.image\.layer\.v1\.(tar(?:\+\w+)?)$/,
    "$1",
  );
  return [
    kind,
    paint("dim", digest),
    formatBytes(size),
    ...(kind === "layer" ? [printable(short)] : []),
    ...(problem ? [paint("red", printable(problem))] : []),
  ].join(" ");
}
