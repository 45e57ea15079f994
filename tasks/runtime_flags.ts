/**
 * How the runtime is told to run kodeno, in the binary and in the npm package.
 * @module
 */

/** Flags that `deno compile` and `deno run` take alike. */
export const RUNTIME_FLAGS: readonly string[] = [
  // What is run has been checked, and nothing beside it has a say.
  "--no-check",
  "--no-config",
  // All permissions from the start, and never a question: nobody may be there to answer.
  "-A",
  "--no-prompt",
  // Objects of a build live long or end at once. With less room for new ones than V8 takes by itself, 240
  // images that have not changed need 120 MB, not 160, and no more of the processor.
  "--v8-flags=--max-semi-space-size=2",
];
