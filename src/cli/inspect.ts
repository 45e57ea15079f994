/**
 * `kodeno inspect`: the images of a layout or archive as trees.
 * @module
 */
import { Command } from "commander";
import { styleText } from "node:util";
import {
  inspect,
  type InspectedBlob,
  type InspectedConfig,
  type InspectedImage,
} from "../app/inspect.ts";
import { processEnvironment, variable } from "../config/environment.ts";
import { printable } from "../errors.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { formatBytes, printJson, printNotes, printPainted } from "./output.ts";
import { interruptible } from "./progress.ts";

const EXAMPLES = `
Examples:
  # all images of a layout
  kodeno inspect out

  # one of an archive
  kodeno inspect images.tar app:v1`;

const FLAGS = flags({ json: toggle("--json", "print as JSON, an image a line") });

/** The command with its flags. */
export function inspectCommand(): Command {
  return withFlags(new Command("inspect"), FLAGS)
    .description(
      "Shows the images of an OCI layout or archive as trees: index, platforms, layers with their\n" +
        "sizes, what the config says, and what refers to them (signatures, SBOMs, provenance).\n" +
        "In colour on a terminal, unless NO_COLOR is set.",
    )
    .argument(
      "<layout|archive>",
      "path of a layout or archive, PATH:TAG or PATH@DIGEST; - is stdin",
    )
    .argument("[name]", "NAME[:TAG], tag or digest of one image (default: all)")
    .addHelpText("after", EXAMPLES)
    .action(async (layout: string, name: string | undefined, flags: Given<typeof FLAGS>) => {
      const images = await interruptible((signal) =>
        inspect(layout, name, { signal, emit: printNotes })
      );
      if (flags.json) return images.forEach((image) => printJson("image", image));
      const paint = makePaint();
      for (const image of images) {
        const { title, below } = imageTree(image, paint);
        printPainted(image.name ? `${paint("bold", printable(image.name))} ${title}` : title);
        printTree(below, "");
      }
    });
}

type Style = "bold" | "dim" | "cyan" | "red";
type Paint = (style: Style, text: string) => string;

/** A line and the lines below it. */
interface Tree {
  readonly title: string;
  readonly below: readonly Tree[];
}

function makePaint(): Paint {
  const environment = processEnvironment();
  const colour = Deno.stdout.isTerminal() && environment["TERM"] !== "dumb" &&
    variable(environment, "NO_COLOR") === undefined;
  return (style, text) => colour ? styleText(style, text, { validateStream: false }) : text;
}

function printTree(trees: readonly Tree[], indent: string): void {
  trees.forEach(({ title, below }, i) => {
    const last = i === trees.length - 1;
    printPainted(`${indent}${last ? "`-- " : "|-- "}${title}`);
    printTree(below, `${indent}${last ? "    " : "|   "}`);
  });
}

function imageTree(image: InspectedImage, paint: Paint): Tree {
  const title = [
    ...(image.platform ? [paint("cyan", printable(image.platform))] : []),
    ...(image.artifactType ? [printable(image.artifactType)] : []),
    blobLine(image.kind, image, paint),
    ...(image.repeated ? ["(shown above)"] : []),
  ].join(" ");
  const below = [
    ...Object.entries(image.annotations ?? {}).map(([key, value]) =>
      leaf(`annotation ${printable(key)}=${printable(value)}`)
    ),
    ...(image.manifests ?? []).map((one) => imageTree(one, paint)),
    ...(image.config ? [configTree(image.config, paint)] : []),
    ...(image.layers ?? []).map((layer) => leaf(blobLine("layer", layer, paint))),
    ...(image.referrers ?? []).map((one) => {
      const tree = imageTree(one, paint);
      return { ...tree, title: `referrer ${tree.title}` };
    }),
  ];
  return { title, below };
}

function configTree(config: InspectedConfig, paint: Paint): Tree {
  const words = (list: readonly string[] | undefined): string | undefined =>
    list && list.length > 0 ? JSON.stringify(list) : undefined;
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
  return {
    title: blobLine("config", config, paint),
    below: facts.flatMap(([key, value]) =>
      value === undefined ? [] : [leaf(`${key} ${printable(value)}`)]
    ),
  };
}

function blobLine(kind: string, blob: InspectedBlob, paint: Paint): string {
  const type = kind === "layer" ? ` ${printable(shortType(blob.mediaType))}` : "";
  const problem = blob.problem ? ` ${paint("red", printable(blob.problem))}` : "";
  return `${kind} ${paint("dim", blob.digest)} ${formatBytes(blob.size)}${type}${problem}`;
}

/** `tar+gzip` of the long name of a layer's type; the whole name of other types. */
function shortType(mediaType: string): string {
  return /^application\/vnd\.oci\.image\.layer\.v1\.(tar(?:\+\w+)?)$/.exec(mediaType)?.[1] ??
    mediaType;
}

function leaf(title: string): Tree {
  return { title, below: [] };
}
