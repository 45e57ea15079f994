/**
 * Reads a skaffold.yaml and the local configurations it requires, with their profiles applied.
 * @module
 */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { didYouMean, KodenoError } from "../../errors.ts";
import { tryYaml } from "../yaml/check.ts";
import { readYaml, type YamlDocument } from "../yaml/document.ts";
import { type Fault, faultsError, type Path } from "../yaml/faults.ts";
import { Origins } from "./origins.ts";
import { activeProfiles, applyProfiles, type Circumstances, profileFaults } from "./profiles.ts";
import { type Requirement, type SkaffoldConfig, skaffoldSchema } from "./schema.ts";

/** Which configurations are read, and how. */
interface LoadOptions {
  readonly workingDirectory: string;
  /** As the user named it. */
  readonly file: string;
  /** As `-p` names them. */
  readonly profiles: readonly string[];
  /** As `-m` names them; none for all. */
  readonly modules: readonly string[];
  /** Whether profiles that were named hold for required configurations, too. */
  readonly propagateProfiles: boolean;
  readonly circumstances: Circumstances;
}

/** A document with its profiles applied. */
export interface LoadedConfig {
  readonly config: SkaffoldConfig;
  /** What paths in it are relative to; "" for the working directory. */
  readonly base: string;
  /** Folder of its file, absolute. */
  readonly folder: string;
  readonly active: readonly string[];
}

/** Everything that was read. */
export interface Loaded {
  /** Required ones before those that require them. */
  readonly configs: readonly LoadedConfig[];
  /** Absolute paths of the files. */
  readonly files: readonly string[];
  readonly origins: Origins;
  readonly notes: readonly string[];
}

/**
 * Reads configurations.
 *
 * @throws {KodenoError} `BAD_CONFIG` with all faults that can be told before an image is looked at
 */
export async function loadConfigs(options: LoadOptions): Promise<Loaded> {
  const loader = new Loader(options);
  return await loader.load();
}

/** How a file is asked for. */
interface Ask {
  /** Absolute. */
  readonly path: string;
  readonly profiles: readonly string[];
  /** Names of documents; none for all. */
  readonly names: readonly string[];
  readonly required: boolean;
  readonly dependency: boolean;
}

interface Checked {
  readonly document: YamlDocument;
  readonly config: SkaffoldConfig;
}

class Loader {
  readonly #options: LoadOptions;
  readonly #origins = new Origins();
  readonly #faults: Fault[] = [];
  readonly #notes: string[] = [];
  readonly #files = new Map<string, Promise<readonly Checked[]>>();
  readonly #byName = new Map<string, string>();
  readonly #visited = new Map<string, string>();
  readonly #profileNames = new Set<string>();

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async load(): Promise<Loaded> {
    const { workingDirectory, file, profiles, modules } = this.#options;
    const configs = await this.#file({
      path: await existing(resolve(workingDirectory, file)),
      profiles,
      names: [],
      required: modules.length === 0,
      dependency: false,
    });
    this.#throwFaults();
    const noSuch = (what: string, name: string, known: readonly string[]): KodenoError => {
      const list = known.length > 0 ? `there are ${known.join(", ")}` : "there is none";
      const why = `${file} has no such ${what}; ${list}${didYouMean(name, known)}`;
      return new KodenoError("BAD_CONFIG", `Cannot use ${what} ${JSON.stringify(name)}: ${why}`);
    };
    const known = [...this.#profileNames];
    for (const name of profiles.map((one) => one.replace(/^-/, ""))) {
      if (!known.includes(name)) throw noSuch("profile", name, known);
    }
    for (const name of modules) {
      const names = [...this.#byName.keys()];
      if (!names.includes(name)) throw noSuch("module", name, names);
    }
    const files = [...this.#files.keys()];
    return { configs, files, origins: this.#origins, notes: this.#notes };
  }

  #throwFaults(): void {
    if (this.#faults.length > 0) throw faultsError(this.#faults);
  }

  #bad(at: object, below: Path, said: string, part?: "key" | "value"): void {
    this.#faults.push(this.#origins.fault(at, below, said, part));
  }

  async #file(ask: Ask): Promise<readonly LoadedConfig[]> {
    const reading = this.#files.get(ask.path) ?? this.#read(ask.path);
    this.#files.set(ask.path, reading);
    const found: LoadedConfig[] = [];
    for (const [index, one] of (await reading).entries()) {
      found.push(...await this.#config(one, index, ask));
    }
    return found;
  }

  async #read(path: string): Promise<readonly Checked[]> {
    const name = this.#nameOf(path);
    const { documents } = await readYaml(path, { name, documents: "many" });
    const checked: Checked[] = [];
    for (const document of documents) {
      // Skaffold leaves keys that begin with a dot to anchors.
      const outcome = tryYaml(document, skaffoldSchema, (key) => key.startsWith("."));
      if (!outcome.ok) {
        this.#faults.push(...outcome.faults);
        continue;
      }
      this.#notes.push(...outcome.notes);
      this.#origins.remember(document, outcome.value);
      this.#faults.push(...profileFaults(outcome.value, this.#origins));
      checked.push({ document, config: outcome.value });
    }
    // What follows would only tell of consequences.
    this.#throwFaults();
    this.#checkNames(path, checked);
    return checked;
  }

  #nameOf(path: string): string {
    const { workingDirectory, file } = this.#options;
    if (path === resolve(workingDirectory, file)) return file;
    const near = relative(workingDirectory, path);
    return near.startsWith(join("..", "..")) || isAbsolute(near) ? path : near;
  }

  #checkNames(path: string, checked: readonly Checked[]): void {
    const here = new Set<string>();
    for (const { config } of checked) {
      for (const { name } of config.profiles ?? []) this.#profileNames.add(name);
      const { metadata } = config;
      if (metadata?.name === undefined || metadata.name === "") continue;
      const other = this.#byName.get(metadata.name);
      if (here.has(metadata.name) || (other !== undefined && other !== path)) {
        const where = here.has(metadata.name) ? "" : ` (also in ${this.#nameOf(other ?? "")})`;
        const found = `found ${JSON.stringify(metadata.name)} a second time${where}`;
        this.#bad(metadata, ["name"], `metadata.name: ${found}; once is allowed`);
      }
      here.add(metadata.name);
      this.#byName.set(metadata.name, path);
    }
  }

  async #config(one: Checked, index: number, ask: Ask): Promise<readonly LoadedConfig[]> {
    const { config: plain } = one;
    const name = plain.metadata?.name ?? "";
    if (ask.names.length > 0 && !ask.names.includes(name)) return [];
    const required = ask.required || (name !== "" && this.#options.modules.includes(name));
    const { circumstances } = this.#options;
    const active = await activeProfiles(plain.profiles ?? [], ask.profiles, circumstances);
    // Each configuration has one set of profiles; asked for twice, it is there once.
    const key = `${ask.path}:${index}:${required}`;
    const profiles = [...active].sort().join(",");
    const before = this.#visited.get(key);
    if (before !== undefined) {
      if (before !== profiles) {
        const said = `found it required with profiles "${before}" and with "${profiles}"; ` +
          "one set of profiles is allowed";
        this.#bad(plain.metadata ?? plain, [], said);
      }
      return [];
    }
    this.#visited.set(key, profiles);
    const faults = this.#faults.length;
    const config = applyProfiles(plain, active, this.#origins, (fault) => this.#faults.push(fault));
    const found: LoadedConfig[] = [];
    if (this.#faults.length === faults) {
      for (const requirement of config.requires ?? []) {
        found.push(...await this.#required(requirement, active, { ...ask, required }));
      }
    }
    const folder = dirname(ask.path);
    if (required) found.push({ config, base: ask.dependency ? folder : "", folder, active });
    return found;
  }

  async #required(
    requirement: Requirement,
    active: readonly string[],
    ask: Ask,
  ): Promise<readonly LoadedConfig[]> {
    const { path = "", configs = [], activeProfiles: wanted = [] } = requirement;
    for (const remote of ["git", "googleCloudStorage", "googleCloudBuildRepoV2"] as const) {
      if (requirement[remote] === undefined) continue;
      const said = `requires: found ${remote}; a local path is allowed: fetch it and name its path`;
      this.#bad(requirement, [remote], said, "key");
      return [];
    }
    const profiles = wanted
      .filter(({ activatedBy = [] }) =>
        activatedBy.length === 0 || activatedBy.some((one) => active.includes(one))
      ).map(({ name }) => name);
    if (this.#options.propagateProfiles) {
      profiles.push(...this.#options.profiles.filter((one) => !profiles.includes(one)));
    }
    const file = path === "" ? ask.path : resolve(dirname(ask.path), path);
    const info = await Deno.stat(file).catch(() => undefined);
    if (info === undefined) {
      const said = `requires: found ${JSON.stringify(path)}, but there is no such file or folder`;
      this.#bad(requirement, ["path"], said);
      return [];
    }
    const target = info.isDirectory ? await existing(join(file, "skaffold.yaml")) : file;
    const found = await this.#file({
      path: target,
      profiles,
      names: configs,
      required: ask.required,
      dependency: ask.dependency || target !== ask.path,
    });
    const names = (await this.#files.get(target) ?? []).map(({ config }) =>
      config.metadata?.name ?? ""
    );
    for (const [i, name] of configs.entries()) {
      if (names.includes(name)) continue;
      const said = `requires: found ${JSON.stringify(name)}, but ${this.#nameOf(target)} has no ` +
        `configuration of that name${didYouMean(name, names)}`;
      this.#bad(requirement, ["configs", i], said);
    }
    return found;
  }
}

/** Skaffold takes the short ending, too. */
async function existing(path: string): Promise<string> {
  const short = path.replace(/\.yaml$/, ".yml");
  const isFile = async (one: string): Promise<boolean> =>
    (await Deno.stat(one).catch(() => undefined)) !== undefined;
  if (!path.endsWith("skaffold.yaml") || await isFile(path) || !await isFile(short)) return path;
  return short;
}
