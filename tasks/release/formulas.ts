/**
 * What package managers are told of a release: a formula for Homebrew, and a manifest for Scoop.
 * @module
 */
import { VERSION } from "../../src/config/version.ts";
import { DESCRIPTION, homePage, LICENSE } from "../about.ts";
import type { Target } from "./targets.ts";

/** A program, and where it is to be had. */
export interface Download extends Target {
  readonly name: string;
  /** In hex. */
  readonly sha256: string;
}

const linkTo = (repository: string, name: string, version = VERSION): string =>
  `${homePage(repository)}/releases/download/v${version}/${name}`;

/** The formula for Homebrew, on macOS and Linux. */
export function brewFormula(repository: string, downloads: readonly Download[]): string {
  const systems = [["macos", "darwin"], ["linux", "linux"]].flatMap(([block, os]) => {
    const some = downloads.filter((one) => one.os === os);
    if (some.length === 0) return [];
    const each = some.flatMap(({ arch, name, sha256 }) => [
      `    on_${arch === "arm64" ? "arm" : "intel"} do`,
      `      url "${linkTo(repository, name)}"`,
      `      sha256 "${sha256}"`,
      "    end",
    ]);
    return [`  on_${block} do`, ...each, "  end", ""];
  });
  return `class Kodeno < Formula
  desc "${DESCRIPTION}"
  homepage "${homePage(repository)}"
  version "${VERSION}"
  license "${LICENSE}"

${systems.join("\n")}
  def install
    bin.install Dir["kodeno-*"].first => "kodeno"
    chmod 0555, bin/"kodeno"
    generate_completions_from_executable(bin/"kodeno", "completion")
    system bin/"kodeno", "man", man1
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kodeno version")
  end
end
`;
}

/** The manifest for Scoop, on Windows; Scoop makes later ones of it by the sums of a release. */
export function scoopManifest(repository: string, downloads: readonly Download[]): string {
  const names = { amd64: "64bit", arm64: "arm64" } as const;
  const some = downloads.filter(({ os }) => os === "windows");
  // What stands behind the "#/" is what Scoop calls the file.
  const url = (name: string, version = VERSION) =>
    `${linkTo(repository, name, version)}#/kodeno.exe`;
  const each = (tell: (one: Download) => unknown) =>
    Object.fromEntries(some.map((one) => [names[one.arch], tell(one)]));
  const manifest = {
    version: VERSION,
    description: DESCRIPTION,
    homepage: homePage(repository),
    license: LICENSE,
    architecture: each(({ name, sha256 }) => ({ url: url(name), hash: sha256 })),
    bin: "kodeno.exe",
    checkver: { github: homePage(repository) },
    autoupdate: {
      architecture: each(({ name }) => ({ url: url(name, "$version") })),
      hash: { url: "$baseurl/SHA256SUMS" },
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
