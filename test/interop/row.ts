/**
 * A row of `docs/interop.md`: what another tool writes and kodeno reads, or the other way round, and
 * the trial of it.
 * @module
 */
import assert from "node:assert/strict";
import { type Lab, onlyManifest } from "./lab.ts";

/** What is tried, and how. */
export interface Row {
  readonly tool: string;
  /**
   * Which version wrote a fixture, as a text; otherwise what asks the program itself. A program that
   * a package manager brings has the version of the machine.
   */
  readonly version: string | (() => Promise<string>);
  /** Who reads: kodeno, or the tool. */
  readonly reader: "kodeno" | "tool";
  /** What is written, in Markdown. */
  readonly what: string;
  /** What becomes of it, in Markdown. */
  readonly outcome: string;
  /** Parts that have to be there. */
  readonly needs?: readonly string[];
  /** Fails where the row does not hold. */
  readonly run: (lab: Lab) => Promise<void>;
}

/**
 * Has kodeno copy an image of the lab back from where a tool put it. It has the digests of all that
 * `app:all` or `app:one` has, or, of a tool that packs layers anew, the same configuration.
 */
export async function givesBack(
  lab: Lab,
  place: string,
  which: "all" | "one",
  { packsAnew = false } = {},
): Promise<void> {
  await lab.kodeno(["copy", place, "oci:back:given:back"]);
  const blobs = await lab.blobs("back", "given:back");
  if (!packsAnew) {
    assert.deepEqual(blobs, await lab.blobs("out", `app:${which}`));
    return;
  }
  const ours = await onlyManifest(lab.dir.join("out"), `app:${which}`);
  const theirs = await onlyManifest(lab.dir.join("back"), "given:back");
  assert.deepEqual(theirs.config, ours.config);
  assert.equal(theirs.manifest.layers.length, ours.manifest.layers.length);
}
