/**
 * Equal to ko: the names of the files that --sbom-dir gets; and no less in them than ko has.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import { kodeno } from "../support/kodeno.ts";
import { names } from "../support/temp.ts";
import { openLab, succeeded } from "./lab.ts";
import { bringModule, SMALL } from "./programs.ts";

/** The names of packages of an SPDX document, less those of images. */
async function packagesOf(path: string): Promise<readonly string[]> {
  const { packages } = JSON.parse(await Deno.readTextFile(path));
  return packages.map(({ name }: { readonly name: string }) => name)
    .filter((name: string) => !name.includes("sha256:"));
}

const name = "equal to ko: names of SBOMs, and the modules in them";
Deno.test({ name, ...needs("docker-registry") }, async () => {
  await using lab = await openLab();
  const cwd = lab.dir.join("program");
  await bringModule(SMALL, cwd);
  const { layout, reference } = await lab.base("docker");
  const [ours, theirs] = [lab.dir.join("sboms-kodeno"), lab.dir.join("sboms-ko")];
  for (const platforms of ["linux/amd64,linux/arm/v7", "linux/arm64"]) {
    const flags = ["--sbom=spdx", `--platform=${platforms}`, "./cmd/tomlv"];
    const forKo = ["--push=false", `--oci-layout-path=${lab.dir.join("ko")}`, ...flags];
    const env = { KO_DEFAULTBASEIMAGE: reference };
    succeeded("ko", await lab.ko([...forKo, `--sbom-dir=${theirs}`], { cwd, env }));
    const forKodeno = [
      `--base-image=${layout}`,
      `--oci-layout=${lab.dir.join("kodeno")}`,
      ...flags,
    ];
    succeeded(
      "kodeno",
      await kodeno(["build", ...forKodeno, `--sbom-dir=${ours}`], { cwd, env: lab.environment() }),
    );
  }
  const files = await names(theirs);
  // The base has amd64 in two variants.
  assert.equal(files.length, 5, files.join(" "));
  assert.deepEqual(await names(ours), files);
  for (const file of files) {
    const have = await packagesOf(`${ours}/${file}`);
    for (const name of await packagesOf(`${theirs}/${file}`)) assert.ok(have.includes(name), name);
  }
});
