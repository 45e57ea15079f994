/**
 * Entry of the binary: argv to `src/cli`, and the exit code.
 * @module
 */
import { main } from "./src/cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
