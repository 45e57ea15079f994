/**
 * GitLab's component and Tekton's Task that build images: their forms, and their own commands with what the
 * engines give them, against a registry that wants a login.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseDocument } from "../../src/npm/yaml.ts";
import { GITLAB_CI_LOCAL } from "../parts/gitlab_ci_local.ts";
import { kubeconform } from "../parts/kubeconform.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { printer } from "../support/go_module.ts";
import { done, kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const COMPONENT = "templates/build/template.yml";
const TASK = "examples/tekton/build-task.yaml";

/** A module with two programs, and the environment of a machine that has kodeno. */
async function project(dir: TempDir): Promise<Readonly<Record<string, string>>> {
  await dir.write("app/go.mod", "module example.com/app\n\ngo 1.22\n");
  for (const name of ["web", "worker"]) await dir.write(`app/cmd/${name}/main.go`, printer(name));
  await dir.write("bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`);
  await Deno.chmod(dir.join("bin/kodeno"), 0o755);
  const env = kodenoEnvironment();
  return { ...env, PATH: `${dir.join("bin")}:${env["PATH"]}`, HOME: dir.join("home") };
}

/** Looks whether a registry has what references name. */
async function assertPushed(dir: TempDir, references: string, tag: string): Promise<void> {
  const all = references.trim().split("\n");
  assert.equal(all.length, 2, references);
  for (const reference of all) {
    assert.match(
      reference,
      new RegExp(`^127\\.0\\.0\\.1:\\d+/team/app/(?:web|worker):${tag}@sha256:`),
    );
    await done(dir, ["pull", reference, "--oci-layout", "pulled"], { HOME: dir.join("home") });
  }
}

Deno.test({
  name: "gitlab: the component builds and pushes, as gitlab-ci-local runs it",
  ...needs("docker-registry", "rsync"),
  async fn() {
    await using dir = await tempDir();
    const env = await project(dir);
    await using registry = await startSecuredRegistry({ password: true });
    const cwd = dir.join("app");
    await dir.write(`app/${COMPONENT}`, await Deno.readTextFile(ROOT + COMPONENT));
    const inputs = "{packages: ./cmd/..., platforms: linux/arm64}";
    const include = `include:\n  - local: ${COMPONENT}\n    inputs: ${inputs}\n`;
    await dir.write("app/.gitlab-ci.yml", include);
    for (
      const args of [
        ["init", "--quiet", "--initial-branch=main"],
        ["remote", "add", "origin", "git@gitlab.test:team/app.git"],
        ["add", "--all"],
        [
          "-c",
          "user.name=me",
          "-c",
          "user.email=me@gitlab.test",
          "commit",
          "--quiet",
          "-m",
          "first",
        ],
      ]
    ) await succeed("git", args, { cwd, env });
    const variables = Object.entries({
      CI_REGISTRY: registry.host,
      CI_REGISTRY_IMAGE: `${registry.host}/team/app`,
      CI_REGISTRY_USER: USER,
      CI_REGISTRY_PASSWORD: PASSWORD,
    }).flatMap(([name, value]) => ["--variable", `${name}=${value}`]);
    const deno = ["run", "-A", "--no-config", "--no-lock", GITLAB_CI_LOCAL];
    const options = ["--home", dir.join("home"), "--force-shell-executor", ...variables];
    const { code, stdout, stderr } = await run(Deno.execPath(), [...deno, ...options], {
      cwd,
      env,
    });
    assert.equal(code, 0, stdout + stderr);
    await assertPushed(dir, await Deno.readTextFile(join(cwd, "images.txt")), "main");
  },
});

Deno.test({
  name: "tekton: the Task is valid, and its step builds and pushes",
  ...needs("docker-registry"),
  async fn() {
    const valid = await kubeconform(ROOT + TASK);
    assert.equal(valid.code, 0, valid.stdout + valid.stderr);
    await using dir = await tempDir();
    const env = await project(dir);
    await using registry = await startSecuredRegistry({ password: true });
    // Tekton puts the logins of the service account there.
    const login = ["login", registry.host, "--username", USER, "--password-stdin"];
    await succeed("sh", ["-c", `printf %s "$0" | kodeno "$@"`, PASSWORD, ...login], { env });
    const { spec: { params, steps } } = parseDocument(await Deno.readTextFile(ROOT + TASK)).toJS();
    const [{ script, args, env: own, workingDir }, ...more] = steps;
    assert.equal(more.length, 0);
    const usual = (params as readonly { name: string; default?: unknown }[])
      .map(({ name, default: value }) => [`params.${name}`, value]);
    const values: Readonly<Record<string, unknown>> = {
      ...Object.fromEntries(usual),
      "params.repository": `${registry.host}/team/app`,
      "workspaces.source.path": dir.join("app"),
      "workspaces.cache.path": await Deno.makeTempDir({ dir: dir.path }),
      "results.images.path": dir.join("result"),
    };
    const filled = (text: string): string =>
      text.replaceAll(/\$\(([\w.]+)\)/g, (_, name) => {
        assert.ok(values[name] !== undefined, name);
        return String(values[name]);
      });
    assert.deepEqual(args, ["$(params.packages[*])"]);
    const variables = (own as readonly { name: string; value: string }[])
      .map(({ name, value }) => [name, filled(value)]);
    const path = await dir.write("script", script);
    await Deno.chmod(path, 0o755);
    await succeed(path, values["params.packages"] as string[], {
      cwd: filled(workingDir),
      env: { ...env, ...Object.fromEntries(variables) },
    });
    await assertPushed(dir, await Deno.readTextFile(dir.join("result")), "latest");
  },
});
