/**
 * What kodeno tells of itself to those who hand it on: package managers, registries, and readers of SBOMs.
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** What it is, in a line of the 80 characters that Homebrew has. */
export const DESCRIPTION =
  "Builds container images from Go main packages into OCI layouts, without Docker";

/** The name of its licence, as SPDX has it. */
export const LICENSE: string = project.license;

/** Its page, of a repository `OWNER/NAME` on GitHub. */
export function homePage(repository: string): string {
  return `https://github.com/${repository}`;
}
