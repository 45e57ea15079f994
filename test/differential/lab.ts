/**
 * A place to compare in: a registry with base images for ko, the same bases as layouts for kodeno,
 * a work folder, and one environment for both.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Registry, startRegistry } from "../parts/registry.ts";
import { goTool } from "../parts/tools.ts";
import { kodeno, kodenoEnvironment } from "../support/kodeno.ts";
import { type Outcome, run } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type BaseImage, type BaseName, makeBase } from "./bases.ts";
import { assertEqualImages, type Image, type Leave, readImages } from "./images.ts";

/** What both are asked for. */
export interface Build {
  readonly base: BaseName;
  readonly patterns: readonly string[];
  /** Flags that both know. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder that ko runs in, and kodeno unless `from` names another. */
  readonly cwd: string;
  /** Where kodeno runs, and with which patterns, when it is not like ko. */
  readonly from?: { readonly cwd: string; readonly patterns: readonly string[] };
  /** Whether kodeno takes bases from the registry, too: files name them for both. */
  readonly sameBases?: boolean;
}

/** Everything that a comparison needs; gone when it goes out of scope. */
export class Lab implements AsyncDisposable {
  readonly #bases = new Map<BaseName, Promise<BaseImage>>();
  #builds = 0;

  constructor(readonly registry: Registry, readonly dir: TempDir) {}

  /** A base image, made when it is first asked for. */
  base(name: BaseName): Promise<BaseImage> {
    const { host } = this.registry;
    const known = this.#bases.get(name) ??
      makeBase(name, this.dir.join("bases", name), `${host}/bases/${name}`);
    this.#bases.set(name, known);
    return known;
  }

  /** Builds with both and compares; gives kodeno's images by import path. */
  async compare(build: Build, leave: Leave = {}): Promise<ReadonlyMap<string, Image>> {
    const { ko, kodeno } = await this.build(build);
    assert.deepEqual([...kodeno.keys()].sort(), [...ko.keys()].sort(), "images");
    const { digest } = await this.base(build.base);
    for (const [path, image] of ko) {
      assertEqualImages(path, image, kodeno.get(path), digest, leave);
    }
    return kodeno;
  }

  /** Builds with both. */
  async build(build: Build): Promise<Record<"ko" | "kodeno", ReadonlyMap<string, Image>>> {
    const { base, patterns, flags = [], env = {}, cwd, from = { cwd, patterns } } = build;
    const { sameBases = false } = build;
    const { layout, reference } = await this.base(base);
    const folder = (who: string) => this.dir.join("out", `${this.#builds}-${who}`);
    const [ours, theirs] = [folder("kodeno"), folder("ko")];
    this.#builds++;

    const forKo = ["--push=false", `--oci-layout-path=${theirs}`, ...flags, ...patterns];
    succeeded("ko", await this.ko(forKo, { cwd, env: { ...env, KO_DEFAULTBASEIMAGE: reference } }));
    const itsBase = sameBases ? [] : [`--base-image=${layout}`];
    const variable = sameBases ? { KO_DEFAULTBASEIMAGE: reference } : {};
    const forKodeno = [...itsBase, `--oci-layout=${ours}`, ...flags];
    const done = await kodeno(["build", ...forKodeno, ...from.patterns], {
      cwd: from.cwd,
      env: this.environment({ ...env, ...variable }),
    });
    succeeded("kodeno", done);
    const images = { ko: await readImages(theirs), kodeno: await readImages(ours) };
    for (const path of [ours, theirs]) await Deno.remove(path, { recursive: true });
    return images;
  }

  /** Runs `ko build` to its end. */
  async ko(
    args: readonly string[],
    { cwd, env = {} }: Pick<Build, "cwd" | "env">,
  ): Promise<Outcome> {
    // Both get the same environment, less what a person at this machine has set for either.
    const own = kodenoEnvironment(
      this.environment({ KO_DOCKER_REPO: "unused.test/images", ...env }),
    );
    return await run(await goTool("ko"), ["build", "--sbom=none", ...args], { cwd, env: own });
  }

  /** What both need to leave the machine's own settings alone. */
  environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      KODENO_CACHE: this.dir.join("cache"),
      DOCKER_CONFIG: this.dir.join("docker"),
      // ko writes times in the local zone.
      TZ: "UTC",
      // The work folder may lie in anybody's repository.
      GOFLAGS: "-buildvcs=false",
      ...env,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry.stop();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Fails with what a program said when it did not succeed. */
export function succeeded(who: string, { code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, `${who} failed:\n${stderr}${stdout}`);
  return stdout;
}

/** Starts a registry and makes a work folder. */
export async function openLab(): Promise<Lab> {
  const dir = await tempDir();
  try {
    return new Lab(await startRegistry(), dir);
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes a git repository of a folder, with one commit of all that is in it. */
export async function makeRepository(folder: string): Promise<void> {
  const config = join(folder, "..", "gitconfig");
  await Deno.writeTextFile(config, "[user]\nname = t\nemail = t@example.test\n");
  const env = {
    ...Deno.env.toObject(),
    GIT_CONFIG_GLOBAL: config,
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_AUTHOR_DATE: "2024-01-01T00:00:00Z",
    GIT_COMMITTER_DATE: "2024-01-01T00:00:00Z",
  };
  for (const args of [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]]) {
    succeeded(`git ${args[0]}`, await run("git", args, { cwd: folder, env }));
  }
}
