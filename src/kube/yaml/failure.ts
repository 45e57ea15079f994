/**
 * What is wrong with a YAML text, and where.
 * @module
 */

/** A text that is not YAML. */
export class YamlError extends Error {
  override readonly name = "YamlError";

  /**
   * @param problem what is wrong, without a full stop
   * @param line from 1
   * @param column from 1
   */
  constructor(readonly problem: string, readonly line: number, readonly column: number) {
    super(`line ${line}, column ${column}: ${problem}`);
  }
}

/** An error at a place. */
export function yamlError(
  problem: string,
  { line, column }: { readonly line: number; readonly column: number },
): YamlError {
  return new YamlError(problem, line, column);
}
