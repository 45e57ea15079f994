/**
 * The list of images that a build has to make, and no others: so that a release does not lack one, and
 * nothing is pushed that nobody knows of.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { readNamedText } from "../io/files.ts";
import { listed } from "../oci/entries.ts";

const MAX_BYTES = 64 * 1024 * 1024;
const WHAT = "list of expected images";

/**
 * Refuses images that are not those of a list. They are given by what the plan calls them, an import path
 * or the name that a skaffold.yaml has, with their names in a registry or layout.
 */
type CheckExpected = (names: ReadonlyMap<string, string>) => void;

/**
 * Reads a list: an image in each line, by its import path, its name or its reference, whose tag and digest
 * do not count; or what `kodeno plan --json` prints.
 */
export async function readExpected(path: string | undefined): Promise<CheckExpected | undefined> {
  if (path === undefined) return undefined;
  const wanted = await namesIn(readNamedText(WHAT, path, MAX_BYTES), path);
  return (names) => {
    const called = Array.from(names, ([planned, name]) => {
      return { planned, all: [planned, planned.replace(/^ko:\/\//, ""), bare(name)] };
    });
    const known = new Set(called.flatMap(({ all }) => all));
    const missing = [...wanted].filter((one) => !known.has(one));
    const extra = called.filter(({ all }) => !all.some((one) => wanted.has(one)))
      .map(({ planned }) => planned);
    if (missing.length + extra.length === 0) return;
    const parts = [
      missing.length > 0 && `it names ${listed(missing.sort())}, which would not be built`,
      extra.length > 0 && `${listed(extra.sort())} would be built, and ${verb(extra)} not in it`,
    ];
    const why = parts.filter((part) => part !== false).join("; ");
    const detail = { missing, extra };
    throw new KodenoError("DIFFERENT", `Images are not those of ${path}: ${why}`, detail);
  };
}

const verb = ({ length }: readonly string[]): string => length === 1 ? "is" : "are";

/** A name without tag and digest. */
const bare = (reference: string): string =>
  reference.replace(/@sha\d+:[0-9a-f]+$/, "").replace(/:[^/:]*$/, "");

async function namesIn(text: string, path: string): Promise<ReadonlySet<string>> {
  if (text.trimStart().startsWith("{")) {
    // Builds that are held against no plan do not wait for what reads one.
    const { planIn } = await import("./plan_file.ts");
    return new Set(planIn(WHAT, path, text).map(({ image }) => image));
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const names = lines.filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => bare(line.replace(/^ko:\/\//, "")));
  return new Set(names);
}
