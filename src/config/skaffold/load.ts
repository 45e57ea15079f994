/**
 * Reads a skaffold.yaml and the local configurations it requires, with their profiles applied.
 * @module
 */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { didYouMean, type ErrorCode, KodenoError } from "../../errors.ts";
import { exists } from "../../io/files.ts";
import { checkYaml } from "../yaml/check.ts";
import { readYaml, type YamlDocuments } from "../yaml/document.ts";
import { type SettledOptions, SKAFFOLD_FILES } from "./options.ts";
import { Origins } from "./origins.ts";
import { activeProfiles, applyProfiles } from "./profiles.ts";
import { type Requirement, type SkaffoldConfig, skaffoldSchema } from "./schema.ts";

/** A document with its profiles applied. */
export interface LoadedConfig {
  readonly config: SkaffoldConfig;
  /** What paths in it are relative to; "" for the working directory. */
  readonly base: string;
  /** Folder of its file, absolute. */
  readonly folder: string;
}

/** Everything that was read. */
export interface Loaded {
  /** Required ones before those that require them. */
  readonly configs: readonly LoadedConfig[];
  readonly origins: Origins;
  /** Those that were read, absolute. */
  readonly files: readonly string[];
}

/** A file by itself, and the configuration in each of its documents. */
interface SkaffoldFile {
  readonly documents: YamlDocuments;
  readonly configs: readonly SkaffoldConfig[];
}

/** Reads a file by itself, which errors call `name`; throws `BAD_CONFIG` with all its faults. */
export async function readSkaffoldFile(path: string, name: string): Promise<SkaffoldFile> {
  const documents = await readYaml(path, { name, many: true });
  // Skaffold leaves keys that begin with a dot to anchors.
  const skip = (key: string) => key.startsWith(".");
  return { documents, configs: checkYaml(documents, skaffoldSchema, { skip }) };
}

/** How a file is asked for: its absolute path, and names of documents, none for all. */
interface Ask extends Readonly<Record<"profiles" | "names", readonly string[]>> {
  readonly path: string;
  readonly required: boolean;
  readonly dependency: boolean;
}

/** Reads a skaffold.yaml and all that it requires. */
export class Loader {
  readonly #origins = new Origins();
  readonly #files = new Map<string, readonly SkaffoldConfig[]>();
  /** Files by the names of their documents. */
  readonly #byName = new Map<string, string>();
  readonly #visited = new Map<string, string>();
  readonly #profileNames = new Set<string>();
  readonly #configs: LoadedConfig[] = [];

  constructor(readonly options: SettledOptions) {}

  /** @throws {KodenoError} `BAD_CONFIG` with all that is wrong before an image is looked at */
  async load(): Promise<Loaded> {
    const { workingDirectory, file, profiles = [], modules = [] } = this.options;
    await this.#load({
      path: existing(resolve(workingDirectory, file)),
      profiles,
      names: [],
      required: modules.length === 0,
      dependency: false,
    });
    this.#origins.throwFaults();
    const check = (what: string, names: readonly string[], known: Iterable<string>): void => {
      const has = [...known];
      const missing = names.find((one) => !has.includes(one));
      if (missing !== undefined) throw notThere("BAD_CONFIG", `use ${what}`, missing, file, has);
    };
    check("profile", profiles.map((one) => one.replace(/^-/, "")), this.#profileNames);
    check("module", modules, this.#byName.keys());
    return { configs: this.#configs, origins: this.#origins, files: [...this.#files.keys()] };
  }

  async #load(ask: Ask): Promise<readonly SkaffoldConfig[]> {
    const configs = this.#files.get(ask.path) ?? await this.#read(ask.path);
    for (const [index, one] of configs.entries()) await this.#config(one, index, ask);
    return configs;
  }

  async #read(path: string): Promise<readonly SkaffoldConfig[]> {
    const { documents, configs } = await readSkaffoldFile(path, this.#nameOf(path));
    for (const [i, document] of documents.entries()) this.#origins.remember(document, configs[i]);
    const activations = configs.flatMap(({ profiles = [] }) => profiles).flatMap((one) =>
      one.activation ?? []
    );
    for (const one of activations.filter(({ env }) => env && !env.includes("="))) {
      this.#origins.refuse(one, ["env"], "env", one.env, "; NAME=VALUE is allowed");
    }
    // What follows would only tell of consequences.
    this.#origins.throwFaults();
    this.#noteNames(path, configs);
    this.#files.set(path, configs);
    return configs;
  }

  #nameOf(path: string): string {
    const { workingDirectory, file } = this.options;
    if (path === resolve(workingDirectory, file)) return file;
    const near = relative(workingDirectory, path);
    return near.startsWith(join("..", "..")) || isAbsolute(near) ? path : near;
  }

  #noteNames(path: string, configs: readonly SkaffoldConfig[]): void {
    const here = new Set<string>();
    for (const { metadata, profiles = [] } of configs) {
      for (const { name } of profiles) this.#profileNames.add(name);
      if (!metadata?.name) continue;
      const other = this.#byName.get(metadata.name);
      if (here.has(metadata.name) || (other !== undefined && other !== path)) {
        const where = here.has(metadata.name) ? "" : ` (also in ${this.#nameOf(other ?? "")})`;
        const why = ` a second time${where}; once is allowed`;
        this.#origins.refuse(metadata, ["name"], "metadata.name", metadata.name, why);
      }
      here.add(metadata.name);
      this.#byName.set(metadata.name, path);
    }
  }

  async #config(plain: SkaffoldConfig, index: number, ask: Ask): Promise<void> {
    const { name = "" } = plain.metadata ?? {};
    if (ask.names.length > 0 && !ask.names.includes(name)) return;
    const required = ask.required || (name !== "" && (this.options.modules ?? []).includes(name));
    const active = await activeProfiles(plain.profiles ?? [], ask.profiles, this.options);
    // Each configuration has one set of profiles; asked for twice, it is there once.
    const key = `${ask.path}:${index}:${required}`;
    const profiles = [...active].sort().join(",");
    const before = this.#visited.get(key);
    if (before !== undefined) {
      const why = `found it required with profiles "${before}" and with "${profiles}"; ` +
        "one set of profiles is allowed";
      if (before !== profiles) this.#origins.bad(plain.metadata ?? plain, [], why);
      return;
    }
    this.#visited.set(key, profiles);
    const faults = this.#origins.faults.length;
    const config = applyProfiles(plain, active, this.#origins);
    if (this.#origins.faults.length === faults) {
      for (const requirement of config.requires ?? []) {
        await this.#required(requirement, active, { ...ask, required });
      }
    }
    const folder = dirname(ask.path);
    if (required) this.#configs.push({ config, base: ask.dependency ? folder : "", folder });
  }

  async #required(
    requirement: Requirement,
    active: readonly string[],
    ask: Ask,
  ): Promise<void> {
    const { path = "", configs = [] } = requirement;
    const refuse = (below: (string | number)[], found: string, why: string): void =>
      this.#origins.refuse(requirement, below, "requires", found, why);
    for (const remote of ["git", "googleCloudStorage", "googleCloudBuildRepoV2"] as const) {
      if (requirement[remote] === undefined) continue;
      const why = `requires: found ${remote}; a local path is allowed: fetch it and name its path`;
      this.#origins.bad(requirement, [remote], why, "key");
      return;
    }
    const profiles = (requirement.activeProfiles ?? []).filter(({ activatedBy = [] }) =>
      activatedBy.length === 0 || activatedBy.some((one) => active.includes(one))
    ).map(({ name }) => name);
    const { propagateProfiles = true, profiles: named = [] } = this.options;
    if (propagateProfiles) profiles.push(...named.filter((one) => !profiles.includes(one)));
    const file = path === "" ? ask.path : resolve(dirname(ask.path), path);
    const info = await Deno.stat(file).catch(() => undefined);
    if (info === undefined) {
      return refuse(["path"], path, ", but there is no such file or folder");
    }
    const target = info.isDirectory ? existing(join(file, SKAFFOLD_FILES[0])) : file;
    const found = await this.#load({
      path: target,
      profiles,
      names: configs,
      required: ask.required,
      dependency: ask.dependency || target !== ask.path,
    });
    const names = found.map(({ metadata }) => metadata?.name ?? "");
    for (const [i, name] of configs.entries()) {
      if (names.includes(name)) continue;
      const why = `, but ${this.#nameOf(target)} has no configuration of that name`;
      refuse(["configs", i], name, why + didYouMean(name, names));
    }
  }
}

/** Tells that a file has nothing of a name that was asked for: `use profile`, `build image`. */
export function notThere(
  code: ErrorCode,
  doing: string,
  name: string,
  file: string,
  known: readonly string[],
): KodenoError {
  const list = known.length > 0 ? `there are ${known.join(", ")}` : "there is none";
  const why = `${file} has no such ${doing.split(" ")[1]}; ${list}${didYouMean(name, known)}`;
  return new KodenoError(code, `Cannot ${doing} ${JSON.stringify(name)}: ${why}`);
}

/** Skaffold takes the short ending, too. */
function existing(path: string): string {
  const [long, short] = SKAFFOLD_FILES;
  if (!path.endsWith(long) || exists(path)) return path;
  const other = path.slice(0, -long.length) + short;
  return exists(other) ? other : path;
}
