/**
 * Behind `deno task docs`: writes the pages of `docs/` that are made from the code.
 * @module
 */
import { ROOT } from "../test/support/kodeno.ts";
import { pages } from "./docs/pages.ts";

for (const { path, text } of await pages()) {
  const before = await Deno.readTextFile(ROOT + path).catch(() => "");
  if (before === text) continue;
  await Deno.writeTextFile(ROOT + path, text);
  console.error(`wrote ${path}`);
}
