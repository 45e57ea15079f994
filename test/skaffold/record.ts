/**
 * Checks the golden table against a real Skaffold, and prints what differs as it would have to be:
 * `deno run -A test/skaffold/record.ts PATH-OF-SKAFFOLD`.
 * @module
 */
import { GOLDEN, type GoldenCase } from "./golden.ts";
import { prepare, prepareHome } from "./prepare.ts";
import { startRegistry } from "../parts/registry.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { HOOKS, prepareHooks, PROFILE, written } from "./golden_hooks.ts";
import { GIT_ENVIRONMENT } from "../support/git_repository.ts";

function flagsOf({ options = {} }: GoldenCase): readonly string[] {
  const each = (flag: string, values: readonly string[] = []) => values.flatMap((v) => [flag, v]);
  return [
    ...each("-f", options.file === undefined ? [] : [options.file]),
    ...each("-t", options.tag === undefined ? [] : [options.tag]),
    ...each("--kube-context", options.kubeContext === undefined ? [] : [options.kubeContext]),
    ...each("-b", options.images),
    ...each("-m", options.modules),
    ...(options.profiles ?? []).map((name) => `--profile=${name}`),
    ...(options.defaultRepo === undefined ? [] : [`--default-repo=${options.defaultRepo}`]),
    ...(options.profileAutoActivation === false ? ["--profile-auto-activation=false"] : []),
    ...(options.propagateProfiles === false ? ["--propagate-profiles=false"] : []),
  ];
}

const [skaffold = "skaffold"] = Deno.args;
let different = 0;
for (const one of GOLDEN) {
  await using folder = await prepare(one);
  await using home = await prepareHome(one);
  const { stdout, stderr } = await new Deno.Command(skaffold, {
    args: ["build", "--dry-run", "-q", ...flagsOf(one)],
    cwd: folder.path,
    clearEnv: true,
    env: { ...GIT_ENVIRONMENT, HOME: home.path, ...one.options?.environment },
  }).output();
  let images: Record<string, string> | string;
  try {
    const { builds } = JSON.parse(new TextDecoder().decode(stdout));
    images = Object.fromEntries(
      builds.map(({ imageName, tag }: { imageName: string; tag: string }) => [imageName, tag]),
    );
  } catch {
    images = new TextDecoder().decode(stderr);
  }
  if (JSON.stringify(images) === JSON.stringify(one.images)) continue;
  different++;
  console.log(JSON.stringify([one.what, images]));
}
console.error(`${GOLDEN.length} cases, ${different} different`);

{
  await using registry = await startRegistry();
  await using folder = await tempDir();
  await prepareHooks(folder, registry);
  const { stderr } = await new Deno.Command(skaffold, {
    args: ["build", "--push", "-t", "v1", "-d", `${registry.host}/sk`, "-p", PROFILE],
    cwd: folder.path,
    env: { LOG: folder.join("log"), HOME: folder.path, GOCACHE: await goCache() },
  }).output();
  const hooks = await written(folder, registry);
  if (hooks !== HOOKS) console.log(hooks, new TextDecoder().decode(stderr));
}

async function goCache(): Promise<string> {
  return (await succeed("go", ["env", "GOCACHE"])).trim();
}
