/**
 * `kodeno login` and `kodeno logout`: credentials, where Docker keeps them.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { chunksOf, readAll } from "../io/streams.ts";
import { command, type Commands } from "./command.ts";
import type { Flags, Given } from "./flag.ts";
import { REGISTRY_FLAGS } from "./flags.ts";
import { printNote } from "./output.ts";

const HOST = "<host>  host and port of the registry" as const;
const FLAGS = {
  username: "-u, --username <user>  user name (default: ask for it)",
  password: "-p, --password <password>  password, which other users can see (default: ask for it)",
  passwordStdin: "--password-stdin  read the password from stdin",
  ...REGISTRY_FLAGS,
} satisfies Flags;
/** Longer than any token, in bytes. */
const MAX_PASSWORD = 64 * 1024;

const login = command({
  about:
    `Logs in to a registry, and stores user and password where Docker stores them (DOCKER_CONFIG,
    or the credential helper that is named there).`,
  words: [HOST],
  flags: FLAGS,
  examples: {
    "ask for user and password": "kodeno login registry.local",
    "in a script": "kodeno login registry.local -u me --password-stdin < secret",
  },
  run: async (given, { signal }, host) => {
    const { login } = await import("../app/login.ts");
    return await login({ ...given, host, ...await credential(given, signal), signal });
  },
  print: (where) => printNote(`Credentials are kept in ${where}`),
});

const logout = command({
  about: "Logs out of a registry: removes the stored user and password.",
  words: [HOST],
  examples: "kodeno logout registry.local",
  isLocal: true,
  endsAtOnce: true,
  run: async (_, _work, host) => {
    const { logout } = await import("../app/login.ts");
    const { where, wasKept } = await logout(host);
    if (wasKept) printNote(`Credentials are no longer kept in ${where}`);
    else printNote(`Not logged in to ${host}: ${where} has no credentials for it`);
  },
});

export default { login, logout } satisfies Commands;

/** User and password, from where the flags say, or asked for. */
async function credential(
  { username, password, passwordStdin }: Given<typeof FLAGS>,
  signal: AbortSignal,
): Promise<{ readonly user: string; readonly password: string }> {
  const bad = (why: string) => new KodenoError("BAD_OPTION", `Cannot log in: ${why}`);
  if (passwordStdin) {
    if (password !== undefined) throw bad("--password and --password-stdin exclude each other");
    if (username === undefined) throw bad("--password-stdin needs --username");
    const input = chunksOf(Deno.stdin.readable, signal);
    const bytes = await readAll(input, MAX_PASSWORD, "the password");
    return { user: username, password: new TextDecoder().decode(bytes).replace(/\r?\n$/, "") };
  }
  if (password !== undefined) {
    const why = "other users can see a password in the arguments, and the shell keeps it";
    printNote(`Warning: ${why}; use --password-stdin`);
    if (username !== undefined) return { user: username, password };
  }
  if (!Deno.stdin.isTerminal()) {
    throw bad("stdin is no terminal to ask on; use --username and --password-stdin");
  }
  const { askLine } = await import("./ask.ts");
  const user = username ?? await askLine("Username: ", signal);
  return { user, password: password ?? await askLine("Password: ", signal, true) };
}
