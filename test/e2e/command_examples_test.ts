/**
 * The examples of each command's help, as docs/commands.md shows them: all of them run, in a module
 * with all that they speak of, against a real registry and a real daemon.
 * @module
 */
import assert from "node:assert/strict";
import { freePort, startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { needs, searchPath } from "../parts/tools.ts";
import { printer } from "../support/go_module.ts";
import { kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** What the examples of a command are. */
interface Example {
  readonly command: string;
  readonly lines: readonly string[];
}

/** Those that need a person or another system, with the tests that try what they say. */
const NOT_HERE: Readonly<Record<string, string>> = {
  "kodeno login registry.local": "login_test.ts",
  "kodeno completion powershell | Out-String | Invoke-Expression": "completion_test.ts",
};

const POD = `apiVersion: v1
kind: Pod
metadata: {name: app, labels: {app: web}}
spec: {containers: [{name: app, image: "ko://example.com/m/cmd/app"}]}
`;

const FILES: Readonly<Record<string, string>> = {
  "work/go.mod": "module example.com/m\n\ngo 1.22\n",
  "work/cmd/app/main.go": printer("app"),
  "work/cmd/app/kodata/a.txt": "a\n",
  "work/cmd/app/some.pb.go": "package main\n",
  "work/cmd/worker/main.go": printer("worker"),
  "work/config/app.yaml": POD,
  "work/pod.yaml": POD,
  "work/skaffold.yaml": `apiVersion: skaffold/v4beta13
kind: Config
build: {artifacts: [{image: app, ko: {main: ./cmd/app}}]}
`,
  "work/scan.json": '{"scanner": {"uri": "scanner"}}',
  "work/approval.txt": "released\n",
  "work/app.spdx.json": '{"spdxVersion": "SPDX-2.3"}',
  "work/secret": PASSWORD,
  "work/policy.yaml": "rules: [{keys: kodeno.pub}]\n",
  "other/go.mod": "module example.com/other\n\ngo 1.22\n",
  "other/main.go": printer("other"),
};

/** Makes what the examples take for granted; $REGISTRY is one of plain HTTP. */
const MADE = `
git init --quiet
git add go.mod cmd skaffold.yaml
for message in first second; do
  git -c user.name=me -c user.email=me@example.com commit --quiet --allow-empty -m $message
done
git tag v1.2.0
git update-ref refs/remotes/origin/main HEAD
kodeno build ./... --platform linux/amd64,linux/arm64 -t latest,v1,v1.0.0 --oci-layout out \\
  --tarball images.tar --provenance
cp images.tar saved.tar
kodeno build ./cmd/worker -t debian12 --oci-layout bases
kodeno plan ./... --json > plan.json
kodeno build ./... --shard 1/2 --oci-layout part-1
kodeno build ./... --shard 2/2 --oci-layout part-2
kodeno key new
kodeno sign out --key kodeno.key --recursive
kodeno push out app:v1 --to $REGISTRY/team
kodeno push out worker:v1 --to $REGISTRY/team/base --bare -t v1
(cd ../other && kodeno build)
kodeno bundle create -o app.bundle.tar --sign kodeno.key out
cp app.bundle.tar old.bundle.tar
kodeno bundle create -o parts.bundle.tar --split 2MB out
kodeno bundle receipt out -o receipt.json
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x \\
  -keyout key.pem -out cert.pem
openssl pkey -in key.pem -pubout -out key.pub
mkdir -p ../home/.config/fish/completions
`;

/** The commands of all examples of the page; lines that are no commands are YAML. */
function examplesOf(page: string): readonly Example[] {
  return page.split(/^(?=## )/m).flatMap((section) => {
    const [, command = ""] = /^## (kodeno [\w-]+(?: \w+)?)\n/.exec(section) ?? [];
    return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => ({
      command,
      lines: block.split("\n").filter((line) =>
        /^(?:[A-Z_]+=\S+ )?(?:kodeno|docker|source) /.test(line)
      ),
    }));
  });
}

/** Programs that examples name beside kodeno, and that would need others. */
async function makePrograms(dir: TempDir): Promise<void> {
  const programs = {
    kodeno: `exec ${kodenoWords()} "$@"`,
    // What it is given is read to its end.
    kubectl: "cat",
    ssh: 'shift; exec "$@"',
  };
  for (const [name, text] of Object.entries(programs)) {
    await Deno.chmod(await dir.write(`bin/${name}`, `#!/bin/sh\n${text}\n`), 0o755);
  }
}

/** A line as it can be run here: in the place of names are those of the real parts. */
function runnable(line: string, { plain, secured }: { plain: string; secured: string }): string {
  const port = freePort();
  const text = line
    .replace(/(login|logout) registry\.local/, `$1 ${secured}`).replace("-u me", `-u ${USER}`)
    // An example before it has said so.
    .replace(/^kodeno (?:apply|create|run) /, "KO_DOCKER_REPO=registry.local/team $&")
    .replaceAll("registry.local", plain).replaceAll("mirror.local", `${plain}/mirror`);
  // These go on until they are told to stop.
  const stopped = (words: string, seconds: number) =>
    `timeout --signal=INT ${seconds} ${words} || test $? = 124`;
  if (/ kodeno watch |^kodeno watch /.test(text)) {
    return stopped(text.replace(/^(\S+=\S+) /, "env $1 "), 4);
  }
  if (text.startsWith("kodeno serve out --policy")) {
    return stopped(`${text} --listen :${port}`, 2);
  }
  if (text.startsWith("kodeno serve out --listen :5443")) {
    return stopped(text.replace("5443", `${port}`), 2);
  }
  if (text === "kodeno serve out") {
    return `PORT=${port}; kodeno serve out --listen :$PORT & sleep 1`;
  }
  if (text.startsWith("kodeno diff ")) {
    // It ends with 1 where images differ, and tells of them in any case.
    return `{ ${text} || test $? = 1; } | grep -E '^(equal|different|[{]"type":"diff")' >/dev/null`;
  }
  if (text.startsWith("docker pull 127.0.0.1:5000/")) return text.replace("5000", "$PORT");
  if (text === "source <(kodeno completion zsh)") {
    return `zsh -c 'autoload -U compinit; compinit -u; ${text}'`;
  }
  return text;
}

Deno.test({
  name: "examples: each one of the help runs",
  ...needs("root", "dockerd", "docker", "docker-registry", "openssl", "zsh"),
  async fn(t) {
    const examples = examplesOf(await Deno.readTextFile(`${ROOT}docs/commands.md`));
    assert.ok(examples.length >= 30);
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await using secured = await startSecuredRegistry({ password: true });
    await using dockerd = await startDockerd();
    await makePrograms(dir);
    for (const [name, text] of Object.entries(FILES)) await dir.write(`template/${name}`, text);
    const env: Record<string, string> = {
      ...kodenoEnvironment({
        KODENO_CACHE: dir.join("cache"),
        DOCKER_HOST: dockerd.host,
        GOFLAGS: "-buildvcs=false",
        KODENO_KEY_PASSWORD: PASSWORD,
      }),
      REGISTRY: registry.host,
      PATH: [dir.join("bin"), ...searchPath()].join(":"),
      GOPATH: (await succeed("go", ["env", "GOPATH"])).trim(),
      GOCACHE: (await succeed("go", ["env", "GOCACHE"])).trim(),
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    };
    const bash = (script: string, place: string) =>
      run("bash", ["-euo", "pipefail", "-c", script], {
        cwd: dir.join(place, "work"),
        env: { ...env, HOME: dir.join(place, "home") },
      });
    const made = await bash(MADE, "template");
    assert.equal(made.code, 0, made.stderr);
    const hosts = { plain: registry.host, secured: secured.host };
    for (const [i, { command, lines }] of examples.entries()) {
      const here = lines.filter((line) => NOT_HERE[line] === undefined);
      await t.step(`${command}: ${here[0] ?? lines[0]}`, async () => {
        await succeed("cp", ["-a", dir.join("template"), dir.join(`${i}`)]);
        const script = here.map((line) => runnable(line, hosts)).join("\n");
        const { code, stderr } = await bash(
          `trap 'jobs -p | xargs -r kill' EXIT\n${script}`,
          `${i}`,
        );
        assert.equal(code, 0, `${script}\n${stderr}`);
        await Deno.remove(dir.join(`${i}`), { recursive: true });
      });
    }
  },
});
