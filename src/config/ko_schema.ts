/**
 * The schema of `.ko.yaml`: ko's keys, and those that only kodeno reads.
 * @module
 */
import { z } from "zod";
import { defaultKey } from "./ko_file.ts";

/** Finds how a file spells a key: ko reads keys in any case. */
export type Spell = (key: string) => string;

/** Fields of GoReleaser's builds, which people share with ko and neither reads. */
const GORELEASER = [
  "asmflags",
  "binary",
  "buildmode",
  "builder",
  "command",
  "gcflags",
  "goamd64",
  "goarch",
  "goarm",
  "goarm64",
  "gobinary",
  "gomips",
  "goos",
  "hooks",
  "ignore",
  "lang",
  "mod_timestamp",
  "no_main_check",
  "no_unique_dist_dir",
  "overrides",
  "skip",
  "tags",
  "targets",
  "tool",
];

/** Text is a list of one, as in ko. */
const texts = z.union([z.array(z.string()), z.string()]);
const pairs = z.record(z.string(), z.string());

/** What may be said of an image, by the field of `ImageValues`; with ko's or our own description. */
const SHAPE = {
  env: texts.describe("NAME=VALUE each, for go build"),
  flags: texts.describe("flags of go build; Go templates"),
  ldflags: texts.describe("flags of the linker; Go templates"),
  platforms: texts.describe("all, or os[/arch[/variant]] each"),
  labels: pairs.describe("labels of the image config; Go templates (kodeno only)"),
  annotations: pairs.describe("annotations of manifests and index; Go templates (kodeno only)"),
  user: z.string().describe("user the image runs as; a Go template (kodeno only)"),
  entrypointArgs: z.array(z.string()).describe(
    "arguments behind the binary; Go templates (kodeno only)",
  ),
  expose: z.array(z.string()).describe(
    "ports to expose, 8080 or 53/udp; Go templates (kodeno only)",
  ),
} as const;

/** Fields of an entry of `builds` that are values of an image. */
export const BUILD_FIELDS = Object.keys(SHAPE) as readonly (keyof typeof SHAPE)[];

/**
 * The schema of one file.
 *
 * @param spell how the file spells a key
 */
export function koSchema(spell: Spell = (key) => key): z.ZodType<Record<string, unknown>> {
  const shape = (fields: Readonly<Record<string, z.ZodType>>): Record<string, z.ZodType> =>
    Object.fromEntries(
      Object.entries(fields).map(([key, field]) => [spell(key), field.optional()]),
    );
  const foreign = z.unknown().describe("a field of GoReleaser; not read");
  const build = z.strictObject(shape({
    id: z.string().describe("names the entry in messages"),
    dir: z.string().describe("folder that go runs in; default ."),
    main: z.string().describe("main package or one of its files, relative to dir; default ."),
    ...SHAPE,
    linux_capabilities: texts.describe("capabilities of the binary, such as net_bind_service"),
    ...Object.fromEntries(GORELEASER.map((key) => [key, foreign])),
  }));
  const defaults = Object.entries(SHAPE).map(([field, type]) => [
    defaultKey(field),
    type.describe(`default of ${field}: ${type.description}`),
  ]);
  return z.strictObject(shape({
    defaultBaseImage: z.string().describe("base image; KO_DEFAULTBASEIMAGE beats it"),
    baseImageOverrides: pairs.describe("base images by import path"),
    ...Object.fromEntries(defaults),
    mirrors: texts.describe("HOST=MIRROR each: registries that are asked first (kodeno only)"),
    builds: z.array(build).describe("settings of single main packages"),
  })).describe("kodeno and ko: how images of Go main packages are built");
}

/** Names of the fields of GoReleaser. */
export function isGoReleaserField(key: string): boolean {
  return GORELEASER.includes(key.toLowerCase());
}
