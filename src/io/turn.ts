/**
 * Files are read and written without the runtime's threads: to hand a chunk from one processor to the
 * next and back takes longer than to copy it. In between, other things have to have their turn.
 * @module
 */
import { setImmediate } from "node:timers";

/** How long files may be read and written without a look at what else has happened. */
const TURN_MS = 8;

let turned = 0;

/** Lets signals, timers and connections have their turn, when it is time for that. */
export async function turn(): Promise<void> {
  if (performance.now() - turned < TURN_MS) return;
  await new Promise((resolve) => setImmediate(resolve));
  turned = performance.now();
}
