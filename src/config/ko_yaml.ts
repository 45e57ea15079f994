/**
 * Reads `.ko.yaml`: YAML to checked values, by ko's rules.
 * @module
 */
import { undisturbed } from "../undisturbed.ts";
import type { ImageValues } from "./image_config.ts";
import { defaultKey, type KoBuild, type KoFile } from "./ko_file.ts";
import { BUILD_FIELDS, isGoReleaserField, koSchema, type Spell } from "./ko_schema.ts";
import { checkYaml } from "./yaml/check.ts";
import { parseYaml, readYaml, type YamlDocument } from "./yaml/document.ts";
import { formatFault, formatPath, type Path } from "./yaml/faults.ts";

/**
 * Reads a `.ko.yaml`.
 *
 * @param name what errors call it
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the file
 */
export async function readKoFile(path: string, name: string): Promise<KoFile> {
  const { documents: [document] } = await readYaml(path, { name });
  return undisturbed(() => koFileOf(document, name));
}

/**
 * As `readKoFile`, of a text.
 *
 * @throws {KodenoError} `BAD_CONFIG`
 */
export function parseKoFile(text: string, name = ".ko.yaml"): KoFile {
  return koFileOf(parseYaml(text, name).documents[0], name);
}

type Values = Readonly<Record<string, unknown>>;

function koFileOf(document: YamlDocument | undefined, path: string): KoFile {
  const spell = spellingOf(document?.value);
  const { value, notes } = document === undefined
    ? { value: {}, notes: [] }
    : checkYaml(document, koSchema(spell));
  const get = (values: Values, key: string): unknown => values[spell(key)];
  const lines: Record<string, number> = {};
  const place = (key: string, path: Path): void => {
    if (document !== undefined) lines[key] = document.position(path, "key").line;
  };
  for (const field of ["baseImage", ...BUILD_FIELDS]) {
    const key = spell(defaultKey(field));
    if (Object.hasOwn(value, key)) place(defaultKey(field), [key]);
  }
  if (Object.hasOwn(value, spell("mirrors"))) place("mirrors", [spell("mirrors")]);
  const builds = (get(value, "builds") ?? []) as readonly Values[];
  const foreign: string[] = [];
  for (const [i, build] of builds.entries()) {
    for (const key of Object.keys(build)) {
      const at = [spell("builds"), i, key];
      place(formatPath(["builds", i, key]), at);
      if (!isGoReleaserField(key) || document === undefined) continue;
      const text = `builds[${i}]: ${key} is a field of GoReleaser; it is not read`;
      foreign.push(formatFault(document.fault(at, text, "key")));
    }
  }
  const overrides = Object.entries(
    (get(value, "baseImageOverrides") ?? {}) as Record<string, string>,
  );
  return Object.freeze({
    path,
    defaults: {
      ...valuesOf((field) => get(value, defaultKey(field))),
      baseImage: get(value, "defaultBaseImage") as string | undefined,
    },
    baseImageOverrides: Object.fromEntries(
      overrides.map(([importPath, image]) => [importPath.toLowerCase(), image]),
    ),
    builds: builds.map((build, i): KoBuild => ({
      id: String(get(build, "id") || `#${i}`),
      dir: String(get(build, "dir") || "."),
      main: String(get(build, "main") || "."),
      values: {
        ...valuesOf((field) => get(build, field)),
        linuxCapabilities: words(get(build, "linux_capabilities")),
      },
    })),
    mirrors: words(get(value, "mirrors")) ?? [],
    lines,
    notes: [...notes, ...foreign],
  });
}

/** The fields of an image; a text stands for the list of its words, as in ko. */
function valuesOf(get: (field: string) => unknown): ImageValues {
  const ldflags = get("ldflags");
  return {
    env: words(get("env")),
    flags: words(get("flags")),
    ldflags: typeof ldflags === "string" ? [ldflags] : ldflags as readonly string[] | undefined,
    platforms: words(get("platforms"))?.flatMap((platform) => platform.split(",")),
    labels: get("labels") as Readonly<Record<string, string>> | undefined,
    annotations: get("annotations") as Readonly<Record<string, string>> | undefined,
    user: get("user") as string | undefined,
    entrypointArgs: get("entrypointArgs") as readonly string[] | undefined,
    expose: get("expose") as readonly string[] | undefined,
  };
}

function words(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") return value.split(/\s+/).filter((word) => word !== "");
  return value as readonly string[] | undefined;
}

/** ko reads keys in any case; a file that spells one in two ways is told of the second. */
function spellingOf(value: unknown): Spell {
  const spelled = new Map<string, string>();
  const see = (object: unknown): void => {
    if (object === null || typeof object !== "object") return;
    for (const [key, child] of Object.entries(object)) {
      spelled.set(key.toLowerCase(), key);
      if (key.toLowerCase() === "builds" && Array.isArray(child)) child.forEach(see);
    }
  };
  see(value);
  return (key) => spelled.get(key.toLowerCase()) ?? key;
}
