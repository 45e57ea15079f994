/**
 * The commands that set kodeno up and tell of it: `kodeno init`, `doctor`, `schema`, `cache` and
 * `version`.
 * @module
 */
import type { CacheInfo } from "../app/cache.ts";
import type { Proposal } from "../app/init.ts";
import { KodenoError, printable } from "../errors.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { command, commandGroup, type Commands } from "./command.ts";
import { JSON_WHOLE, REGISTRY_FLAGS } from "./flags.ts";
import { printJson, printNote, printResult } from "./output.ts";

const init = command({
  about: `Looks at the main packages, Dockerfiles (those that only run go build) and Kubernetes
    objects of a repository, and proposes a .ko.yaml and a skaffold.yaml, if they do not exist.`,
  words: ['[dir]  folder of the repository (default ".")'],
  flags: {
    yes: "-y, --yes  write the files without asking; existing files stay as they are",
    json: "--json  print the proposal as JSON",
    offline: "--offline  fetch no Go modules",
  },
  examples: {
    "show the proposal; on a terminal, ask whether to write it": "kodeno init",
    "write it without asking": "kodeno init --yes",
    "another repository, for a program": "kodeno init ../other --json",
  },
  run: async ({ yes, json, offline }, { signal }, directory) => {
    const { proposeInit, writeProposal } = await import("../app/init.ts");
    const proposal = await proposeInit({ directory, offline, signal });
    const { files, ...rest } = proposal;
    if (!json) printProposal(proposal);
    const isAgreed = files.length > 0 && (yes || (!json && await agreed(proposal, signal)));
    const { written, kept } = isAgreed ? await writeProposal(proposal) : { written: [], kept: [] };
    if (json) return printJson("init", { ...rest, files, written });
    for (const path of written) printNote(`Wrote ${path}`);
    for (const path of kept) printNote(`Left ${path} as it is: it has come meanwhile`);
  },
});

function printProposal({ directory, files, present, notes }: Proposal): void {
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
  if (!Deno.stdin.isTerminal()) {
    printNote('Nothing was written; "kodeno init --yes" writes it');
    return false;
  }
  const { askLine } = await import("./ask.ts");
  const isYes = /^y(?:es)?$/i.test(await askLine(`Write ${names}? [y/N] `, signal));
  if (!isYes) printNote("Nothing was written");
  return isYes;
}

const doctor = command({
  about:
    `Checks Go, git, configuration files, the cache, credentials, the registry of KO_DOCKER_REPO,
    the base images that are configured, proxies, the Docker daemon and kubectl, and says what is wrong and how to fix it. Changes
    nothing. The exit code is 1 if something is wrong.`,
  words: ['[dir]  folder to check (default ".")'],
  flags: {
    ...REGISTRY_FLAGS,
    online: "--online  connect to Go's module proxy, too",
    json: "--json  print JSON, one finding per line",
  },
  examples: {
    "check all that builds and pushes need here": "kodeno doctor",
    "can images be pushed?": "KO_DOCKER_REPO=registry.local/team kodeno doctor",
    "without a network; for a program": "kodeno doctor --offline --json",
  },
  run: async (given, { signal }, directory) =>
    (await import("../app/doctor.ts")).doctor({ ...given, directory, signal }),
  print: (findings, { json }) => {
    for (const finding of findings) {
      const { check, status, found, mend } = finding;
      if (json) printJson("finding", finding);
      else printResult(printable(`${status.padEnd(7)}  ${check}: ${found}`));
      if (!json && mend !== undefined) printResult(printable(`         -> ${mend}`));
    }
    const wrong = findings.filter(({ status }) => status === "wrong").length;
    if (wrong === 0) return;
    const are = wrong === 1 ? "is" : "are";
    throw new KodenoError("NOT_READY", `${wrong} of ${findings.length} findings ${are} wrong`);
  },
});

const schema = command({
  about: "Prints the JSON Schema of a configuration file, for editors, or of the lines of --json.",
  words: ["[file]  which file; json is a line of --json"],
  choices: ["ko", "skaffold", "policy", "lock", "json"],
  examples: {
    'for the line "# yaml-language-server: $schema=ko.schema.json" of a .ko.yaml':
      "kodeno schema ko > ko.schema.json",
    "the same of a skaffold.yaml": "kodeno schema skaffold > skaffold.schema.json",
    "the same of a policy for images": "kodeno schema policy > policy.schema.json",
    "of a kodeno.lock": "kodeno schema lock",
    "for a program that reads the lines of --json": "kodeno schema json",
  },
  endsAtOnce: true,
  run: async (_, _work, name = "ko") => {
    const schema = name === "json"
      ? (await import("./json_lines.ts")).lineSchema()
      : name === "lock"
      ? (await import("../app/lock.ts")).lockJsonSchema()
      : (await import("../config/json_schema.ts")).jsonSchema(
        name === "skaffold" || name === "policy" ? name : "ko",
      );
    printResult(JSON.stringify(schema, null, 2));
  },
});

const cache = commandGroup(
  "Shows or empties the cache of layers, binaries and base images (KODENO_CACHE).",
  "kodeno cache info\nkodeno cache clean",
  {
    info: command({
      about: "Prints what is in the cache, and how large it is.",
      flags: { json: JSON_WHOLE },
      examples: "kodeno cache info --json",
      isLocal: true,
      endsAtOnce: true,
      run: async () => await (await import("../app/cache.ts")).cacheInfo(),
      jsonType: "cache",
      print: (info) => {
        printResult(`${info.directory} holds`);
        printCached(info);
        printResult(`  at most ${formatBytes(info.maxBytes)} of layers and binaries are kept`);
      },
    }),
    clean: command({
      about: "Empties the cache, and prints how much that freed.",
      flags: { json: JSON_WHOLE },
      examples: "kodeno cache clean",
      isLocal: true,
      endsAtOnce: true,
      run: async () => await (await import("../app/cache.ts")).cacheClean(),
      jsonType: "cache",
      print: (info) => {
        printResult(`freed ${formatBytes(info.freedBytes)} in ${info.directory}`);
        printCached(info);
      },
    }),
  },
);

function printCached({ layers, layerBytes, binaries, binaryBytes, baseBytes }: CacheInfo): void {
  printResult(`  ${counted(layers, "layer")}, ${formatBytes(layerBytes)}`);
  printResult(`  ${counted(binaries, "binary")}, ${formatBytes(binaryBytes)}`);
  printResult(`  base images, ${formatBytes(baseBytes)}`);
}

const version = command({
  about: "Prints the versions of kodeno, Deno and Go.",
  flags: { json: JSON_WHOLE },
  examples: "kodeno version",
  isLocal: true,
  endsAtOnce: true,
  run: async () => await (await import("../app/version.ts")).versions(),
  jsonType: "version",
  print: async (found) => printResult((await import("../app/version.ts")).versionLine(found)),
});

export default { init, doctor, schema, cache, version } satisfies Commands;
