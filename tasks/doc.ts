/**
 * Behind `deno task doc`: checks that the library is documented, and runs the examples in the
 * documentation of all modules. The tests beside the modules have a run of their own.
 * @module
 */
import { ROOT } from "../test/support/kodeno.ts";
import { filesBelow } from "../test/support/temp.ts";

async function deno(...args: string[]): Promise<number> {
  return (await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status).code;
}

const modules = (await filesBelow(`${ROOT}src`)).map((path) => `src/${path}`)
  .filter((path) => path.endsWith(".ts") && !path.endsWith("_test.ts"));
const code = await deno("doc", "--lint", "mod.ts") ||
  await deno("test", "--doc", "--no-prompt", "-A", "mod.ts", ...modules);
Deno.exit(code);
