/**
 * `kodeno completion`: scripts that complete commands in a shell.
 * @module
 */
import { Argument, Command } from "commander";
import { describe, type Described } from "./completion/model.ts";
import { printText } from "./output.ts";

/** The scripts by shell; each is loaded when it is asked for. */
const SHELLS: Readonly<Record<string, () => Promise<(commands: readonly Described[]) => string>>> =
  {
    bash: async () => (await import("./completion/bash.ts")).bashScript,
    zsh: async () => (await import("./completion/zsh.ts")).zshScript,
    fish: async () => (await import("./completion/fish.ts")).fishScript,
  };

const EXAMPLES = `
Examples:
  # bash: in ~/.bashrc
  source <(kodeno completion bash)

  # zsh: in ~/.zshrc, behind compinit
  source <(kodeno completion zsh)

  # fish
  kodeno completion fish > ~/.config/fish/completions/kodeno.fish`;

/**
 * The command.
 *
 * @param program loads all commands, which the scripts are made of
 */
export function completionCommand(program: () => Promise<Command>): Command {
  return new Command("completion")
    .description(
      "Prints a script for a shell that completes commands, flags, import paths, folders with main\n" +
        "packages, and the images of layouts.",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SHELLS)))
    .addHelpText("after", EXAMPLES)
    .action(async (shell: string) => {
      const script = await SHELLS[shell]?.();
      printText(script?.(describe(await program())) ?? "");
    });
}
