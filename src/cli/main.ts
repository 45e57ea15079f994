/**
 * Finds the command of an argument list and runs it. Commands are loaded when they are asked for,
 * so that `kodeno --version` starts as fast as the runtime does.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { asksForJson, fromCommand, isVerbose } from "./arguments.ts";
import { readInstead } from "./compressed.ts";
import { printError, printFailure, printNote, printResult } from "./output.ts";

/** Its exit code: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const [first = "", ...others] = fromCommand(args);
    if (first === "--version" || (first === "version" && others.length === 0)) {
      const { versionLine, versions } = await import("../app/version.ts");
      printResult(versionLine(await versions()));
      return 0;
    }
    const { runCommandLine } = await import("./program.ts");
    return await runCommandLine(args);
  } catch (error) {
    return report(error, args);
  }
}

/**
 * Tells a failure in one line (and the compiler's), for a program as its last event, too, and gives its
 * exit code.
 */
function report(failure: unknown, args: readonly string[]): number {
  const dashes = args.indexOf("--");
  const verbose = (dashes < 0 ? args : args.slice(0, dashes)).some(isVerbose);
  const error = unspeakableFolder(failure) ?? failure;
  const known = error instanceof KodenoError;
  const text = known
    ? `${error.message}${readInstead(error, args)}`
    : `kodeno failed unexpectedly: ${messageOf(error)}`;
  printError(text);
  if (asksForJson(args)) printFailure(error, text);
  if (known && typeof error.detail["usage"] === "string") printNote(error.detail["usage"]);
  // Where kodeno found what is wrong by itself is nothing that helps to mend it.
  if (known && (error.exitCode === 2 || error.cause === undefined)) return error.exitCode;
  if (verbose && error instanceof Error) {
    printError(error.stack ?? "");
    if (error.cause instanceof Error) printError(`Caused by: ${error.cause.stack}`);
  } else if (!known) printError("Run it with --verbose to see where, and please report it.");
  return known ? error.exitCode : 1;
}

/** The runtime cannot say where it is, and tells so whenever it is asked. */
function unspeakableFolder(error: unknown): KodenoError | undefined {
  if (!/^File name or path .* is not valid UTF-8$/s.test(messageOf(error))) return undefined;
  const why = "its path is not UTF-8; rename it, or run kodeno elsewhere";
  return new KodenoError("BAD_OPTION", `Cannot run in this folder: ${why}`, {}, { cause: error });
}
