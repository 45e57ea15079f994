/**
 * What the programs of a release are made of, as CycloneDX 1.6 has it: the packages of npm that are bundled
 * into them, and Deno.
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { VERSION } from "../../src/config/version.ts";
import { ROOT } from "../../test/support/kodeno.ts";
import { LICENSE } from "../about.ts";
import { succeed } from "../../test/support/process.ts";

/** A package, as `deno info` tells of it. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

/** What `deno info` tells of a program. */
interface ProgramInfo {
  readonly modules: readonly { readonly kind?: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, Package>>;
}

/** A file of the release. */
interface ReleaseFile {
  readonly name: string;
  /** In hex. */
  readonly sha256: string;
}

/**
 * The document. The same sources, and programs, give the same bytes.
 *
 * @param runtime the version of Deno in the programs
 */
export async function releaseSbom(
  programs: readonly ReleaseFile[],
  runtime: string,
): Promise<string> {
  const info = await succeed(Deno.execPath(), ["info", "--json", "cli.ts"], { cwd: ROOT });
  const { modules, npmPackages }: ProgramInfo = JSON.parse(info);
  const imported = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  // All of deno.lock is told, tools of the tests among it.
  const reached = new Set(imported);
  for (const id of reached) {
    for (const one of npmPackages[id]?.dependencies ?? []) reached.add(one);
  }
  const ids = [...reached].sort();
  const refOf = (id: string): string => {
    const { name, version } = npmPackages[id] as Package;
    return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
  };
  const own = `pkg:npm/kodeno@${VERSION}`;
  const deno = `pkg:github/denoland/deno@v${runtime}`;
  const files = programs.map(({ name, sha256 }) => ({
    "bom-ref": `file:${name}`,
    type: "file",
    name,
    hashes: [{ alg: "SHA-256", content: sha256 }],
  }));
  const sums = await lockedSums();
  const components = [];
  for (const id of ids) {
    const { name, version, localPath } = npmPackages[id] as Package;
    const [, algorithm, sum] = /^(sha\d+)-(.*)$/.exec(sums.get(`${name}@${version}`) ?? "") ?? [];
    if (algorithm === undefined || sum === undefined) throw new Error(`deno.lock lacks ${id}`);
    components.push({
      "bom-ref": refOf(id),
      type: "library",
      name,
      version,
      scope: "required",
      hashes: [{
        alg: algorithm.replace("sha", "SHA-"),
        content: Buffer.from(sum, "base64").toString("hex"),
      }],
      licenses: await licensesIn(localPath),
      purl: refOf(id),
    });
  }
  const dependencies = [
    { ref: own, dependsOn: [...new Set(imported.map(refOf)), deno].sort() },
    { ref: deno },
    ...ids.map((id) => ({
      ref: refOf(id),
      dependsOn: (npmPackages[id] as Package).dependencies.map(refOf),
    })),
    ...files.map((file) => ({ ref: file["bom-ref"], dependsOn: [own] })),
  ];
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        "bom-ref": own,
        type: "application",
        name: "kodeno",
        version: VERSION,
        licenses: [{ license: { id: LICENSE } }],
        purl: own,
      },
    },
    components: [
      ...files,
      {
        "bom-ref": deno,
        type: "platform",
        name: "deno",
        version: runtime,
        licenses: [{ license: { id: "MIT" } }],
        purl: deno,
      },
      ...components,
    ],
    dependencies,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** What deno.lock says that the file of each package is. */
async function lockedSums(): Promise<ReadonlyMap<string, string>> {
  const { npm } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock")));
  const all = Object.entries(npm as Record<string, { readonly integrity: string }>);
  // Behind an underscore stands what a package was resolved together with.
  return new Map(
    all.map(([id, { integrity }]) => [id.replace(/(?<=.@[^@_]*)_.*$/, ""), integrity]),
  );
}

async function licensesIn(folder: string): Promise<readonly unknown[]> {
  const { license } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  return typeof license === "string" ? [{ expression: license }] : [];
}
