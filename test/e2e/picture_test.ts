/**
 * The picture of the live view in the README: it has to show what people will see.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { COMMAND, recordBuild } from "../../tasks/picture/record.ts";
import { movingPicture } from "../../tasks/picture/svg.ts";
import { needs } from "../parts/tools.ts";
import { printer } from "../support/go_module.ts";
import { ROOT } from "../support/kodeno.ts";

/** How a picture ends, with all figures and digests as 0. */
function lastLines(svg: string): readonly string[] {
  const all = [...svg.matchAll(/<text y="\d+"[^>]*>(.*?)<\/text>/g)]
    .map(([, text = ""]) => text.replace(/<[^>]*>/g, "").replace(/&gt;/g, ">"));
  const last = all.slice(all.findLastIndex((line) => line === `$ ${COMMAND}`));
  return last.map((line) =>
    line.replace(/:[0-9a-f]{64}$/, ":0").replace(/ +\d+\.\d (?=MB)/, " 0 ").replace(
      / +\d+\.\ds$/,
      " 0s",
    )
  ).sort();
}

Deno.test({
  name: 'picture: the README has what "deno task picture" records today',
  ...needs("tmux"),
  async fn() {
    const kept = lastLines(await Deno.readTextFile(join(ROOT, "docs", "live-view.svg")));
    const recorded = lastLines(movingPicture(await recordBuild(printer)));
    assert.equal(recorded.filter((line) => /^\* .* done 0 MB 0s$/.test(line)).length, 6);
    assert.deepEqual(kept, recorded, 'run "deno task picture", and look at the picture');
  },
});
