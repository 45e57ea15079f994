/**
 * The files of a release: what its programs are called, for which machines they are, and which version it
 * is.
 * @module
 */
import { VERSION } from "../../src/config/version.ts";

/** A machine that a program is for, as Go calls it. */
export interface Target {
  readonly os: "linux" | "darwin" | "windows";
  readonly arch: "amd64" | "arm64";
  /** As `deno compile --target` calls it. */
  readonly triple: string;
}

/** All that `deno compile` has a runtime for. */
export const TARGETS: readonly Target[] = [
  { os: "linux", arch: "amd64", triple: "x86_64-unknown-linux-gnu" },
  { os: "linux", arch: "arm64", triple: "aarch64-unknown-linux-gnu" },
  { os: "darwin", arch: "amd64", triple: "x86_64-apple-darwin" },
  { os: "darwin", arch: "arm64", triple: "aarch64-apple-darwin" },
  { os: "windows", arch: "amd64", triple: "x86_64-pc-windows-msvc" },
  { os: "windows", arch: "arm64", triple: "aarch64-pc-windows-msvc" },
];

/** What the program for a machine is called; without a version, so that links to the newest one hold. */
export function programName({ os, arch }: Target): string {
  return `kodeno-${os}-${arch}${os === "windows" ? ".exe" : ""}`;
}

/** The program that runs here. */
export function ownTarget(): Target | undefined {
  return TARGETS.find(({ triple }) => triple === Deno.build.target);
}

/**
 * What a changelog says of the version that a tag is for, in the form of Keep a Changelog. Refuses a tag that
 * is not that of the version in deno.json, and a version without a chapter.
 */
export function notesOf(tag: string, changelog: string): string {
  if (tag !== `v${VERSION}`) {
    const next = `set the tag v${VERSION}, or another version in deno.json`;
    throw new Error(`Cannot release tag ${tag}: deno.json has version ${VERSION}; ${next}`);
  }
  const chapters = changelog.split(/^## /m).slice(1);
  const chapter = chapters.find((one) => one.startsWith(`${VERSION} - `));
  const notes = chapter?.replace(/^.*/, "").trim();
  if (notes) return notes;
  const next = `call what is unreleased "${VERSION} - " and the day`;
  throw new Error(`Cannot release tag ${tag}: CHANGELOG.md says nothing of ${VERSION}; ${next}`);
}
