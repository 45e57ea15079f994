/**
 * Behind `deno task site`: makes the documentation site in `dist/site`, or in the folder that is named.
 * @module
 */
import { ROOT } from "../test/support/kodeno.ts";
import { buildSite } from "./site/build.ts";

const [folder = `${ROOT}dist/site`] = Deno.args;
await buildSite(folder);
console.log(`made ${folder}/index.html`);
