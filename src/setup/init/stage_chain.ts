/**
 * Stages that are made from stages. Pure.
 * @module
 */
import type { Instruction, Stage } from "./dockerfile.ts";
import { splitWords } from "./shell_words.ts";
import type { Variables } from "./stage_variables.ts";

/** A stage with those it is made from, as one. */
export interface Chain {
  /** The image that the first of them is made from. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The chain that ends in a stage. */
export function chainOf(stages: readonly Stage[], stage: Stage, variables: Variables): Chain {
  const from = splitWords(stage.from.text, variables.global, stage.from.line)[0] ?? "";
  const below = stageOf(stages, from, stages.indexOf(stage));
  if (below === undefined) return { base: from, instructions: stage.instructions };
  const { base, instructions } = chainOf(stages, below, variables);
  return { base, instructions: [...instructions, ...stage.instructions] };
}

/** The stage of a name or number, among those before another. */
export function stageOf(stages: readonly Stage[], name: string, before: number): Stage | undefined {
  const earlier = stages.slice(0, before);
  if (/^\d+$/.test(name)) return earlier[Number(name)];
  return earlier.findLast((stage) => stage.name !== "" && stage.name === name.toLowerCase());
}
