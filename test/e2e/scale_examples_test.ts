/**
 * The examples of `examples/scale`: what they hold is valid to the engines they are for, and their very
 * commands are run in as many processes as there are shards, in the engine's environment. One
 * shard is killed and repeated each time, and what comes out is what one machine builds.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseAllDocuments } from "../../src/npm/yaml.ts";
import { GITLAB_CI_LOCAL } from "../parts/gitlab_ci_local.ts";
import { kubeconform } from "../parts/kubeconform.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs, searchPath } from "../parts/tools.ts";
import { kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { entriesOf } from "../support/layout.ts";
import { type MachineRun, onMachine } from "../support/machines.ts";
import { type Outcome, run, succeed, until } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const EXAMPLE = `${ROOT}examples/scale`;
const MANIFESTS = ["volume.yaml", "volume-merge.yaml", "registry.yaml"]
  .map((name) => `${EXAMPLE}/kubernetes/${name}`);
const TEKTON = `${EXAMPLE}/tekton.yaml`;
const TEKTON_TASK = `${ROOT}examples/tekton/build-task.yaml`;
const SHARDS = 4;
/** Which one is killed, from 0. */
const KILLED = 1;

// deno-lint-ignore no-explicit-any
type Yaml = any;

async function documentsOf(file: string): Promise<Yaml[]> {
  const documents = parseAllDocuments(await Deno.readTextFile(file));
  return documents.map((document) => "toJS" in document ? document.toJS() : undefined);
}

/** A repository with the programs, and what one machine builds of it. */
interface Site extends AsyncDisposable {
  readonly dir: TempDir;
  /** The environment of a machine: its own caches of kodeno, and kodeno on PATH. */
  environment(machine: string, more?: Readonly<Record<string, string>>): Record<string, string>;
  /** A clone, as engines make it for each machine. */
  clone(machine: string): Promise<string>;
  /** Digests by the last part of an image's name. */
  readonly expected: ReadonlyMap<string, string>;
}

/** Digests of what has a name; what refers to images has none. */
async function digestsIn(layout: string): Promise<Map<string, string>> {
  const named = (await entriesOf(layout)).flatMap(({ annotations, digest }) => {
    const name = annotations?.["io.containerd.image.name"];
    return name === undefined ? [] : [[/([^/]*):[^/:]*$/.exec(name)?.[1] ?? name, digest] as const];
  });
  return new Map(named.toSorted());
}

async function site(): Promise<Site> {
  const dir = await tempDir();
  await succeed("cp", ["-r", EXAMPLE, dir.join("source")]);
  const cwd = dir.join("source");
  await succeed("cp", ["gitlab-ci.yml", ".gitlab-ci.yml"], { cwd });
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
  await succeed("git", ["init", "--quiet", "--initial-branch=main"], { cwd });
  await succeed("git", ["add", "--all"], { cwd });
  await succeed("git", [...who, "commit", "--quiet", "-m", "The programs"], { cwd });
  await dir.write("bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`);
  await Deno.chmod(dir.join("bin/kodeno"), 0o755);
  const environment: Site["environment"] = (machine, more = {}) => ({
    ...kodenoEnvironment({ KODENO_CACHE: dir.join("caches", machine) }),
    // As users have it: what git knows is in programs, and must be the same on all machines.
    GOFLAGS: "-buildvcs=true",
    DOCKER_CONFIG: dir.join("docker", machine),
    PATH: [dir.join("bin"), ...searchPath()].join(":"),
    ...more,
  });
  const clone: Site["clone"] = async (machine) => {
    const to = dir.join("machines", machine);
    await succeed("git", ["clone", "--quiet", dir.join("source"), to]);
    return to;
  };
  const alone = { cwd: await clone("alone"), env: environment("alone") };
  await succeed(dir.join("bin/kodeno"), ["build", "./...", "--oci-layout", "../../alone"], alone);
  return {
    dir,
    environment,
    clone,
    expected: await digestsIn(dir.join("alone")),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

/** Runs shards at once, kills one as soon as it writes into its cache, and repeats that. */
async function withOneKilled(
  start: (shard: number, attempt: number) => Promise<MachineRun>,
  isWorking: (shard: number) => Promise<boolean>,
  between?: () => Promise<void>,
): Promise<readonly Outcome[]> {
  const numbers = Array.from({ length: SHARDS }, (_, i) => i);
  const runs = await Promise.all(numbers.map((shard) => start(shard, 0)));
  await until("a shard to work", () => isWorking(KILLED));
  runs[KILLED]?.kill();
  const outcomes = await Promise.all(runs.map(({ ended }) => ended));
  for (const [shard, { code, stderr }] of outcomes.entries()) {
    assert.equal(code, shard === KILLED ? 137 : 0, `${shard}: ${stderr}`);
  }
  await between?.();
  const again = await (await start(KILLED, 1)).ended;
  assert.equal(again.code, 0, again.stderr);
  return [...outcomes, again];
}

const hasFiles = async (folder: string): Promise<boolean> =>
  (await filesBelow(folder).catch(() => [])).length > 0;

Deno.test("scale examples: manifests are valid, and what is not is found", async () => {
  const valid = await kubeconform(...MANIFESTS, TEKTON, TEKTON_TASK);
  assert.equal(valid.code, 0, valid.stdout + valid.stderr);
  await using dir = await tempDir();
  for (
    const [file, right, wrong] of [
      [MANIFESTS[0] ?? "", "completionMode:", "completionmode:"],
      [TEKTON, "runAfter:", "after:"],
    ] as const
  ) {
    const text = await Deno.readTextFile(file);
    const bad = await dir.write("bad.yaml", text.replace(right, wrong));
    const { code, stdout } = await kubeconform(bad);
    assert.equal(code, 1);
    assert.ok(stdout.includes(`additional properties '${wrong.slice(0, -1)}' not allowed`), stdout);
  }
});

/** What GitHub puts in the place of its expressions. */
function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{\{ *(.*?) *\}\}/g, (_, expression) => {
    const value = values[expression];
    assert.ok(value !== undefined, `nothing for ${expression}`);
    return value;
  });
}

/** A job of GitHub's as a script, with what its actions do to files in their place. */
function githubJob(
  job: Yaml,
  values: Readonly<Record<string, string>>,
  artifacts: string,
): { script: string; env: Record<string, string> } {
  const parts = job.steps.map((step: Yaml): string => {
    const { name = "", path = ".", pattern = "" } = step.with ?? {};
    const [action] = String(step.uses ?? "").split("@");
    const [from, to] = [filled(path, values), `${artifacts}/${filled(name, values)}`];
    switch (action) {
      case "":
        return filled(step.run, values);
      case "actions/checkout":
      case "actions/setup-go":
      // What this one does is run in test/release/action_test.ts.
      case "kodeno/kodeno":
        return "";
      case "actions/upload-artifact":
        // What is in a folder lies in the artifact, and a file under its name.
        return `mkdir -p ${to}\nif [ -d ${from} ]; then cp -r ${from}/. ${to}; else cp ${from} ${to}; fi`;
      case "actions/download-artifact":
        return `mkdir -p ${from}\n` +
          (pattern ? `cp -r ${artifacts}/${pattern} ${from}` : `cp -r ${to}/. ${from}`);
      default:
        return assert.fail(`what does ${action} do?`);
    }
  });
  const env = Object.entries(job.env ?? {}).map(([name, value]) => [
    name,
    filled(String(value), values),
  ]);
  return { script: parts.join("\n"), env: Object.fromEntries(env) };
}

Deno.test({
  name: "scale examples: GitHub's matrix",
  ...needs("root", "unshare", "docker-registry"),
  fn: async () => {
    await using all = await site();
    await using registry = await startRegistry();
    const { dir } = all;
    const [{ jobs }] = await documentsOf(`${EXAMPLE}/github.yml`);
    // As the action of kodeno sets it.
    const KO_DOCKER_REPO = `${registry.host}/team/app`;
    const start = async (
      job: string,
      name: string,
      values: Readonly<Record<string, string>> = {},
      more: Readonly<Record<string, string>> = {},
    ): Promise<MachineRun> => {
      const { script, env } = githubJob(jobs[job], values, dir.join("artifacts"));
      const set = { KO_DOCKER_REPO, ...env, ...more };
      return onMachine(name, script, {
        cwd: await all.clone(name),
        env: all.environment(name, set),
      });
    };
    const GITHUB_OUTPUT = dir.join("output");
    const planned = await (await start("plan", "plan", {}, { GITHUB_OUTPUT })).ended;
    assert.equal(planned.code, 0, planned.stderr);
    const [, matrix = ""] = /^matrix=(.*)$/m.exec(await Deno.readTextFile(GITHUB_OUTPUT)) ?? [];
    const { include } = JSON.parse(matrix) as { include: readonly Record<string, string>[] };
    assert.equal(include.length, SHARDS);
    await withOneKilled((shard, attempt) => {
      const own = Object.entries(include[shard] ?? {}).map(([name, value]) => [
        `matrix.${name}`,
        value,
      ]);
      return start("build", `runner-${shard}-${attempt}`, Object.fromEntries(own));
    }, (shard) => hasFiles(dir.join("caches", `runner-${shard}-0`)));
    const merged = await (await start("merge", "merge")).ended;
    assert.equal(merged.code, 0, merged.stderr);
    assert.deepEqual(await digestsIn(dir.join("machines/merge/out")), all.expected);
    assert.deepEqual(await pushed(dir, registry.host, all), all.expected);
  },
});

Deno.test({
  name: "scale examples: GitLab's parallel, run by gitlab-ci-local, whose failed job is retried",
  ...needs("docker-registry", "rsync"),
  fn: async () => {
    await using all = await site();
    await using registry = await startRegistry();
    const { dir } = all;
    // Killed once, when it is at work.
    await dir.write(
      "bin/kodeno",
      `#!/bin/sh
if [ "$CI_NODE_INDEX" = ${KILLED + 1} ] && mkdir ${dir.join("killed")} 2> /dev/null; then
  ${kodenoWords()} "$@" &
  while [ -z "$(ls -A "$KODENO_CACHE" 2> /dev/null)" ]; do sleep 0.01; done
  kill -KILL $!
  wait $!
  exit
fi
exec ${kodenoWords()} "$@"
`,
    );
    const cwd = await all.clone("runner");
    const engine = async (...args: readonly string[]): Promise<Outcome> => {
      const own = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"];
      const variables = [
        `CI_REGISTRY=${registry.host}`,
        `CI_REGISTRY_IMAGE=${registry.host}/team/app`,
        "CI_REGISTRY_USER=job",
        "CI_REGISTRY_PASSWORD=secret",
      ].flatMap((one) => ["--variable", one]);
      const options = ["--home", dir.join("home"), ...own, ...variables];
      const deno = ["run", "-A", "--no-config", "--no-lock", GITLAB_CI_LOCAL];
      const env = all.environment("runner");
      return await run(Deno.execPath(), [...deno, ...options, ...args], { cwd, env });
    };
    const failed = await engine();
    assert.equal(failed.code, 1, failed.stdout + failed.stderr);
    assert.match(failed.stdout, new RegExp(` FAIL +build: .${KILLED + 1}/${SHARDS}.`));
    assert.doesNotMatch(failed.stdout, / PASS +merge/);
    for (const job of [`build: [${KILLED + 1}/${SHARDS}]`, "merge"]) {
      const { code, stdout, stderr } = await engine(job);
      assert.equal(code, 0, stdout + stderr);
    }
    assert.deepEqual(await pushed(dir, registry.host, all), all.expected);
  },
});

/** Digests of what was pushed to a registry. */
async function pushed(dir: TempDir, host: string, all: Site): Promise<Map<string, string>> {
  for (const name of all.expected.keys()) {
    const args = ["pull", `${host}/team/app/${name}:latest`, "--oci-layout", "pulled"];
    const env = all.environment("puller");
    await succeed(dir.join("bin/kodeno"), args, { cwd: dir.path, env });
  }
  return await digestsIn(dir.join("pulled"));
}

/** The commands of examples/scale/README.md that have a word in them. */
async function commandsWith(word: string): Promise<string> {
  const page = await Deno.readTextFile(`${EXAMPLE}/README.md`);
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const found = blocks.find((block) => block.includes(word));
  assert.ok(found, word);
  return found;
}

/** kubectl, as far as it is used: what is applied is there, and pods have said what they have said. */
async function writeKubectl({ dir }: Site, logs: string): Promise<void> {
  await dir.write("logs", logs);
  const script = `#!/bin/sh
case "$1" in
apply) test -s "$3" ;;
wait) ;;
logs) cat ${dir.join("logs")} ;;
*) exit 1 ;;
esac
`;
  await Deno.chmod(await dir.write("bin/kubectl", script), 0o755);
}

/** A pod of a Job: its container's script with its volumes, and its environment but for `set`. */
async function pod(
  all: Site,
  job: Yaml,
  name: string,
  set: Readonly<Record<string, string>>,
): Promise<MachineRun> {
  const { containers: [container], volumes } = job.spec.template.spec;
  assert.deepEqual(container.command, ["sh", "-euc"]);
  const mounts = [];
  for (const { name: volume, mountPath } of container.volumeMounts) {
    const { emptyDir } = volumes.find((one: Yaml) => one.name === volume);
    // One that is empty is so for the next pod of this name, too.
    const folder = emptyDir ? `pods/${crypto.randomUUID()}` : `volumes/${volume}`;
    await Deno.mkdir(all.dir.join(folder), { recursive: true });
    mounts.push(`mkdir -p ${mountPath}\nmount --bind ${all.dir.join(folder)} ${mountPath}`);
  }
  const script = [
    "mount -t tmpfs tmpfs /mnt",
    ...mounts,
    `cd ${container.workingDir}`,
    'sh -euc "$SCRIPT"',
  ].join("\n");
  const [SCRIPT, ...more] = container.args;
  assert.equal(more.length, 0);
  const own = container.env.map(({ name, value }: Yaml) => [name, value]);
  const env = all.environment(name, { ...Object.fromEntries(own), ...set, SCRIPT });
  return onMachine(name, script, { cwd: all.dir.path, env });
}

Deno.test({
  name: "scale examples: a Kubernetes Indexed Job with one volume",
  ...needs("root", "unshare", "docker-registry"),
  fn: async () => {
    await using all = await site();
    await using registry = await startRegistry();
    const [claim, job] = await documentsOf(MANIFESTS[0] ?? "");
    assert.deepEqual(claim.spec.accessModes, ["ReadWriteMany"]);
    assert.equal(job.spec.completions, SHARDS);
    const set = { SOURCE: all.dir.join("source"), REGISTRY: `${registry.host}/team/app` };
    const [merge] = await documentsOf(MANIFESTS[1] ?? "");
    await withOneKilled(
      // A pod that follows another has its index and its name of the host.
      (shard) => pod(all, job, `images-${shard}`, { ...set, JOB_COMPLETION_INDEX: `${shard}` }),
      () => hasFiles(all.dir.join("volumes/images/cache")),
      async () => {
        // Whoever does not wait for the last one has nothing.
        const early = await (await pod(all, merge, "images-merge", set)).ended;
        assert.notEqual(early.code, 0, early.stderr);
        assert.equal(await hasFiles(all.dir.join("volumes/images/out")), false);
      },
    );
    await writeKubectl(all, "");
    const options = { cwd: await all.clone("commands"), env: all.environment("commands") };
    await succeed("bash", ["-euc", await commandsWith("volume.yaml")], options);
    const merged = await (await pod(all, merge, "images-merge", set)).ended;
    assert.equal(merged.code, 0, merged.stderr);
    assert.deepEqual(await digestsIn(all.dir.join("volumes/images/out")), all.expected);
    assert.deepEqual(await pushed(all.dir, registry.host, all), all.expected);
  },
});

Deno.test({
  name: "scale examples: a Kubernetes Indexed Job, by digest through a registry",
  ...needs("root", "unshare", "docker-registry"),
  fn: async () => {
    await using all = await site();
    await using registry = await startRegistry();
    const [job] = await documentsOf(MANIFESTS[2] ?? "");
    const repository = { KO_DOCKER_REPO: `${registry.host}/team/app` };
    const set = { SOURCE: all.dir.join("source"), ...repository };
    const outcomes = await withOneKilled(
      (shard, attempt) =>
        pod(all, job, `images-${shard}-${attempt}`, { ...set, JOB_COMPLETION_INDEX: `${shard}` }),
      (shard) => hasFiles(all.dir.join("caches", `images-${shard}-0`)),
    );
    const logs = outcomes.map(({ stdout, stderr }) => stderr + stdout).join("");
    await all.dir.write("logs", logs);
    await all.dir.write(
      "bin/kubectl",
      `#!/bin/sh\n[ "$1" = logs ] && cat ${all.dir.join("logs")}\n`,
    );
    await Deno.chmod(all.dir.join("bin/kubectl"), 0o755);
    const cwd = await all.clone("merge");
    const script = await Deno.readTextFile(`${EXAMPLE}/kubernetes/registry-merge.sh`);
    const env = all.environment("merge", repository);
    await succeed("bash", ["-euo", "pipefail", "-c", script], { cwd, env });
    assert.deepEqual(await digestsIn(join(cwd, "out")), all.expected);
  },
});

/** A run of a Task of Tekton's, with what it has for parameters in their places. */
function taskRun(
  all: Site,
  name: string,
  task: Yaml,
  source: string,
  params: Readonly<Record<string, string>>,
): MachineRun {
  const text = JSON.stringify(task.spec.steps).replaceAll(/\$\((.*?)\)/g, (_, name) => {
    const value = name === "workspaces.source.path"
      ? source
      : params[name.replace(/^params\./, "")];
    assert.ok(value !== undefined, `nothing for ${name}`);
    return value;
  });
  const [only, ...more] = JSON.parse(text);
  assert.equal(more.length, 0);
  const own = only.env.map(({ name, value }: Yaml) => [name, value]);
  const env = all.environment(name, { ...Object.fromEntries(own), SCRIPT: only.script });
  // Scripts are files there, which say what runs them.
  const script = `file=$(mktemp)
cat > "$file" <<< "$SCRIPT"
chmod +x "$file"
"$file"
rm "$file"`;
  return onMachine(name, script, { cwd: only.workingDir, env });
}

Deno.test({
  name: "scale examples: Tekton's matrix",
  ...needs("root", "unshare", "docker-registry"),
  fn: async () => {
    await using all = await site();
    await using registry = await startRegistry();
    const [build, merge, pipeline] = await documentsOf(TEKTON);
    const [{ name, value: shards }] = pipeline.spec.tasks[0].matrix.params;
    assert.equal(shards.length, SHARDS);
    const source = await all.clone("workspace");
    await withOneKilled(
      (shard, attempt) => {
        const run = `task-${shard}-${attempt}`;
        return Promise.resolve(taskRun(all, run, build, source, { [name]: shards[shard] }));
      },
      (shard) => hasFiles(all.dir.join("caches", `task-${shard}-0`)),
    );
    const params = { registry: `${registry.host}/team/app` };
    const merged = await taskRun(all, "merge", merge, source, params).ended;
    assert.equal(merged.code, 0, merged.stderr);
    assert.deepEqual(await digestsIn(join(source, "out")), all.expected);
    assert.deepEqual(await pushed(all.dir, registry.host, all), all.expected);
  },
});
