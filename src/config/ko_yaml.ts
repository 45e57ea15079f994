/**
 * `.ko.yaml`: its schema (ko's keys, and those that only kodeno reads), and reading it by ko's rules.
 * @module
 */
import { z } from "../npm/zod.ts";
import { uninterruptible } from "../signals.ts";
import { dirname, resolve } from "node:path";
import { defaultKey } from "./image_config.ts";
import type { ImageValues, KoBuild, KoFile } from "./options.ts";
import { type PolicyFile, policyOf, policySchema, type PolicyText } from "./policy_file.ts";
import { checkYaml } from "./yaml/check.ts";
import { readYaml, type YamlDocument } from "./yaml/document.ts";
import { formatFault, type Path, readableLines } from "./yaml/faults.ts";

type Values = Readonly<Record<string, unknown>>;

/** Fields of GoReleaser's builds, which people share with ko and neither reads. */
const GORELEASER: readonly string[] = (
  "asmflags binary buildmode builder command gcflags goamd64 goarch goarm goarm64 gobinary gomips " +
  "goos hooks ignore lang mod_timestamp no_main_check no_unique_dist_dir overrides skip tags " +
  "targets tool"
).split(" ");

/** Text is a list of one, as in ko. */
const texts = z.union([z.array(z.string()), z.string()]);
const list = z.array(z.string());
const pairs = z.record(z.string(), z.string());

/** What may be said of an image, by the field of `ImageValues`; with ko's or our own description. */
const SHAPE = {
  env: texts.describe("NAME=VALUE each, for go build only; imageEnv is for the image"),
  flags: texts.describe("flags of go build; Go templates"),
  ldflags: texts.describe("flags of the linker; Go templates"),
  platforms: texts.describe("all, or os[/arch[/variant]] each"),
  labels: pairs.describe("labels of the image config; Go templates (kodeno only)"),
  annotations: pairs.describe("annotations of manifests and index; Go templates (kodeno only)"),
  imageEnv: pairs.describe("variables that the image runs with; Go templates (kodeno only)"),
  user: z.string().describe("user the image runs as; a Go template (kodeno only)"),
  entrypointArgs: list.describe("arguments behind the binary; Go templates (kodeno only)"),
  expose: list.describe("ports to expose, 8080 or 53/udp; Go templates (kodeno only)"),
} as const;
const BUILD_FIELDS = Object.keys(SHAPE) as readonly (keyof typeof SHAPE)[];
const OF_BUILDS = ["id", "dir", "main", "linux_capabilities"];
const BUILD_KEYS = [...OF_BUILDS, ...BUILD_FIELDS, ...GORELEASER];

export function koSchema(keyAs = (key: string) => key): z.ZodType<Record<string, unknown>> {
  const shape = (fields: Readonly<Record<string, z.ZodType>>) =>
    z.strictObject(Object.fromEntries(
      Object.entries(fields).map(([key, field]) => [keyAs(key), field.optional()]),
    ));
  const foreign = z.unknown().describe("a field of GoReleaser; not read");
  const build = shape({
    id: z.string().describe("names the entry in messages"),
    dir: z.string().describe("folder that go runs in; default ."),
    main: z.string().describe("main package or one of its files, relative to dir; default ."),
    ...SHAPE,
    platforms: SHAPE.platforms.describe(`${SHAPE.platforms.description} (kodeno only)`),
    linux_capabilities: texts.describe("capabilities of the binary, such as net_bind_service"),
    ...Object.fromEntries(GORELEASER.map((key) => [key, foreign])),
  });
  const defaults = Object.entries(SHAPE).map(([field, type]) => [
    defaultKey(field),
    type.describe(`default of ${field}: ${type.description}`),
  ]);
  return shape({
    defaultBaseImage: z.string().describe("base image; KO_DEFAULTBASEIMAGE beats it"),
    baseImageOverrides: pairs.describe("base images by import path"),
    baseImagePolicy: z.union([z.string(), policySchema]).describe(
      "what is demanded of base images: a policy, or a file with one; paths are relative to this " +
        "file (kodeno only)",
    ),
    ...Object.fromEntries(defaults),
    mirrors: texts.describe("HOST=MIRROR each: registries that are asked first (kodeno only)"),
    sbom: texts.describe("spdx, cyclonedx or none: SBOMs beside each image (kodeno only)"),
    provenance: z.boolean().describe("how it was built beside each image (kodeno only)"),
    builds: z.array(build.optional()).describe("settings of single main packages"),
  }).describe("kodeno and ko: how images of Go main packages are built");
}

/**
 * Reads a `.ko.yaml`, which errors call `name`. What ko passes over, as keys that it does not know and
 * documents behind the first one, is told in the file's notes.
 *
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the file
 */
export async function readKoFile(path: string, name: string): Promise<KoFile> {
  const notes: string[] = [];
  const note = (line: string) => notes.push(line);
  const [document] = await readYaml(path, { name, note });
  return uninterruptible(() => koFileOf(document, name, notes, dirname(path)));
}

function koFileOf(
  document: YamlDocument,
  path: string,
  notes: string[],
  directory: string,
): KoFile {
  const keyAs = keysOf(document.value);
  const note = (line: string) => notes.push(line);
  const [value] = checkYaml([document], koSchema(keyAs), { note, meant });
  const get = <T>(values: Values, key: string) => values[keyAs(key)] as T | undefined;
  const lines: Record<string, number> = {};
  for (
    const name of [
      ...["baseImage", ...BUILD_FIELDS].map(defaultKey),
      "mirrors",
      "baseImagePolicy",
      "sbom",
      "provenance",
    ]
  ) {
    const key = keyAs(name);
    if (Object.hasOwn(value, key)) lines[name] = document.position([key], "key").line;
  }
  // An entry with nothing in it is one with all its defaults, as in ko.
  const builds = (get<readonly (Values | undefined)[]>(value, "builds") ?? []).map((one) =>
    one ?? {}
  );
  for (const [i, build] of builds.entries()) {
    for (const name of BUILD_KEYS.filter((one) => Object.hasOwn(build, keyAs(one)))) {
      const key = keyAs(name);
      const path = [keyAs("builds"), i, key];
      lines[`builds[${i}].${name}`] = document.position(path, "key").line;
      if (!GORELEASER.includes(name)) continue;
      const text = `builds[${i}]: ${key} is a field of GoReleaser; it is not read`;
      notes.push(formatFault(document.fault(path, text, "key")));
    }
  }
  const overrides = get<Readonly<Record<string, string>>>(value, "baseImageOverrides") ?? {};
  for (const key of Object.keys(overrides)) {
    const path = [keyAs("baseImageOverrides"), key];
    lines[`baseImageOverrides.${key.toLowerCase()}`] = document.position(path, "key").line;
  }
  return Object.freeze({
    path,
    defaults: {
      ...imageValues((field) => get(value, defaultKey(field))),
      baseImage: get<string>(value, "defaultBaseImage"),
    },
    baseImageOverrides: Object.fromEntries(
      Object.entries(overrides).map(([importPath, image]) => [importPath.toLowerCase(), image]),
    ),
    builds: builds.map((build, i): KoBuild => ({
      id: get<string>(build, "id") || `#${i}`,
      dir: get<string>(build, "dir") || ".",
      main: get<string>(build, "main") || ".",
      values: {
        ...imageValues((field) => get(build, field)),
        linuxCapabilities: words(get(build, "linux_capabilities")),
      },
    })),
    mirrors: words(get(value, "mirrors")) ?? [],
    sbom: words(get(value, "sbom")),
    provenance: get<boolean>(value, "provenance"),
    baseImagePolicy: policyIn(get(value, "baseImagePolicy"), path, directory),
    lines,
    notes: readableLines(inOrder(notes, path)),
  });
}

/** A policy that stands in a file, or the path of one. */
function policyIn(
  value: string | PolicyText | undefined,
  path: string,
  directory: string,
): string | PolicyFile | undefined {
  return value === undefined || typeof value === "string"
    ? value && resolve(directory, value)
    : policyOf(value, `baseImagePolicy of ${path}`, directory);
}

/** Notes in the order of the file; they begin with `FILE:LINE:COLUMN`. */
function inOrder(notes: readonly string[], file: string): readonly string[] {
  const placed = notes.map((note) => {
    const [line = 0, column = 0] = note.slice(file.length + 1).split(":", 2).map(Number);
    return { note, line, column };
  });
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  return placed.map(({ note }) => note);
}

/**
 * The key that somebody meant by one that belongs elsewhere: beside `builds` or in an entry of it,
 * with `default` before it or without.
 */
function meant(path: Path, key: string): string | undefined {
  const same = (name: string) => name.toLowerCase() === key.toLowerCase().replaceAll(/[-_]/g, "");
  const fields = ["baseImage", ...BUILD_FIELDS];
  if (path.length === 0) {
    const field = fields.find(same);
    if (field !== undefined) return defaultKey(field);
    const own = OF_BUILDS.find((name) => same(name.replaceAll("_", "")));
    return own === undefined ? undefined : `builds[].${own}`;
  }
  const field = fields.find((name) => same(name) || same(defaultKey(name)));
  return field === "baseImage" ? "baseImageOverrides" : field;
}

/** The fields of an image; a text stands for the list of its words, as in ko. */
function imageValues(get: (field: string) => unknown): ImageValues {
  const ldflags = get("ldflags");
  return {
    ...Object.fromEntries(BUILD_FIELDS.map((field) => [field, get(field)])),
    env: words(get("env")),
    flags: words(get("flags")),
    ldflags: typeof ldflags === "string" ? [ldflags] : words(ldflags),
    platforms: words(get("platforms"))?.flatMap((platform) => platform.split(",")),
  };
}

function words(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") return value.split(/\s+/).filter((word) => word !== "");
  return value as readonly string[] | undefined;
}

/** ko reads keys in any case; a file that writes one in two ways is told of the first. */
function keysOf(value: unknown): (key: string) => string {
  const keys = new Map<string, string>();
  const see = (object: unknown): void => {
    if (object === null || typeof object !== "object") return;
    for (const [key, child] of Object.entries(object)) {
      keys.set(key.toLowerCase(), key);
      if (key.toLowerCase() === "builds" && Array.isArray(child)) child.forEach(see);
    }
  };
  see(value);
  return (key) => keys.get(key.toLowerCase()) ?? key;
}
