/**
 * How `kodeno inspect` shows images: as trees, with colours on a terminal.
 * @module
 */
import { styleText } from "node:util";
import type { InspectedConfig, InspectedImage, InspectedLayer } from "../app/inspect.ts";
import { processEnvironment, variable } from "../config/environment.ts";
import { printable } from "../errors.ts";
import { formatBytes } from "../io/sizes.ts";
import { fitting, printText } from "./output.ts";

/** A line and the lines below it. */
type Tree = readonly [title: string, below: readonly Tree[]];

type Paint = (style: "bold" | "dim" | "cyan" | "red", text: string) => string;

/** Gives texts colours where stdout is a terminal whose user wants them. */
function painter(): Paint {
  const environment = processEnvironment();
  const isColoured = Deno.stdout.isTerminal() && environment["TERM"] !== "dumb" &&
    variable(environment, "NO_COLOR") === undefined;
  return (style, text) => isColoured ? styleText(style, text, { validateStream: false }) : text;
}

/** Prints images. */
export function printTrees(images: readonly InspectedImage[]): void {
  const paint = painter();
  for (const image of images) {
    const { name } = image;
    const [title, below] = imageTree(paint, image, name && `${paint("bold", printable(name))} `);
    const lines = [title, ...linesBelow(below, "")];
    for (const line of fitting((short) => lines.map(short))) printText(`${line}\n`);
  }
}

function linesBelow(trees: readonly Tree[], indent: string): readonly string[] {
  return trees.flatMap(([title, below], i) => {
    const [mark, more] = i === trees.length - 1 ? ["`-- ", "    "] : ["|-- ", "|   "];
    return [`${indent}${mark}${title}`, ...linesBelow(below, `${indent}${more}`)];
  });
}

function imageTree(paint: Paint, image: InspectedImage, before = ""): Tree {
  const { kind, platform, attested, artifactType, artifact, about, repeated } = image;
  const { annotations = {}, manifests = [], config, layers = [], referrers = [] } = image;
  const title = [
    ...(platform ? [paint("cyan", printable(platform))] : []),
    ...(attested === undefined ? [] : [printable(`attestation of ${attested || "an image"},`)]),
    ...(about ? [printable(`${artifact ?? "referrer"} of ${about},`)] : []),
    ...(artifactType ? [printable(artifactType)] : []),
    blobLine(paint, kind, { ...image, size: image.size ?? image.manifestSize ?? 0 }),
    ...(repeated ? ["(shown above)"] : []),
  ];
  return [before + title.join(" "), [
    ...Object.entries(annotations).map(([key, value]) => leaf(`annotation ${key}=${value}`)),
    ...manifests.map((one) => imageTree(paint, one)),
    ...(config ? [configTree(paint, config)] : []),
    ...layers.map((layer): Tree => [blobLine(paint, "layer", layer), []]),
    ...referrers.map((one) => imageTree(paint, one, `${one.artifact ?? "referrer"} `)),
  ]];
}

function configTree(paint: Paint, config: InspectedConfig): Tree {
  const { created, user, workingDirectory, ports = [], environment = [], labels = {} } = config;
  const fact = (name: string, value?: string): readonly Tree[] =>
    value === undefined ? [] : [leaf(`${name} ${value}`)];
  const words = (name: string, list: readonly string[] = []): readonly Tree[] =>
    list.length > 0 ? fact(name, JSON.stringify(list)) : [];
  return [blobLine(paint, "config", config), [
    ...fact("created", created),
    ...fact("user", user),
    ...fact("working directory", workingDirectory),
    ...words("entrypoint", config.entrypoint),
    ...words("command", config.command),
    ...fact("ports", ports.join(" ") || undefined),
    ...environment.map((one) => leaf(`env ${one}`)),
    ...Object.entries(labels).map(([key, value]) => leaf(`label ${key}=${value}`)),
  ]];
}

function leaf(title: string): Tree {
  return [printable(title), []];
}

function blobLine(paint: Paint, kind: string, blob: InspectedLayer): string {
  const { mediaType, digest, size, part, problem } = blob;
  // `tar+gzip` of the long name of a layer's type; the whole name of other types.
  const short = mediaType.replace(/^application\/vnd\.oci\.image\.layer\.v1\.(tar(\+\w+)?)$/, "$1");
  return [
    kind,
    ...(part ? [part] : []),
    paint("dim", printable(digest)),
    formatBytes(size),
    ...(kind === "layer" || kind === "blob" ? [printable(short)] : []),
    ...(problem ? [paint("red", printable(problem))] : []),
  ].join(" ");
}
