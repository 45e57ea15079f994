/**
 * Work that nothing can come in between of, such as reading a large file: while it goes on, a signal
 * ends the process as it ends any other, since nobody would hear of it till the work is done.
 * @module
 */

/** Something that hears of signals, and can stop doing so for a while. */
interface Listening {
  listen(): void;
  rest(): void;
  /** Throws where it has heard of one that the work has not yet come to see. */
  check(): void;
}

const listening = new Set<Listening>();
/** Whether they rest now, since such work goes on. */
let isResting = false;

/** Begins to listen; until it goes out of scope. */
export function listenNow(one: Listening): Disposable {
  one.listen();
  listening.add(one);
  return {
    [Symbol.dispose]: () => {
      listening.delete(one);
      one.rest();
    },
  };
}

/**
 * Does such work, which leaves nothing half-made behind it wherever it is ended. Work within it is
 * part of it: nobody listens before all is done.
 *
 * @throws what was heard before it began
 */
export function uninterruptible<T>(work: () => T): T {
  if (isResting) return work();
  const resting = [...listening];
  for (const one of resting) one.check();
  for (const one of resting) one.rest();
  isResting = true;
  try {
    return work();
  } finally {
    isResting = false;
    for (const one of resting) if (listening.has(one)) one.listen();
  }
}
