/**
 * What has changed since images that went across before, by their names: for who approved those, and need
 * not read everything again.
 * @module
 */
import type { ReportFacts, ReportImage, ReportPlatform } from "./facts.ts";
import type { ReportLayer } from "./layers.ts";

/** An image that is new, gone, or another one by the same name. */
export interface ReportChange {
  readonly name: string;
  readonly kind: "added" | "changed" | "removed";
  readonly digest: string;
  /** A line for each thing that differs; nothing of what is added or removed. */
  readonly lines: readonly string[];
}

/** Compares images of a place with those of another; what is the same is left out. */
export function reportChanges(
  before: ReportFacts,
  after: ReportFacts,
): readonly ReportChange[] {
  const [old, now] = [byName(before), byName(after)];
  const changes: ReportChange[] = [];
  for (const [name, image] of now) {
    const was = old.get(name);
    if (was?.digest === image.digest) continue;
    const kind = was === undefined ? "added" : "changed";
    const lines = was === undefined ? [] : linesOf({ ...before, image: was }, { ...after, image });
    changes.push({ name, kind, digest: image.digest, lines });
  }
  for (const [name, { digest }] of old) {
    if (!now.has(name)) changes.push({ name, kind: "removed", digest, lines: [] });
  }
  return changes.sort((a, b) => a.name < b.name ? -1 : 1);
}

function byName({ images }: ReportFacts): ReadonlyMap<string, ReportImage> {
  return new Map(images.flatMap((image) => {
    const names = image.names.length > 0 ? image.names : [image.digest];
    return names.map((name) => [name, image] as const);
  }));
}

/** An image with what is known of its layers. */
interface OneImage extends Pick<ReportFacts, "layers"> {
  readonly image: ReportImage;
}

function linesOf(before: OneImage, after: OneImage): readonly string[] {
  const lines = new Set<string>();
  const platforms = (one: OneImage) =>
    new Map(one.image.platforms.map((facts) => [facts.platform ?? "", facts]));
  const [old, now] = [platforms(before), platforms(after)];
  for (const name of now.keys()) if (!old.has(name)) lines.add(`platform ${name} is new`);
  for (const [name, was] of old) {
    const is = now.get(name);
    if (is === undefined) lines.add(`platform ${name} is gone`);
    else {for (const line of platformLines([was, before.layers], [is, after.layers])) {
        lines.add(line);
      }}
  }
  if (lines.size === 0) lines.add("built again: nothing that is listed here differs");
  return [...lines];
}

type PlatformAt = readonly [facts: ReportPlatform, layers: ReadonlyMap<string, ReportLayer>];

function platformLines(before: PlatformAt, after: PlatformAt): readonly string[] {
  const lines: string[] = [];
  const [values, changed] = [valuesOf(before), valuesOf(after)];
  for (const [what, now] of changed) {
    const was = values.get(what);
    if (was === undefined) lines.push(`${what} ${now} is new`);
    else if (was !== now) lines.push(`${what}: ${was} => ${now}`);
  }
  for (const [what, was] of values) if (!changed.has(what)) lines.push(`${what} ${was} is gone`);
  return lines;
}

/** What is compared of a platform. */
function valuesOf([facts, layers]: PlatformAt): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const { base, run, layers: placed } = facts;
  if (base !== undefined) values.set("base", `${base.name ?? ""} ${base.digest ?? ""}`.trim());
  for (const [name, text] of Object.entries(run)) {
    if (name === "environment") {
      for (const line of text.split("\n")) {
        const at = line.indexOf("=");
        values.set(`variable ${line.slice(0, at)}`, line.slice(at + 1));
      }
    } else if (name !== "created") values.set(name, text);
  }
  for (const { programs } of placed.flatMap(({ digest }) => layers.get(digest) ?? [])) {
    for (const { path, goVersion, main, modules, revision } of programs) {
      values.set(`Go of ${path}`, goVersion);
      if (main?.version) values.set(`version of ${path}`, main.version);
      if (revision) values.set(`commit of ${path}`, revision);
      for (const { path: module, version = "", by } of modules) {
        values.set(`module ${module}`, by === undefined ? version : `${version} => ${by}`.trim());
      }
    }
  }
  return values;
}
