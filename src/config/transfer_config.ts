/**
 * Options and environment to one frozen `TransferConfig`: how registries and daemons are reached.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { ioFailure } from "../io/fail.ts";
import { readSmallText } from "../io/regular_file.ts";
import { parsePairs } from "./checks.ts";
import { type Environment, processEnvironment, variable } from "./environment.ts";
import { VERSION } from "./version.ts";

/** Those that systems trust take a twentieth of it. */
const MAX_CA_BYTES = 4 * 1024 * 1024;

/** What a caller may say. */
export interface TransferOptions {
  /** Leaves certificates unchecked, and takes plain HTTP where https does not answer. */
  readonly insecureRegistry?: boolean | undefined;
  /** Hosts (`HOST[:PORT]`) of which only that holds. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** File of PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** `HOST=MIRROR` each: registries that are asked first when pulling; they beat `KODENO_MIRRORS`. */
  readonly mirrors?: readonly string[] | undefined;
  /** Dials nothing but the registries of the names given to the work itself. */
  readonly offline?: boolean | undefined;
  /** `User-Agent` of requests. */
  readonly userAgent?: string | undefined;
  /** Stands for the process's environment, for embedding. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** How registries and daemons are reached; frozen. */
export interface TransferConfig {
  readonly insecureRegistry: boolean;
  readonly insecureRegistries: readonly string[];
  readonly caCerts: readonly string[];
  readonly mirrors: Readonly<Record<string, string>>;
  /** Mirrors that the caller has named, which may be asked offline, too. */
  readonly namedMirrors: readonly string[];
  readonly userAgent: string;
  readonly offline: boolean;
  /** Where credentials, proxies and the daemon are looked for. */
  readonly environment: Environment;
}

/**
 * Checks options and completes them.
 *
 * @throws {KodenoError} `BAD_OPTION` for a mirror without `=`, or a CA file that cannot be read
 */
export function resolveTransferConfig(options: TransferOptions = {}): TransferConfig {
  const { caFile, offline = false } = options;
  const environment = options.environment ?? processEnvironment();
  const named = parsePairs("mirror", options.mirrors ?? []);
  const text = variable(environment, "KODENO_MIRRORS") ?? "";
  const usual = parsePairs(
    "mirror of KODENO_MIRRORS",
    text.split(/[\s,]+/).filter((part) => part !== ""),
  );
  return Object.freeze({
    insecureRegistry: options.insecureRegistry ?? false,
    insecureRegistries: Object.freeze([...options.insecureRegistries ?? []]),
    caCerts: caFile === undefined ? [] : [readCertificates(caFile)],
    // Offline only what was named is dialled, and the environment names nothing.
    mirrors: Object.freeze({ ...(offline ? {} : usual), ...named }),
    namedMirrors: Object.freeze(Object.values(named)),
    userAgent: options.userAgent ?? `kodeno/${VERSION}`,
    offline,
    environment,
  });
}

function readCertificates(path: string): string {
  try {
    const text = readSmallText(path, MAX_CA_BYTES);
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (cause) {
    const { message } = ioFailure(`read CA file ${path}`, cause);
    throw new KodenoError("BAD_OPTION", message, {}, { cause });
  }
  throw new KodenoError("BAD_OPTION", `Cannot use CA file ${path}: it holds no PEM certificate`);
}
