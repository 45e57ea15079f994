/**
 * Docker's contexts: named daemons in the user's Docker folder, one of which is in use
 * (`docker context`; `config.json` and `contexts/meta/SHA256/meta.json`).
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { KodenoError } from "../../errors.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { digestOf } from "../../io/hash.ts";
import { readSmallText } from "../../io/files.ts";
import { digestHex } from "../../oci/digest.ts";
import { type DaemonTls, type Environment, readCertificates } from "./endpoint.ts";

/** The daemon of a context. */
export interface DockerContext {
  /** As DOCKER_HOST. */
  readonly host: string;
  /** Names the setting in an error. */
  readonly where: string;
  readonly tls?: DaemonTls | undefined;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;

const configSchema = z.looseObject({ currentContext: z.string().optional() });
const metaSchema = z.looseObject({
  Endpoints: z.looseObject({
    docker: z.looseObject({
      Host: z.string().optional(),
      SkipTLSVerify: z.boolean().optional(),
    }).optional(),
  }),
});

/**
 * The context in use: DOCKER_CONTEXT, else `currentContext` of `config.json`.
 *
 * @returns undefined for the default one, which stands for the usual socket
 * @throws {KodenoError} `BAD_OPTION` for one that is not there or names no daemon
 */
export function readContext(env: Environment): DockerContext | undefined {
  const folder = env["DOCKER_CONFIG"] || (env["HOME"] ? join(env["HOME"], ".docker") : undefined);
  if (folder === undefined) return undefined;
  const config = readJson(join(folder, "config.json"), configSchema);
  const name = env["DOCKER_CONTEXT"] || config?.currentContext;
  if (name === undefined || name === "" || name === "default") return undefined;

  const id = digestHex(digestOf(name));
  const meta = readJson(join(folder, "contexts", "meta", id, "meta.json"), metaSchema);
  const host = meta?.Endpoints.docker?.Host;
  const where = `Docker context ${JSON.stringify(name)}`;
  if (!host) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use ${where}: ${meta ? "it names no daemon" : "it is not there"}; ` +
        'run "docker context ls" to see which there are',
    );
  }
  const certificates = readCertificates(join(folder, "contexts", "tls", id, "docker"));
  if (meta?.Endpoints.docker?.SkipTLSVerify) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use ${where}: it says that the daemon's certificate is not to be checked, which ` +
        "kodeno always does; give the context the daemon's CA",
    );
  }
  const secure = Object.values(certificates).some((pem) => pem !== undefined);
  return { host, where, tls: secure ? certificates : undefined };
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  let text: string;
  try {
    text = readSmallText(path, MAX_FILE_BYTES);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw ioFailure(`read Docker's ${path}`, error);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const message = `Cannot read Docker's ${path}: it is damaged; mend it, or set DOCKER_HOST`;
    throw new KodenoError("BAD_OPTION", message, {}, { cause: error });
  }
}
