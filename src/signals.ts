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
 * Does such work, which leaves nothing half-made behind it wherever it is ended.
 *
 * @throws what was heard before it began
 */
export function uninterruptible<T>(work: () => T): T {
  const resting = [...listening];
  for (const one of resting) one.check();
  for (const one of resting) one.rest();
  try {
    return work();
  } finally {
    for (const one of resting) if (listening.has(one)) one.listen();
  }
}
