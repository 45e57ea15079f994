/**
 * The flags of the commands that move images.
 * @module
 */
import type { Command } from "commander";
import type { TransferOptions } from "../config/options.ts";
import { appendList } from "./lists.ts";

/** What the flags say. */
export interface TransferFlags {
  readonly offline?: boolean;
  readonly insecureRegistry?: boolean;
  readonly caFile?: string;
  readonly mirror?: readonly string[];
  readonly verbose?: boolean;
}

/** Adds the flags of all commands that reach a registry. */
export function addTransferFlags(command: Command): Command {
  return addRegistryFlags(command)
    .option(
      "--mirror <host=mirror>",
      "registry to ask first when pulling (default: KODENO_MIRRORS)",
      appendList,
    );
}

/** Adds the flags that say how a registry is reached. */
export function addRegistryFlags(command: Command): Command {
  return addOffline(command)
    .option("--insecure-registry", "leave certificates unchecked, and allow plain HTTP")
    .option(
      "--ca-file <file>",
      "certificates to trust beside the system's (default: Docker's certs.d)",
    );
}

/** Adds `--offline`, which a command that dials has to read itself. */
export function addOffline(command: Command): Command {
  return command.option("--offline", "dial nothing but what is named on the command line");
}

/** The options the flags stand for. */
export function transferOptions(flags: TransferFlags): TransferOptions {
  const { offline, insecureRegistry, caFile, mirror } = flags;
  return { offline, insecureRegistry, caFile, mirrors: mirror };
}
