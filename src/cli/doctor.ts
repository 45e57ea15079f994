/**
 * `kodeno doctor`: what is wrong here, and how to mend it.
 * @module
 */
import { Command } from "commander";
import { doctor, type Finding } from "../app/doctor.ts";
import { KodenoError, printable } from "../errors.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { REGISTRY_FLAGS } from "./flags.ts";
import { printJson, printResult } from "./output.ts";
import { interruptible } from "./progress.ts";

const FLAGS = flags({
  ...REGISTRY_FLAGS,
  online: toggle("--online", "ask Go's module proxy, too"),
  json: toggle("--json", "print a line of JSON for each finding"),
});

const EXAMPLES = `
Examples:
  # look at everything that builds and pushes from here need
  kodeno doctor

  # would a push go through?
  KO_DOCKER_REPO=registry.local/team kodeno doctor

  # dial nothing; for a program
  kodeno doctor --offline --json`;

/** The command with its flags. */
export function doctorCommand(): Command {
  return withFlags(new Command("doctor"), FLAGS)
    .description(
      "Looks at Go, git, configuration files, the cache, credentials, the registry of KO_DOCKER_REPO,\n" +
        "proxies, the Docker daemon and kubectl: what is wrong, and how to mend it. Changes nothing.\n" +
        "The exit code is 1 when something is wrong.",
    )
    .argument("[dir]", 'folder to look at (default ".")')
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(directory: string | undefined, given: Given<typeof FLAGS>): Promise<void> {
  const found = await interruptible((signal) => doctor({ ...given, directory, signal }));
  for (const finding of found) {
    if (given.json) printJson("finding", finding);
    else show(finding);
  }
  const wrong = found.filter(({ status }) => status === "wrong").length;
  if (wrong === 0) return;
  throw new KodenoError(
    "NOT_READY",
    `${wrong} of ${found.length} findings ${wrong === 1 ? "is" : "are"} wrong`,
  );
}

function show({ check, status, found, mend }: Finding): void {
  printResult(printable(`${status.padEnd(7)}  ${check}: ${found}`));
  if (mend !== undefined) printResult(printable(`         -> ${mend}`));
}
