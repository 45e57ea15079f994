/**
 * The table of the codes of errors, from the list itself and what is said there of each.
 * @module
 */
import { EXIT_CODES } from "../../src/errors.ts";
import { ROOT } from "../../test/support/kodeno.ts";

/** Writes the table. */
export async function codesTable(): Promise<string> {
  const source = await Deno.readTextFile(`${ROOT}src/errors.ts`);
  const said = new Map(
    [...source.matchAll(/^ {2}\/\*\* (.*) \*\/\n {2}([A-Z_]+): \d+,$/gm)].map((
      [, text = "", code = ""],
    ) => [code, text.replace(/\.$/, "")]),
  );
  const rows = Object.entries(EXIT_CODES).map(([code, exit]) => {
    const text = said.get(code);
    if (text === undefined) throw new Error(`nothing is said of ${code}`);
    return `| \`${code}\` | ${exit} | ${text} |`;
  });
  return ["| code | exit code | what happened |", "| --- | --- | --- |", ...rows].join("\n");
}
