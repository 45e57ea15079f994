/**
 * The version of kodeno, as the project file has it.
 * @module
 */
import project from "../../deno.json" with { type: "json" };

/** The version of kodeno, such as `0.1.0`. */
export const VERSION: string = project.version;
