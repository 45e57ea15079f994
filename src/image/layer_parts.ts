/**
 * Which layers of an image ko or kodeno has made, as its history says.
 * @module
 */
import type { ImageConfig } from "../oci/manifest.ts";

/** What a layer is. */
export type LayerPart = "base" | "kodata" | "binary" | "debugger";

/** How ko and kodeno tell of the first of their layers. */
const KODATA = /^kodata contents/;
const COMMAND = /^(?:ko|kodeno) build (?:ko:\/\/)?(.*)$/;

/**
 * What a layer is of an image of ko or kodeno; layers are counted from the last one, -1: a base may not
 * tell of its own, and may be such an image itself.
 */
export function layerPart(config: ImageConfig, fromEnd: number): LayerPart | undefined {
  const own = ownSteps(config);
  const step = own.at(fromEnd);
  if (own.length === 0) return undefined;
  if (step === undefined) return "base";
  if (step === own[0]) return "kodata";
  const { comment = "" } = step;
  if (/^Delve debugger/.test(comment)) return "debugger";
  return /^go build output/.test(comment) ? "binary" : undefined;
}

/** Import path of the main package that an image of ko or kodeno is made of. */
export function builtPackage(config: ImageConfig): string | undefined {
  return COMMAND.exec(ownSteps(config)[0]?.created_by ?? "")?.[1];
}

/** The steps of the history that ko or kodeno has added; none where it is another's image. */
export function ownSteps({ history = [] }: ImageConfig) {
  const steps = history.filter((step) => !step.empty_layer);
  const own = steps.slice(steps.findLastIndex(({ comment }) => KODATA.test(comment ?? "")));
  const [{ comment = "", created_by: command = "" } = {}] = own;
  const isOwn = KODATA.test(comment) && COMMAND.test(command) &&
    own.every((step) => step.created_by === command);
  return isOwn ? own : [];
}
