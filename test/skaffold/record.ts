/**
 * Checks the golden table against a real Skaffold, and prints what differs as it would have to be:
 * `deno run -A test/skaffold/record.ts PATH-OF-SKAFFOLD`.
 * @module
 */
import { GOLDEN, type GoldenCase } from "./golden.ts";
import { prepare } from "./prepare.ts";
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
  const home = await Deno.makeTempDir();
  const { stdout, stderr } = await new Deno.Command(skaffold, {
    args: ["build", "--dry-run", "-q", ...flagsOf(one)],
    cwd: folder.path,
    clearEnv: true,
    env: { ...GIT_ENVIRONMENT, HOME: home, ...one.options?.environment },
  }).output();
  await Deno.remove(home, { recursive: true });
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
