/**
 * Runs a program that a configuration of the user's names, as `cmd` of Skaffold's templates does.
 * @module
 */

/**
 * Runs a program to its end.
 *
 * @returns what it prints, without the line break at its end
 * @throws {Error} that says what the program said, when it cannot be run or fails
 */
export function runProgram(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): string {
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command(name, {
      args: [...args],
      env: environment,
      clearEnv: true,
      stdin: "null",
    }).outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`there is no program ${name} on PATH`);
  }
  const text = new TextDecoder();
  if (output.success) return text.decode(output.stdout).replace(/\r?\n$/, "");
  const [why = ""] = text.decode(output.stderr).trim().split("\n");
  throw new Error(`${name} ended with exit code ${output.code}${why === "" ? "" : `: ${why}`}`);
}
