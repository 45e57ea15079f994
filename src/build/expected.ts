/**
 * The list of images that a build has to make, and no others: so that a release does not lack one, and
 * nothing is pushed that nobody knows of.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { readNamedText } from "../io/files.ts";

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Refuses images that are not those of a list. They are given by what the plan calls them, an import path
 * or the name that a skaffold.yaml has, with their names in a registry or layout.
 */
type CheckExpected = (names: ReadonlyMap<string, string>) => void;

/**
 * Reads a list: an image in each line, by its import path, its name or its reference, whose tag and digest
 * do not count; or what `kodeno plan --json` prints.
 */
export function readExpected(path: string | undefined): CheckExpected | undefined {
  if (path === undefined) return undefined;
  const wanted = namesIn(readNamedText("list of expected images", path, MAX_BYTES), path);
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
      missing.length > 0 && `it names ${told(missing)}, which would not be built`,
      extra.length > 0 && `${told(extra)} would be built, and ${verb(extra)} not in it`,
    ];
    const why = parts.filter((part) => part !== false).join("; ");
    const detail = { missing: missing.sort(), extra: extra.sort() };
    throw new KodenoError("DIFFERENT", `Images are not those of ${path}: ${why}`, detail);
  };
}

const verb = ({ length }: readonly string[]): string => length === 1 ? "is" : "are";

/** Names on one line, sorted. */
function told(names: readonly string[]): string {
  const sorted = [...names].sort();
  const more = sorted.length - 10;
  return sorted.slice(0, 10).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A name without tag and digest. */
const bare = (reference: string): string =>
  reference.replace(/@sha\d+:[0-9a-f]+$/, "").replace(/:[^/:]*$/, "");

function namesIn(text: string, path: string): ReadonlySet<string> {
  if (text.trimStart().startsWith("{")) return new Set(plannedIn(text, path));
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const names = lines.filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => bare(line.replace(/^ko:\/\//, "")));
  return new Set(names);
}

function plannedIn(text: string, path: string): readonly string[] {
  let images: unknown;
  try {
    ({ images } = JSON.parse(text));
  } catch {
    // It is told of below.
  }
  if (Array.isArray(images) && images.every((one) => typeof one?.name === "string")) {
    return images.map(({ name }) => bare(name));
  }
  const why = 'it is no plan; write it with "kodeno plan --json"';
  throw new KodenoError("BAD_OPTION", `Cannot use list of expected images ${path}: ${why}`);
}
