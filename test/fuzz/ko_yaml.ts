/**
 * `.ko.yaml` as an input.
 * @module
 */
import assert from "node:assert/strict";
import { showConfig } from "../../src/app/config.ts";
import type { Dice } from "../support/dice.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";
import { mutateYaml, readYamlValues } from "./yaml_text.ts";

const TEXT = `# How images are built.
defaultBaseImage: scratch
baseImageOverrides:
  example.com/app: oci:bases:v1
defaultPlatforms: [linux/amd64, linux/arm64/v8]
defaultEnv: [CGO_ENABLED=0, "A=b c"]
defaultFlags:
  - -v
  - -tags={{.Env.TAGS}}
defaultLdflags: -s -w
defaultLabels: {a: b, "c.d/e": "1"}
defaultAnnotations:
  a: &text |-
    two
    lines
  b: *text
mirrors: docker.io=127.0.0.1:5000
builds:
  - id: app # the first
    dir: .
    main: ./cmd/app
    env: [X=y]
    flags: -race
    ldflags: [-X, "main.a={{.Git.Tag}}"]
    platforms: all
    labels: {x: "y"}
    imageEnv: {PORT: "8080"}
    user: "65532"
    entrypointArgs: [--a, "b c"]
    expose: ["8080", 53/udp]
    linux_capabilities: net_bind_service chown=p
    goos: [linux]
  - main: ./cmd/other
`;

const WORDS = [
  "all",
  "linux/amd64",
  "windows",
  "linux/arm/v7",
  "oci:bases:v1",
  "archive:x.tar",
  "daemon:x",
  "static",
  "scratch",
  "-toolexec=/bin/sh",
  "-o=/outside/pwned",
  "A=b",
  "PATH=/x",
  "8080/sctp",
  "99999/tcp",
  "cap_sys_admin=+ep",
  "defaultLabels",
  "builds",
  "BUILDS",
  "labels",
];

/** What a file may say, in lower case; the rest is told of. */
const KNOWN: ReadonlySet<string> = new Set(
  [
    "defaultBaseImage baseImageOverrides mirrors builds",
    "defaultEnv defaultFlags defaultLdflags defaultPlatforms defaultLabels defaultAnnotations",
    "defaultUser defaultEntrypointArgs defaultExpose",
  ].join(" ").toLowerCase().split(" "),
);

/** The file that is fuzzed. */
export const KO_YAML: FuzzTarget = {
  name: ".ko.yaml",
  open(folder: string): FuzzBench {
    const path = `${folder}/in/.ko.yaml`;
    return {
      names: new Set([".ko.yaml"]),
      make: (dice: Dice) => Deno.writeFileSync(path, mutateYaml(TEXT, dice, WORDS)),
      check: () => check(`${folder}/in`),
      commands: () => [["config"], ["config", "--json"]],
    };
  },
};

async function check(folder: string): Promise<string> {
  const notes: string[] = [];
  const shown = await attempt(() =>
    showConfig({ workingDirectory: folder, environment: {} }, {
      emit: (event) => event.type === "note" && notes.push(event.message),
    })
  );
  if (shown.value === undefined) return outcomeOf(shown);
  const text = Deno.readTextFileSync(`${folder}/.ko.yaml`);
  const [value] = readYamlValues(text) ?? [];
  // Nothing, what only one of two YAML readers takes, or tags, by which text may be something else.
  if (typeof value !== "object" || value === null || text.includes("!")) return "ok, not compared";
  for (const [key, said] of Object.entries(value)) {
    // As it is shown: signs that no terminal may get are escaped.
    const quoted = JSON.stringify(key).slice(1, -1);
    const isTold = notes.some((note) => note.includes(key) || note.includes(quoted));
    const known = KNOWN.has(key.toLowerCase()) || isTold;
    assert.ok(known || said === null, `${JSON.stringify(key)} is passed over in silence`);
    if (key.toLowerCase() !== "defaultlabels" && key.toLowerCase() !== "defaultannotations") {
      continue;
    }
    const name = key.toLowerCase().slice("default".length);
    const image = shown.value.image[name]?.value;
    for (const [label, text] of Object.entries(said ?? {})) {
      if (text === null) continue;
      assert.ok(
        Object.hasOwn(image as object, label),
        `${name}: ${JSON.stringify(label)} is lost: ${JSON.stringify(image)}`,
      );
    }
  }
  return "ok";
}
