/**
 * Skaffold's `skaffold.env`: variables for a run, from a file in the current folder.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import type { Environment } from "../environment.ts";
import { faultsError, Places } from "../yaml/faults.ts";
import { readText } from "../yaml/read.ts";
import { DotenvError, parseDotenv } from "./dotenv.ts";

const NAME = "skaffold.env";
const MAX_BYTES = 1024 * 1024;

/**
 * Which programs kodeno itself runs, what is loaded into them, and which programs git runs is no matter
 * of a file in a checkout: these say so, or where such settings are read from.
 */
const NOT_OF_A_FILE =
  /^(?:PATH|HOME|XDG_CONFIG_HOME|KO_GO_PATH|GOENV|GIT_(?:CONFIG.*|EXEC_PATH)|(?:LD|DYLD)_.+)$/;

/** An environment, and what there is to tell of the file. */
export interface SkaffoldEnvironment {
  readonly environment: Environment;
  /** Lines for a person. */
  readonly notes: readonly string[];
}

/**
 * Adds what a folder's `skaffold.env` says to an environment; what is set already stays, also where
 * it is set to nothing. As in Skaffold, a file that cannot be read is left out as a whole, and told
 * of.
 */
export async function withSkaffoldEnv(
  folder: string,
  environment: Environment,
): Promise<SkaffoldEnvironment> {
  const path = join(folder, NAME);
  if (await Deno.stat(path).catch(() => undefined) === undefined) return { environment, notes: [] };
  try {
    const values = read(await readText(path, NAME, MAX_BYTES));
    const refused = [...values.keys()].filter((name) =>
      NOT_OF_A_FILE.test(name) && !Object.hasOwn(environment, name)
    );
    const added = [...values].filter(([name]) => !NOT_OF_A_FILE.test(name));
    const notes = refused.map((name) =>
      `${NAME}: ${name} is left out, since it can say which programs are run; set it yourself`
    );
    return { environment: Object.freeze({ ...Object.fromEntries(added), ...environment }), notes };
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    return { environment, notes: [`${error.message}; nothing of ${NAME} is used`] };
  }
}

function read(text: string): ReadonlyMap<string, string> {
  try {
    return parseDotenv(text);
  } catch (error) {
    if (!(error instanceof DotenvError)) throw error;
    const place = new Places(text).of(error.offset);
    throw faultsError([{ file: NAME, ...place, message: error.message }]);
  }
}
