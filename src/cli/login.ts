/**
 * `kodeno login` and `kodeno logout`: credentials, where Docker keeps them.
 * @module
 */
import { Command } from "commander";
import { login, logout } from "../app/login.ts";
import { KodenoError } from "../errors.ts";
import { printNote } from "./output.ts";

/** `kodeno login` with its flags. */
export function command(): Command {
  return new Command("login")
    .description("Keeps user and password for a registry, where Docker keeps them.")
    .argument("<host>", "host and port of the registry")
    .requiredOption("-u, --username <user>", "user")
    .option("--password-stdin", "read the password from stdin")
    .addHelpText(
      "after",
      "\nExample:\n  kodeno login registry.local -u me --password-stdin < secret",
    )
    .action(async (host: string, flags: { username: string; passwordStdin?: boolean }) => {
      const password = flags.passwordStdin ? await readStdin() : ask(flags.username);
      printNote(`Credentials are kept in ${await login(host, flags.username, password)}`);
    });
}

/** `kodeno logout`. */
export function logoutCommand(): Command {
  return new Command("logout")
    .description("Forgets user and password of a registry.")
    .argument("<host>", "host and port of the registry")
    .action(async (host: string) => {
      printNote(`Credentials are no longer kept in ${await logout(host)}`);
    });
}

async function readStdin(): Promise<string> {
  return (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "");
}

function ask(user: string): string {
  if (Deno.stdin.isTerminal()) {
    // What is typed must not stand on the screen.
    Deno.stdin.setRaw(true, { cbreak: true });
    try {
      return prompt(`Password of ${user}:`) ?? "";
    } finally {
      Deno.stdin.setRaw(false);
    }
  }
  throw new KodenoError(
    "BAD_OPTION",
    "Cannot ask for a password: stdin is no terminal; use --password-stdin",
  );
}
