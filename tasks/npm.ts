/**
 * Behind `deno task npm`: packs kodeno for npm, as `dist/npm/kodeno-VERSION.tgz`, and prints where that is. The
 * package has no script, and depends on nothing but `deno`, of the version that runs this. With
 * `--repository OWNER/NAME` it says where it is from, as npm wants of one with provenance.
 * @module
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { VERSION } from "../src/config/version.ts";
import { ROOT } from "../test/support/kodeno.ts";
import { succeed } from "../test/support/process.ts";
import { DESCRIPTION, homePage, LICENSE } from "./about.ts";
import { makePieces } from "./pieces.ts";

const dist = join(ROOT, "dist", "npm");

function manifest(repository: string | undefined): Record<string, unknown> {
  const url = repository && homePage(repository);
  return {
    name: "kodeno",
    version: VERSION,
    description: DESCRIPTION,
    keywords: ["containers", "docker", "go", "golang", "images", "ko", "kubernetes", "oci"],
    license: LICENSE,
    ...(url ? { homepage: url, repository: { type: "git", url: `git+${url}.git` } } : {}),
    type: "module",
    bin: { kodeno: "kodeno.js" },
    engines: { node: ">=18" },
    os: ["linux", "darwin", "win32"],
    cpu: ["x64", "arm64"],
    dependencies: { deno: Deno.version.deno },
  };
}

async function pack(repository: string | undefined): Promise<string> {
  await Deno.mkdir(dist, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dist, prefix: ".new-" });
  try {
    await makePieces(join(folder, "lib"));
    const launcher = ["bundle", "--quiet", "--output", join(folder, "kodeno.js")];
    await succeed(Deno.execPath(), [...launcher, "tasks/npm/launcher.ts"], { cwd: ROOT });
    for (const name of ["LICENSE", "README.md"]) {
      await Deno.copyFile(join(ROOT, name), join(folder, name));
    }
    const text = JSON.stringify(manifest(repository), null, 2);
    await Deno.writeTextFile(join(folder, "package.json"), `${text}\n`);
    const windows = Deno.build.os === "windows";
    const npm = windows ? ["cmd", "/c", "npm"] as const : ["npm"] as const;
    const [program, ...words] = [...npm, "pack", "--silent", "--ignore-scripts"];
    const name = (await succeed(program, words, { cwd: folder })).trim();
    // Renamed, so that nobody sees half of one.
    await Deno.rename(join(folder, name), join(dist, name));
    return join(dist, name);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

try {
  const { values } = parseArgs({ args: Deno.args, options: { repository: { type: "string" } } });
  console.log(relative(Deno.cwd(), await pack(values.repository)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
