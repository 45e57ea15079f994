/**
 * A plan that `kodeno plan --json` has printed, read again.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { readNamedText } from "../io/files.ts";
import { z } from "../npm/zod.ts";

const MAX_BYTES = 64 * 1024 * 1024;

const PLAN = z.object({
  type: z.literal("plan"),
  images: z.array(z.object({
    image: z.string(),
    name: z.string(),
    references: z.array(z.string()),
    platforms: z.array(z.string()),
  })),
});

/** An image of a plan. */
export type ImageInFile = z.infer<typeof PLAN>["images"][number];

/**
 * The images of a plan.
 *
 * @param what the option that names the file
 * @throws {KodenoError} `BAD_OPTION` for what is no plan
 */
export function readPlan(what: string, path: string): readonly ImageInFile[] {
  return planIn(what, path, readNamedText(what, path, MAX_BYTES));
}

/** {@link readPlan} of a text at hand: one value, or a line among those that `--json` prints. */
export function planIn(what: string, path: string, text: string): readonly ImageInFile[] {
  for (const part of [text, ...text.split("\n")]) {
    const found = PLAN.safeParse(valueOf(part));
    if (found.success) return found.data.images;
  }
  const why = 'it is no plan; write one with "kodeno plan --json"';
  throw new KodenoError("BAD_OPTION", `Cannot use ${what} ${path}: ${why}`);
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
