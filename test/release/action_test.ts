/**
 * action.yml as a runner of GitHub takes it: its form, and its steps in their order with the files that
 * the runner gives them, against a release and a registry on this machine.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseDocument } from "../../src/npm/yaml.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { done, kodenoEnvironment, ROOT } from "../support/kodeno.ts";
import { type Outcome, run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { OWN, releaseFolder } from "./programs.ts";

/** Knows the schema of GitHub's, and the options of its own inputs. */
const VALIDATOR = "npm:@action-validator/cli@0.6.0";

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

const action = async (): Promise<Action> =>
  parseDocument(await Deno.readTextFile(`${ROOT}action.yml`)).toJS();

/** What has come of a run. */
interface Ran extends Outcome {
  /** What the runner gives the steps that follow. */
  readonly env: Readonly<Record<string, string>>;
  /** Inputs of the actions that it uses, by what is before their version. */
  readonly used: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Runs the steps that have commands, till one fails. */
async function runAction(
  dir: TempDir,
  releases: string,
  given: Readonly<Record<string, string>>,
): Promise<Ran> {
  const { inputs, runs: { steps } } = await action();
  const values = new Map(Object.entries({
    "github.repository": "Team/App",
    "github.actor": USER,
    "github.token": "",
    "github.sha": "0".repeat(40),
    "github.action_repository || github.repository": "kodeno/kodeno",
    "runner.os": "Linux",
    "runner.arch": "X64",
    "hashFiles('**/go.sum')": "1",
  }));
  const filled = (text: string): string =>
    text.replaceAll(/\$\{\{ (.*?) \}\}/g, (_, expression) => {
      const value = values.get(expression);
      assert.ok(value !== undefined, expression);
      return value;
    });
  for (const [name, { default: usual }] of Object.entries(inputs)) {
    values.set(`inputs.${name}`, given[name] ?? filled(usual));
  }
  const files = Object.fromEntries(
    await Promise.all(
      ["PATH", "ENV", "OUTPUT"].map(async (name) =>
        [`GITHUB_${name}`, await dir.write(`runner/${name}`, "")] as const
      ),
    ),
  );
  const temp = dir.join("temp");
  await Deno.mkdir(temp, { recursive: true });
  let env: Record<string, string> = { ...kodenoEnvironment(), HOME: dir.join("home") };
  const used: Record<string, Readonly<Record<string, string>>> = {};
  let last: Outcome = { code: 0, stdout: "", stderr: "" };
  for (const step of steps) {
    const [, input = "", operator, value] = /^(inputs\.\w+) (!=|==) '(\w*)'$/.exec(step.if ?? "") ??
      [];
    if (step.if !== undefined) {
      assert.ok(operator, step.if);
      if ((values.get(input) === value) !== (operator === "==")) continue;
    }
    const [name] = (step.uses ?? "").split("@");
    if (name) {
      const all = Object.entries(step.with ?? {}).map(([key, text]) => [key, filled(text)]);
      used[name] = Object.fromEntries(all);
      continue;
    }
    const own = Object.entries(step.env ?? {}).map(([key, text]) =>
      [key, filled(text).replace("https://github.com", releases)] as const
    );
    const runner = { ...files, GITHUB_ACTION_PATH: ROOT.replace(/\/$/, ""), RUNNER_TEMP: temp };
    last = await run("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run ?? ""], {
      cwd: dir.path,
      env: { ...env, ...runner, ...Object.fromEntries(own) },
    });
    if (last.code !== 0) break;
    const linesOf = async (file: string) =>
      (await Deno.readTextFile(files[`GITHUB_${file}`] ?? "")).split("\n").filter((line) => line);
    const more = (await linesOf("ENV")).map((line) => line.split("=") as [string, string]);
    env = { ...env, ...Object.fromEntries(more) };
    for (const folder of await linesOf("PATH")) env["PATH"] = `${folder}:${env["PATH"]}`;
    const output = await Deno.readTextFile(files["GITHUB_OUTPUT"] ?? "");
    for (const [, name = "", text = ""] of output.matchAll(/^(\w+)<<end\n(.*?)\nend$/gms)) {
      values.set(`steps.${step.id}.outputs.${name}`, text);
    }
  }
  return { ...last, env, used };
}

Deno.test("action: its form is GitHub's, and what is not is found", async () => {
  const validate = (file: string) =>
    run(Deno.execPath(), ["run", "-A", "--no-config", "--no-lock", VALIDATOR, file], {
      cwd: ROOT,
      env: Deno.env.toObject(),
    });
  const valid = await validate("action.yml");
  assert.equal(valid.code, 0, valid.stdout + valid.stderr);
  await using dir = await tempDir();
  const text = await Deno.readTextFile(`${ROOT}action.yml`);
  const bad = await dir.write("action.yml", text.replace("shell: bash", "shel: bash"));
  assert.notEqual((await validate(bad)).code, 0);
});

Deno.test({
  name: "action: installs a release whose sums hold, logs in, and builds",
  ...needs("binary", "docker-registry", "openssl"),
  async fn() {
    await using dir = await tempDir();
    const folder = await releaseFolder(dir);
    const sums = await succeed("sha256sum", [OWN], { cwd: folder });
    await Deno.writeTextFile(join(folder, "SHA256SUMS"), sums);
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const { pathname } = new URL(request.url);
        const [, name] =
          /^\/kodeno\/kodeno\/releases\/(?:latest\/download|download\/v9\.9\.9)\/([\w.-]+)$/
            .exec(pathname) ?? [];
        const file = await Deno.open(join(folder, name ?? "none")).catch(() => undefined);
        return file ? new Response(file.readable) : new Response(null, { status: 404 });
      },
    );
    const releases = `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
    await using registry = await startSecuredRegistry({ password: true });
    const repository = `${registry.host}/Team/App`;
    const ran = await runAction(dir, releases, { token: PASSWORD, repository });
    assert.equal(ran.code, 0, ran.stderr);
    assert.ok(!`${ran.stdout}${ran.stderr}`.includes(PASSWORD));
    assert.equal(ran.env["KO_DOCKER_REPO"], `${registry.host}/team/app`);
    const { path = "" } = ran.used["actions/cache"] ?? {};
    assert.equal(path.split("\n").length, 3, path);
    await dir.write("app/go.mod", "module example.com/app\n\ngo 1.22\n");
    await dir.write("app/main.go", "package main\n\nfunc main() {}\n");
    const built = await run("bash", ["-c", "kodeno build --push --bare"], {
      cwd: dir.join("app"),
      env: ran.env,
    });
    assert.equal(built.code, 0, built.stderr);

    const refused = async (given: Readonly<Record<string, string>>, why: RegExp) => {
      const { code, stderr } = await runAction(dir, releases, { repository, ...given });
      assert.notEqual(code, 0);
      assert.match(stderr, why);
    };
    await refused({ token: "wrong" }, /Cannot log in to 127\.0\.0\.1/);
    await refused(
      { version: "v1.2.3" },
      /::error::Cannot install kodeno v1\.2\.3: .* cannot be had/,
    );
    await done(dir, ["key", "new"], { KODENO_KEY_PASSWORD: "x" });
    const key = await Deno.readTextFile(dir.join("kodeno.pub"));
    await refused({ "public-key": key }, /SHA256SUMS\.sigstore\.json cannot be had/);
    await Deno.writeTextFile(join(folder, "SHA256SUMS.sigstore.json"), '{"signature":"aGk="}');
    await refused({ "public-key": key }, /sums are not signed with the key of public-key/);
    await Deno.writeTextFile(
      join(folder, "SHA256SUMS"),
      sums.replace(/^./, (c) => c === "0" ? "1" : "0"),
    );
    await refused({ version: "9.9.9" }, /kodeno-linux-amd64 has sum .*, and its SHA256SUMS says/);
    await Deno.writeTextFile(join(folder, "SHA256SUMS"), "");
    await refused({}, /its SHA256SUMS has no kodeno-linux-amd64/);
  },
});
