/**
 * `kodeno login` and `kodeno logout`: credentials, where Docker keeps them.
 * @module
 */
import { Command } from "commander";
import { login, logout } from "../app/login.ts";
import { KodenoError } from "../errors.ts";
import { askLine, askSecret, canAsk } from "./ask.ts";
import { flags, type Given, text, toggle, withFlags } from "./flag.ts";
import { REGISTRY_FLAGS } from "./flags.ts";
import { printNote } from "./output.ts";
import { interruptible } from "./progress.ts";

const FLAGS = flags({
  username: text("-u, --username <user>", "user (default: ask for it)"),
  password: text(
    "-p, --password <password>",
    "password; others can see it (default: ask for it)",
  ),
  passwordStdin: toggle("--password-stdin", "read the password from stdin"),
  ...REGISTRY_FLAGS,
});
type LoginFlags = Given<typeof FLAGS>;

const EXAMPLES = `
Examples:
  # asks for user and password
  kodeno login registry.local

  # in a script
  kodeno login registry.local -u me --password-stdin < secret`;

/** `kodeno login` with its flags. */
export function loginCommand(): Command {
  return withFlags(new Command("login"), FLAGS)
    .description(
      "Asks a registry whether user and password are right, and keeps them where Docker keeps them\n" +
        "(DOCKER_CONFIG, or the helper that is named there).",
    )
    .argument("<host>", "host and port of the registry")
    .addHelpText("after", EXAMPLES).action(run);
}

/** `kodeno logout`. */
export function logoutCommand(): Command {
  return new Command("logout")
    .description("Forgets user and password of a registry.")
    .argument("<host>", "host and port of the registry")
    .addHelpText("after", "\nExample:\n  kodeno logout registry.local")
    .action(async (host: string) => {
      const { where, wasKept } = await logout(host);
      printNote(
        wasKept
          ? `Credentials are no longer kept in ${where}`
          : `Not logged in to ${host}: ${where} has no credentials for it`,
      );
    });
}

async function run(host: string, flags: LoginFlags): Promise<void> {
  const where = await interruptible(async (signal) => {
    const { user, password } = await credential(flags, signal);
    return await login({ ...flags, host, user, password, signal });
  });
  printNote(`Credentials are kept in ${where}`);
}

async function credential(
  { username, password, passwordStdin }: LoginFlags,
  signal: AbortSignal,
): Promise<{ readonly user: string; readonly password: string }> {
  if (password !== undefined && passwordStdin) {
    throw bad("--password and --password-stdin exclude each other");
  }
  if (passwordStdin) {
    if (username === undefined) throw bad("--password-stdin needs --username");
    return { user: username, password: await readStdin() };
  }
  if (password !== undefined) {
    printNote(
      "Warning: other users can see a password in the arguments, and the shell keeps it; " +
        "use --password-stdin",
    );
    if (username !== undefined) return { user: username, password };
  }
  if (!canAsk()) throw bad("stdin is no terminal to ask on; use --username and --password-stdin");
  const user = username ?? await askLine("Username: ", signal);
  return { user, password: password ?? await askSecret("Password: ", signal) };
}

function bad(why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot log in: ${why}`);
}

async function readStdin(): Promise<string> {
  return (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "");
}
