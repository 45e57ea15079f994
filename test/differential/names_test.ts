/**
 * Equal to ko: the names that images get, compared with those that ko prints when it pushes.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import { kodeno } from "../support/kodeno.ts";
import { type Lab, openLab, succeeded } from "./lab.ts";
import { bringModule, SMALL } from "./programs.ts";

interface Naming {
  readonly flags: readonly string[];
  /** Whether several programs can be built at once. */
  readonly several: boolean;
  /** What `KO_DOCKER_REPO` has behind the host. */
  readonly path?: string;
}

const NAMINGS: readonly Naming[] = [
  { flags: [], several: true },
  { flags: ["-B"], several: true },
  { flags: ["-P"], several: true },
  { flags: ["--bare"], several: false },
  // The first of these wins.
  { flags: ["--preserve-import-paths", "--base-import-paths", "--bare"], several: true },
  { flags: ["-B", "--bare"], several: true },
  { flags: ["-t", "v1"], several: true },
  { flags: ["-B", "-t", "v2", "--tag-only"], several: true },
  { flags: ["-P"], several: true, path: "" },
  { flags: ["-B"], several: true, path: "/a/b.c/d-e" },
];

/** References as they were printed, less digests: the configs name their builder. */
function withoutDigests(printed: string): string[] {
  const lines = printed.trim().split("\n").map((line) => line.replace(/@sha256:[0-9a-f]{64}$/, ""));
  // ko leaves a lone "latest" out.
  return lines.map((line) => line.replace(/:latest$/, "")).sort();
}

async function compareNames(
  lab: Lab,
  cwd: string,
  { flags, several, path = "/some/team" }: Naming,
): Promise<void> {
  const { layout, reference } = await lab.base("plain");
  const KO_DOCKER_REPO = `${lab.registry.host}${path}`;
  const args = [...flags, "./cmd/tomlv", ...(several ? ["./cmd/toml-test-encoder"] : [])];
  const theirs = await lab.ko(args, {
    cwd,
    env: { KO_DOCKER_REPO, KO_DEFAULTBASEIMAGE: reference },
  });
  const out = `--oci-layout=${await Deno.makeTempDir({ dir: lab.dir.path })}`;
  const env = lab.environment({ KO_DOCKER_REPO });
  const ours = await kodeno(["build", `--base-image=${layout}`, out, ...args], { cwd, env });
  const names = withoutDigests(succeeded("kodeno", ours));
  assert.deepEqual(names, withoutDigests(succeeded("ko", theirs)));
  assert.equal(names.length, several ? 2 : 1);
  for (const name of names) assert.ok(name.startsWith(KO_DOCKER_REPO), name);
}

Deno.test({
  name: "equal to ko: names of images",
  ...needs("docker-registry"),
  async fn(t) {
    await using lab = await openLab();
    const cwd = lab.dir.join("work");
    // Its import path has capitals, which no name of an image may have.
    await bringModule(SMALL, cwd);
    for (const naming of NAMINGS) {
      const where = naming.path === undefined ? "" : ` in ${naming.path || "the registry itself"}`;
      const name = (naming.flags.join(" ") || "no flags") + where;
      await t.step(name, () => compareNames(lab, cwd, naming));
    }
  },
});
