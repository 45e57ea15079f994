/**
 * The pages of `docs/` that are made from the code, or hold parts that are.
 * @module
 */
import { allCommands } from "../../src/cli/program.ts";
import { ROOT } from "../../test/support/kodeno.ts";
import { commandsPage } from "./commands.ts";
import { codesTable } from "./error_codes.ts";
import { jsonPage } from "./json_page.ts";
import { koTables } from "./ko_keys.ts";

/** A page as it has to be. */
export interface Page {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

/** Makes all pages; what a person has written of them is taken from the files. */
export async function pages(): Promise<readonly Page[]> {
  const koYaml = "docs/ko-yaml.md";
  const library = "docs/library.md";
  const written = (path: string) => Deno.readTextFile(ROOT + path);
  const program = await allCommands();
  return [
    { path: "docs/commands.md", text: await formatted(commandsPage(program)) },
    { path: "docs/json.md", text: await formatted(jsonPage(program)) },
    {
      path: library,
      text: await formatted(filledIn(await written(library), "codes", await codesTable())),
    },
    { path: koYaml, text: await formatted(filledIn(await written(koYaml), "keys", koTables())) },
  ];
}

/** A text whose part between `<!-- NAME: ... -->` and `<!-- end of NAME -->` is another. */
export function filledIn(text: string, name: string, part: string): string {
  const marks = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(\n<!-- end of ${name} -->)`);
  if (!marks.test(text)) throw new Error(`there is no place for ${name}`);
  return text.replace(marks, (_, start: string, end: string) => `${start}\n${part}\n${end}`);
}

/** As `deno fmt` wants it. */
export async function formatted(text: string): Promise<string> {
  const args = ["fmt", "--quiet", "--ext", "md", "-"];
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}
