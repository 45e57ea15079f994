/**
 * A real terminal, as tmux makes one, with a shell in it; needs the part "tmux".
 * @module
 */
import { rootTool } from "../parts/tools.ts";
import { kodenoCommand, kodenoEnvironment } from "./kodeno.ts";
import { run, succeed, until } from "./process.ts";
import type { TempDir } from "./temp.ts";

/** A terminal with a shell in it, in a tmux server of its own. */
export class Terminal implements AsyncDisposable {
  constructor(readonly socket: string, readonly env: Readonly<Record<string, string>>) {}

  tmux(...args: string[]): Promise<string> {
    const { socket, env } = this;
    return succeed(rootTool("tmux") ?? "tmux", ["-S", socket, "-f", "/dev/null", ...args], { env });
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.tmux("send-keys", "-l", line);
    await this.tmux("send-keys", "Enter");
  }

  /** The lines that can be seen, and those that have moved out at the top. */
  async lines(): Promise<string[]> {
    const text = await this.tmux("capture-pane", "-p", "-J", "-S", "-200");
    return text.trimEnd().split("\n").map((line) => line.trimEnd());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(rootTool("tmux") ?? "tmux", ["-S", this.socket, "kill-server"]);
  }
}

/** A server that was told to end may still hold its socket. */
let count = 0;

/** Opens a terminal whose shell is in a folder and has said that it is ready. */
export async function terminal(
  dir: TempDir,
  env: Readonly<Record<string, string>> = {},
  size: readonly [columns: number, rows: number] = [100, 30],
): Promise<Terminal> {
  const { CI: _, NO_COLOR: __, ...inherited } = kodenoEnvironment();
  const made = new Terminal(dir.join(`s${++count}`), {
    ...inherited,
    TERM: "xterm-256color",
    ...env,
  });
  const [columns, rows] = size;
  const window = ["new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, "-c", dir.path];
  // A shell that reads no settings, and a prompt that tells when a command has ended, and how.
  await made.tmux(...window, "env", "PS1=ended $? > ", "sh", "-i");
  await until("the prompt", async () => (await made.lines())[0] === "ended 0 >");
  return made;
}

/** What a shell has to be told to run kodeno. */
export function commandLine(...args: string[]): string {
  return [...kodenoCommand(), ...args].map((word) => `'${word}'`).join(" ");
}

/** Types a command and waits for its end; gives what came after its line, without the prompt. */
export async function shown(screen: Terminal, command: string, code = 0): Promise<string[]> {
  await screen.type(`clear; ${command}`);
  let lines: string[] = [];
  await until(`the end of ${command}`, async () => {
    lines = await screen.lines();
    return lines.length > 1 && lines.at(-1) === `ended ${code} >`;
  }, 60_000);
  return lines.slice(0, -1);
}
