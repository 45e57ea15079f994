/**
 * How many bytes a bundle has that is made since a receipt, where one of 30 images has changed, beside
 * those of the blobs that are new.
 * @module
 */
import { join } from "node:path";
import { environment, output } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { significant } from "./statistics.ts";
import { makeLayout, randomBytes } from "./write_layout.ts";

/** The name of the row, for `--only`. */
export const DELTA = "delta";
/** Bounds of the bytes, in times of the new blobs. */
const BOUNDS: Bounds = { must: 1.1, aim: 1.03 };

const IMAGES = 30;
const BASE_BYTES = 2_000_000;
/** Of a small program, packed: what is beside it weighs the most. */
const PROGRAM_BYTES = 1_500_000;

/** What was sent, and what had to be. */
export interface DeltaBytes {
  readonly sent: number;
  readonly changed: number;
}

/**
 * Makes 30 images, a receipt of them, and a bundle with another one of them.
 *
 * @throws when that does not hold with what was there
 */
export async function measureDelta(kodeno: string, work: string): Promise<DeltaBytes> {
  const cwd = join(work, "delta");
  await Deno.remove(cwd, { recursive: true }).catch(() => {});
  await Deno.mkdir(cwd, { recursive: true });
  const base = randomBytes(BASE_BYTES);
  const folders: string[] = [];
  for (let i = 0; i < IMAGES; i++) folders.push(await makeImage(cwd, `app${i}`, `app${i}`, base));
  const kodenoDoes = (...args: string[]) =>
    output({ program: kodeno, args, env: environment(), cwd });
  await kodenoDoes("bundle", "create", "-o", "first.tar", ...folders);
  await kodenoDoes("bundle", "receipt", "first.tar", "-o", "receipt.json");
  const before = await blobsOf(join(cwd, "app7"));
  folders[7] = await makeImage(cwd, "changed", "app7", base);
  const since = ["--since", "receipt.json"];
  await kodenoDoes("bundle", "create", "-o", "delta.tar", ...since, ...folders);
  await kodenoDoes("bundle", "verify", "delta.tar", "--base", "first.tar");
  const changed = [...await blobsOf(join(cwd, "changed"))].filter(([name]) => !before.has(name));
  const { size: sent } = await Deno.stat(join(cwd, "delta.tar"));
  await Deno.remove(cwd, { recursive: true });
  return { sent, changed: changed.reduce((sum, [, size]) => sum + size, 0) };
}

async function makeImage(cwd: string, folder: string, name: string, base: Uint8Array) {
  await makeLayout(join(cwd, folder), async (layout) => {
    const layers = [await layout.layer(base), await layout.layer(randomBytes(PROGRAM_BYTES))];
    await layout.finish([[await layout.manifest("linux/amd64", layers), `${name}:v1`]]);
  });
  return folder;
}

async function blobsOf(layout: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const folder = join(layout, "blobs", "sha256");
  for await (const { name } of Deno.readDir(folder)) {
    found.set(name, (await Deno.stat(join(folder, name))).size);
  }
  return found;
}

/** The row of the report. */
export function deltaRow({ result, problem }: Attempt<DeltaBytes>): Row {
  const work = `bundle since a receipt, 1 of ${IMAGES} images changed: bytes`;
  const row = { work, unit: "of the new blobs", bounds: BOUNDS } as const;
  if (result === undefined) return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  const size = (bytes: number): string => `${significant(bytes / 1e6)} MB`;
  return {
    ...row,
    kodeno: size(result.sent),
    other: `the new blobs ${size(result.changed)}`,
    value: result.sent / result.changed,
  };
}
