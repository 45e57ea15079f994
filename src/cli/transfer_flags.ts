/**
 * The flags of all commands that reach a registry.
 * @module
 */
import type { Command } from "commander";
import type { TransferOptions } from "../config/transfer_config.ts";
import { appendList } from "./lists.ts";

/** What the flags say. */
export interface TransferFlags {
  readonly offline?: boolean;
  readonly insecureRegistry?: boolean;
  readonly caFile?: string;
  readonly mirror?: readonly string[];
}

/** Adds the flags to a command. */
export function addTransferFlags(command: Command): Command {
  return command
    .option("--offline", "dial nothing but what is named here")
    .option("--insecure-registry", "leave certificates unchecked, and allow plain HTTP")
    .option("--ca-file <file>", "certificates to trust beside the system's")
    .option("--mirror <host=mirror>", "registry to ask first when pulling", appendList);
}

/** The options the flags stand for. */
export function transferOptions(flags: TransferFlags): TransferOptions {
  const { offline, insecureRegistry, caFile, mirror } = flags;
  return { offline, insecureRegistry, caFile, mirrors: mirror };
}
