/**
 * `kodeno watch`: builds, and builds again on change; one line for each image.
 * @module
 */
import { Command } from "commander";
import { watch } from "../app/watch.ts";
import type { KodenoEvent } from "../events.ts";
import { flags, type Given, JSON_EVENTS, withFlags } from "./flag.ts";
import { BUILD_FLAGS, PATTERNS } from "./flags.ts";
import {
  formatDuration,
  outputsOf,
  printError,
  printJson,
  printNote,
  printResult,
  refuseStdout,
} from "./output.ts";
import { failing, interruptible, makeProgress } from "./progress.ts";

const EXAMPLES = `
Examples:
  # one image, into the layout "out"
  kodeno watch ./cmd/app

  # all images of the module, into the local daemon
  kodeno watch --local ./...

  # pushed under one tag
  KO_DOCKER_REPO=registry.local/team kodeno watch --push -B -t dev ./...

Ctrl-C ends it.`;

const FLAGS = flags({ ...BUILD_FLAGS, json: JSON_EVENTS });

/** The command with its flags. */
export function watchCommand(): Command {
  return withFlags(new Command("watch"), FLAGS)
    .description(
      'Builds images as "kodeno build" does, and again whenever one of their files changes: only\n' +
        "those that the change touches. Prints a line for each: when, its reference, how long it took.",
    )
    .argument(...PATTERNS)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(patterns: readonly string[], options: Given<typeof FLAGS>): Promise<void> {
  const { json, verbose } = options;
  const request = { patterns, options };
  await refuseStdout(outputsOf(options), "watch");
  const progress = await makeProgress({ json, verbose });
  // A line for each image is all there is to read, unless more is asked for.
  const emit = json || verbose ? progress.emit : (event: KodenoEvent): void => {
    if (event.type === "note") progress.emit(event);
  };
  let said = false;
  try {
    await interruptible((signal, fail) =>
      watch(request, {
        built: ({ importPath, reference, elapsedMs }) =>
          failing(fail, () => {
            if (json) return printJson("built", { importPath, reference, elapsedMs });
            const time = new Date().toTimeString().slice(0, 8);
            printResult(`${time} ${reference} ${formatDuration(elapsedMs)}`);
          }),
        failed: (error) => printError(error.message),
        waiting: ({ images, folders }) => {
          const what = `${images} image${images === 1 ? "" : "s"}`;
          if (!said) printNote(`watching ${folders} folders of ${what}; Ctrl-C ends it`);
          said = true;
        },
      }, { signal, emit: (event) => failing(fail, () => emit(event)) })
    );
  } finally {
    progress.close();
  }
}
