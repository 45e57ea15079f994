/**
 * Behind `deno task doc`: checks that the library is documented, and runs the examples in the
 * documentation of all modules. The tests beside the modules have a run of their own.
 * @module
 */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

async function modules(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await modules(path));
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) found.push(path);
  }
  return found.sort();
}

async function deno(...args: string[]): Promise<number> {
  return (await new Deno.Command(Deno.execPath(), { args, cwd: root }).spawn().status).code;
}

const code = await deno("doc", "--lint", "mod.ts") ||
  await deno("test", "--doc", "--no-prompt", "-A", "mod.ts", ...await modules("src"));
Deno.exit(code);
