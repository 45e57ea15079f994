/**
 * Behind `deno task release`: the steps by which a release is made of a tag, each of which can be run by
 * hand. `.github/workflows/release.yml` runs them in this order.
 * @module
 */
import { parseArgs } from "node:util";
import { ROOT } from "../test/support/kodeno.ts";
import { writeReleaseFiles } from "./release/files.ts";
import { writeReleaseImages } from "./release/image.ts";
import { compilePrograms } from "./release/programs.ts";
import { notesOf } from "./release/targets.ts";

const USAGE = `usage:
  deno task release tag TAG
      refuses a tag that is not that of the version in deno.json; prints what CHANGELOG.md says of it
  deno task release programs FOLDER
      compiles kodeno for each machine into a folder
  deno task release files FOLDER --repository OWNER/NAME [--key FILE]
      writes an SBOM, kodeno.rb, kodeno.json and SHA256SUMS beside the programs, and signs the sums
  deno task release image FOLDER LAYOUT --repository OWNER/NAME --base IMAGE [--go-base IMAGE]
      [--key FILE] [--compression gzip:LEVEL]
      puts the programs for Linux on base images, into a layout, and signs what they are made of

The password of the key is in KODENO_KEY_PASSWORD.`;

async function release(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      repository: { type: "string" },
      key: { type: "string" },
      base: { type: "string" },
      "go-base": { type: "string" },
      compression: { type: "string" },
    },
  });
  const [step, one, two, ...more] = positionals;
  const { repository, key, base, "go-base": goBase, compression } = values;
  if (one === undefined || more.length > 0 || (two !== undefined) !== (step === "image")) {
    return false;
  }
  if (step === "tag") console.log(notesOf(one, await Deno.readTextFile(`${ROOT}CHANGELOG.md`)));
  else if (step === "programs") await compilePrograms(one);
  else if (step === "files" && repository) {
    await writeReleaseFiles({ folder: one, repository, key });
  } else if (two !== undefined && repository && base) {
    const how = { folder: one, layout: two, repository, base, goBase, key, compression };
    for (const reference of await writeReleaseImages(how)) console.log(reference);
  } else return false;
  return true;
}

try {
  if (!await release(Deno.args)) {
    console.error(USAGE);
    Deno.exit(2);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
