/**
 * `kodeno init`: proposes configuration files, and writes them when that is wanted.
 * @module
 */
import { Command } from "commander";
import { type Proposal, proposeInit, writeProposal } from "../app/init.ts";
import { askLine, canAsk } from "./ask.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { printJson, printNote, printResult } from "./output.ts";
import { interruptible } from "./progress.ts";

const FLAGS = flags({
  yes: toggle("-y, --yes", "write the files without asking; files that are there stay"),
  json: toggle("--json", "print the proposal as JSON"),
  offline: toggle("--offline", "let go fetch nothing"),
});

const EXAMPLES = `
Examples:
  # show what is proposed; on a terminal, ask whether to write it
  kodeno init

  # write it without a question
  kodeno init --yes

  # another repository, for a program
  kodeno init ../other --json`;

/** The command with its flags. */
export function initCommand(): Command {
  return withFlags(new Command("init"), FLAGS)
    .description(
      "Looks at a repository (main packages, Dockerfiles that only run go build, Kubernetes objects)\n" +
        "and proposes a .ko.yaml and a skaffold.yaml, each where there is none.",
    )
    .argument("[dir]", 'folder of the repository (default ".")')
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(directory: string | undefined, given: Given<typeof FLAGS>): Promise<void> {
  const { yes = false, json = false, offline } = given;
  await interruptible(async (signal) => {
    const proposal = await proposeInit({ directory, offline, signal });
    const { files, ...rest } = proposal;
    if (!json) show(proposal);
    const wanted = files.length > 0 && (yes || (!json && await agreed(proposal, signal)));
    const { written, kept } = wanted ? await writeProposal(proposal) : { written: [], kept: [] };
    if (json) return printJson("init", { ...rest, files, written });
    for (const path of written) printNote(`Wrote ${path}`);
    for (const path of kept) printNote(`Left ${path} as it is: it has come meanwhile`);
  });
}

function show({ directory, files, present, notes }: Proposal): void {
  for (const note of notes) printNote(`Note: ${note}`);
  for (const path of present) printNote(`${path} is there and stays as it is`);
  if (files.length === 0) return printNote(`There is nothing to write in ${directory}`);
  for (const { path, text, generated } of files) {
    if (generated) printNote(`Beside: ${path}, the schema that editors read`);
    else printResult(`# ${path}\n${text}`);
  }
}

async function agreed({ files }: Proposal, signal: AbortSignal): Promise<boolean> {
  const names = files.map(({ path }) => path).join(", ");
  if (!canAsk()) {
    printNote('Nothing was written; "kodeno init --yes" writes it');
    return false;
  }
  const isYes = /^y(?:es)?$/i.test(await askLine(`Write ${names}? [y/N] `, signal));
  if (!isYes) printNote("Nothing was written");
  return isYes;
}
