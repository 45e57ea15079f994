/**
 * Equal to ko: what a `.ko.yaml` says, on a module with two programs and one in a module below.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { needs } from "../parts/tools.ts";
import { type Lab, makeRepository, openLab } from "./lab.ts";

const MAIN =
  'package main\n\nvar version, other = "dev", ""\n\nfunc main() { println(version, other) }\n';
const TAGGED = '//go:build special\n\npackage main\n\nfunc init() { other = "special" }\n';
const FILES: Readonly<Record<string, string>> = {
  "go.mod": "module example.test/Work\n\ngo 1.21\n",
  "cmd/one/main.go": MAIN,
  "cmd/one/tagged.go": TAGGED,
  "cmd/two/main.go": MAIN,
  "cmd/two/tagged.go": TAGGED,
  "sub/go.mod": "module example.test/sub\n\ngo 1.21\n",
  "sub/cmd/three/main.go": MAIN,
};
const ONE = ["./cmd/one"];
const BOTH = ["./cmd/one", "./cmd/two"];

interface Case {
  /** The file; `BASE` in it stands for a base image of the registry. */
  readonly yaml: string;
  readonly patterns?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const CASES: Readonly<Record<string, Case>> = {
  "default flags and ldflags": {
    yaml: "defaultFlags: [-tags=special]\ndefaultLdflags: [-s, '-X main.version=1']\n",
  },
  "default flags as text": { yaml: "defaultFlags: -tags special\ndefaultLdflags: -s -w\n" },
  "keys in another case": { yaml: "DEFAULTLDFLAGS: [-s]\n" },
  "default variables": { yaml: "defaultEnv: [GOAMD64=v3, GOFLAGS=-tags=special]\n" },
  "default platforms": { yaml: "defaultPlatforms: [linux/arm64, linux/amd64]\n" },
  "ko's variables for defaults beat the file's": {
    yaml: "defaultLdflags: [-s]\ndefaultFlags: [-v]\ndefaultEnv: [GOAMD64=v2]\n",
    env: {
      KO_DEFAULTLDFLAGS: "-w -X=main.version=2",
      KO_DEFAULTFLAGS: "-tags=special",
      KO_DEFAULTENV: "GOAMD64=v3",
    },
  },
  "an entry is for its package alone": {
    yaml: `builds:
- id: one
  main: ./cmd/one
  ldflags: [-s, -w, -X main.version=one]
  flags: [-tags, special]
  env: [GOAMD64=v3]
`,
    patterns: BOTH,
  },
  "an entry names a file, and text stands for words": {
    yaml:
      "builds:\n- main: cmd/one/main.go\n  flags: -tags special\n  ldflags: -X main.version=file\n",
  },
  "an entry without anything of its own has the defaults": {
    yaml: "defaultLdflags: [-s]\nbuilds:\n- main: ./cmd/one\n  flags: [-tags=special]\n",
    patterns: BOTH,
  },
  "an entry beats ko's variables for defaults": {
    yaml: "builds:\n- main: ./cmd/one\n  ldflags: [-X main.version=entry]\n",
    env: { KO_DEFAULTLDFLAGS: "-s" },
    patterns: BOTH,
  },
  "--ldflags beats an entry": {
    yaml: "builds:\n- main: ./cmd/one\n  ldflags: [-X main.version=entry]\n",
    flags: ["--ldflags=-X main.version=flag"],
  },
  "an entry of another module": {
    yaml: "builds:\n- dir: ./sub\n  main: ./cmd/three\n  ldflags: [-s]\n",
    patterns: ["example.test/sub/cmd/three"],
  },
  "an entry of another module, by its folder": {
    yaml: "builds:\n- dir: sub\n  main: cmd/three\n  ldflags: [-X main.version=3]\n",
    patterns: ["./sub/cmd/three"],
  },
  "a base image of one package": {
    yaml: "baseImageOverrides:\n  example.test/Work/cmd/one: BASE\n",
    patterns: BOTH,
  },
  "capabilities": {
    yaml: "builds:\n- main: ./cmd/one\n  linux_capabilities: [net_bind_service, chown=pe]\n",
  },
  "capabilities as text": {
    yaml: "builds:\n- main: ./cmd/one\n  linux_capabilities: all\n",
  },
  "templates": {
    yaml: `builds:
- main: ./cmd/one
  flags: ['-tags={{.Env.SPECIAL}}']
  ldflags:
  - -X main.version={{.Git.ShortCommit}}-{{.Git.TreeState}}-{{.Git.Branch}}-{{.Git.Tag}}
  - -X main.other={{.Env.GOARCH}}/{{.GoEnv.GOOS}}/{{.Git.CommitDate}}/{{.Git.CommitTimestamp}}
  - '{{if .Git.IsDirty}}-s{{else}}-w{{end}}'
`,
    env: { SPECIAL: "special", KO_DEFAULTPLATFORMS: "linux/arm64 linux/amd64" },
  },
  "templates of dates, and of defaults": {
    yaml: `defaultLdflags:
- -X main.version={{.Date}}
- -X main.other={{.Timestamp}}{{.Env.LDFLAGS}}{{.Git.FullCommit | printf "%.7s"}}
`,
    env: { SOURCE_DATE_EPOCH: "1700000000" },
  },
};

async function makeModule(lab: Lab): Promise<string> {
  const folder = lab.dir.join("module", "work");
  for (const [name, text] of Object.entries(FILES)) {
    await lab.dir.write(`module/work/${name}`, text);
  }
  await makeRepository(folder);
  return folder;
}

Deno.test({
  name: "equal to ko: .ko.yaml",
  ...needs("docker-registry"),
  async fn(t) {
    await using lab = await openLab();
    const cwd = await makeModule(lab);
    const { reference } = await lab.base("plain");
    const seen = new Set<string>();
    for (const [name, { yaml, patterns = ONE, flags = [], env = {} }] of Object.entries(CASES)) {
      await t.step(name, async () => {
        const file = await lab.dir.write(
          `config/${seen.size}.yaml`,
          yaml.replaceAll("BASE", reference),
        );
        const build = { base: "multi", patterns, flags, cwd, sameBases: true } as const;
        const both = { ...env, KO_CONFIG_PATH: file };
        const images = await lab.compare({ ...build, env: both });
        const made = JSON.stringify([...images].map(([, image]) => image));
        assert.ok(!seen.has(made), `${name} made the same as another case`);
        seen.add(made);
      });
    }
    await t.step("the file of the folder itself", async () => {
      await Deno.writeTextFile(join(cwd, ".ko.yaml"), "defaultLdflags: [-X main.version=here]\n");
      await lab.compare({ base: "multi", patterns: ONE, cwd, sameBases: true });
      await Deno.remove(join(cwd, ".ko.yaml"));
    });
  },
});
