/**
 * The flags that every command has, and what its help says of all flags.
 * @module
 */
import type { Command } from "commander";

/**
 * Adds to a command and its subcommands what they lack of the common flags.
 *
 * @param isLocal whether it has no reason to dial; with `--offline` it then gives up the right to
 */
export function addCommonFlags(command: Command, isLocal: boolean): void {
  if (command.commands.length > 0) {
    for (const one of command.commands) addCommonFlags(one, isLocal);
    return;
  }
  const lacks = (flag: string) => !command.options.some(({ long }) => long === flag);
  if (isLocal && lacks("--offline")) {
    command.option("--offline", "give up the right to use the network");
    command.hook("preAction", async () => {
      if (!command.opts()["offline"]) return;
      const { giveUpNetwork } = await import("../place/open.ts");
      await giveUpNetwork();
    });
  }
  if (lacks("--verbose")) {
    command.option("-v, --verbose", "tell more, and where a failure came from");
  }
  command.addHelpText("after", "\nSwitches are off unless they are given.");
}
