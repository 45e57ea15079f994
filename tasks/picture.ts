/**
 * Behind `deno task picture`: records the live view in a real terminal, and writes it as the moving picture
 * `docs/live-view.svg`, or the file that is named.
 * @module
 */
import { recordBuild } from "./picture/record.ts";
import { movingPicture } from "./picture/svg.ts";
import { ROOT } from "../test/support/kodeno.ts";

const [file = `${ROOT}docs/live-view.svg`] = Deno.args;
await Deno.writeTextFile(file, movingPicture(await recordBuild()));
console.error(`wrote ${file}`);
Deno.exit();
