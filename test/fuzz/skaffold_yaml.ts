/**
 * skaffold.yaml as an input.
 * @module
 */
import assert from "node:assert/strict";
import { artifactConfigs } from "../../src/build/skaffold.ts";
import { resolveTransferConfig } from "../../src/config/config.ts";
import { planSkaffold } from "../../src/config/skaffold/plan.ts";
import type { Dice } from "../support/dice.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";
import { mutateYaml, readYamlValues } from "./yaml_text.ts";

const TEXT = `apiVersion: skaffold/v4beta13
kind: Config
metadata: {name: main}
requires:
  - path: sub
    configs: [sub]
    activeProfiles: [{name: p, activatedBy: [fast]}]
build:
  tagPolicy:
    customTemplate:
      template: "{{.A}}-{{.B}}-{{.C}}"
      components:
        - {name: A, inputDigest: {}}
        - name: B
          dateTime: {format: 2006-01-02, timezone: UTC}
        - {name: C, gitCommit: {variant: Tags, prefix: v}}
  platforms: [linux/amd64]
  insecureRegistries: ["127.0.0.1:5000"]
  artifacts:
    - image: app # ours
      context: .
      ko:
        main: .
        fromImage: scratch
        flags: [-v]
        ldflags: ["-X main.a={{.IMAGE_NAME}}"]
        env: [A=b]
        labels: {a: b}
        dependencies: {paths: ["**/*.go", go.mod], ignore: [x]}
      requires: [{image: other, alias: OTHER}]
    - image: other
      docker: {dockerfile: Dockerfile}
    - image: ko://example.com/app/cmd
profiles:
  - name: fast
    activation: [{env: FAST=1}, {command: build}]
    patches:
      - {op: replace, path: /build/artifacts/0/ko/main, value: ./x}
      - {op: add, path: /build/artifacts/0/ko/flags/-, value: -a}
      - {op: test, path: /kind, value: Config}
    build:
      tagPolicy: {envTemplate: {template: "{{.FOO}}"}}
  - name: other
    patches: [{op: move, from: /build/platforms, path: /build/artifacts/0/platforms}]
deploy: {kubectl: {}}
---
apiVersion: skaffold/v4beta13
kind: Config
metadata: {name: second}
requires: [{configs: [main]}]
`;

const SUB = `apiVersion: skaffold/v4beta13
kind: Config
metadata: {name: sub}
requires: [{path: ..}]
build: {artifacts: [{image: sub, ko: {}}], tagPolicy: {sha256: {}}}
profiles: [{name: p}]
`;

const WORDS = [
  "app",
  "sub",
  "main",
  "fast",
  "other",
  "/build/artifacts/0/ko",
  "/build/artifacts/-",
  "/build/artifacts/1e1",
  "/",
  "/__proto__/x",
  "/build/constructor/prototype/x",
  "add",
  "remove",
  "copy",
  "**",
  "!x",
  "FAST=!1",
  "(((",
  "(a+)+$",
  "{{.X.Y}}",
  "{{range .}}{{end}}",
  "{{cmd `id`}}",
  "{{index . 1}}",
  "{{printf `%1000000d` 1}}",
  "skaffold/v1",
  "Europe/Nowhere",
  "2006-01-02T15:04:05.999999999Z07:00 MST Mon Jan _2 PM",
  "linux/s390x",
];

/** The file that is fuzzed. */
export const SKAFFOLD_YAML: FuzzTarget = {
  name: "skaffold.yaml",
  open(folder: string): FuzzBench {
    return {
      names: new Set(["skaffold.yaml", "sub", "main.go", "go.mod"]),
      make: (dice: Dice) => {
        Deno.mkdirSync(`${folder}/in/sub`);
        const files = [["skaffold.yaml", TEXT], ["sub/skaffold.yaml", SUB]] as const;
        const changed = dice.chance(0.8) ? "skaffold.yaml" : "sub/skaffold.yaml";
        for (const [name, text] of files) {
          const bytes = name === changed
            ? mutateYaml(text, dice, WORDS)
            : new TextEncoder().encode(text);
          Deno.writeFileSync(`${folder}/in/${name}`, bytes);
        }
        Deno.writeTextFileSync(`${folder}/in/main.go`, "package main\n\nfunc main() {}\n");
        Deno.writeTextFileSync(`${folder}/in/go.mod`, "module example.com/app\n");
      },
      check: (dice: Dice) => check(`${folder}/in`, dice),
      commands: () => [
        ["config", "-f", "skaffold.yaml"],
        ["config", "-f", "skaffold.yaml", "--json", "-p", "fast"],
      ],
    };
  },
};

async function check(folder: string, dice: Dice): Promise<string> {
  const environment = { FOO: "foo", ...dice.pick([{ FAST: "1" }, {}]) };
  const profiles = dice.pick([[], ["fast"], ["other"], ["-fast"]]);
  const options = { workingDirectory: folder, environment, profiles, command: "build" };
  const planned = await attempt(() =>
    planSkaffold({ ...options, kubeContext: "here" }, {
      gitTag: ({ prefix }) => Promise.resolve(`${prefix ?? ""}tag`),
      now: () => new Date(0),
      host: { os: "linux", arch: "amd64" },
    })
  );
  if (planned.value === undefined) return outcomeOf(planned);
  const { artifacts, skipped, notes } = planned.value;
  const build = { environment, workingDirectory: folder };
  const transfer = resolveTransferConfig({ environment });
  for (const artifact of artifacts) {
    await attempt(() => artifactConfigs([artifact], build, transfer));
  }
  if (profiles.length > 0 || "FAST" in environment) return "ok, with profiles";
  const names = new Set([...artifacts, ...skipped].map(({ imageName }) => imageName));
  const documents = readYamlValues(Deno.readTextFileSync(`${folder}/skaffold.yaml`)) ?? [];
  for (const document of documents) {
    for (const { image } of artifactsOf(document)) {
      const told = names.has(image) || notes.some((note) => note.includes(image));
      assert.ok(told, `artifact ${JSON.stringify(image)} is passed over in silence`);
    }
  }
  return "ok";
}

function artifactsOf(document: unknown): readonly { readonly image: string }[] {
  const { build } = (document ?? {}) as { build?: { artifacts?: { image: string }[] } };
  return build?.artifacts ?? [];
}
