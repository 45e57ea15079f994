/**
 * Tells how far a blob is while it is moved.
 * @module
 */
import type { Emit } from "../events.ts";
import { observed } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { OpenBlob } from "./places.ts";

/** Milliseconds between two events of one blob. */
const EVERY_MS = 250;

/** Who is told of a transfer, and for which image. */
export interface Meter {
  /** Takes the events; nothing is counted without it. */
  readonly emit?: Emit | undefined;
  /** Name of the image, for its events; "" unless given. */
  readonly image?: string | undefined;
}

/** One blob on its way. */
export interface Transfer {
  /** Opens the blob for the place it goes to; its bytes are counted as they are read. */
  readonly open: OpenBlob;
  /** Tells the end of it, and whether its bytes were asked for at all. */
  done(): boolean;
}

/** Tells that a blob need not be moved. */
export function tellThere({ digest, size }: Descriptor, { emit, image = "" }: Meter): void {
  emit?.({ type: "transfer", image, digest, bytes: 0, total: size, state: "there" });
}

/** Says that of what nobody here can read only the blob itself is moved. */
export function tellUnknown({ mediaType, digest }: Descriptor, { emit }: Meter): void {
  emit?.({
    type: "note",
    level: "warning",
    message: `Took ${digest} as a blob alone: its media type ${JSON.stringify(mediaType)} is ` +
      "neither an image's nor an index's, so nobody can tell what else belongs to it",
  });
}

/** Begins the transfer of a blob. */
export function beginTransfer(d: Descriptor, open: OpenBlob, meter: Meter): Transfer {
  const counter = meter.emit && new Counter(d.digest, d.size, meter);
  let opened = false;
  return {
    open: async () => {
      opened = true;
      const stream = await open();
      return counter === undefined ? stream : counting(stream, counter);
    },
    done: () => {
      // A registry that mounts it, or a place that just got it from somebody else, asks for nothing.
      if (opened) counter?.done();
      else tellThere(d, meter);
      return opened;
    },
  };
}

/** Counts bytes, and tells of them now and then. */
export class Counter {
  #bytes = 0;
  #told = 0;

  /**
   * @param digest of what is moved
   * @param total its bytes
   */
  constructor(readonly digest: string, readonly total: number, readonly meter: Meter) {}

  /** Begins to count, at none. */
  begin(): void {
    this.#bytes = 0;
    this.#tell("moving");
    // The first bytes are worth an event: then it is known to move.
    this.#told = -EVERY_MS;
  }

  /** Takes more bytes. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (performance.now() - this.#told >= EVERY_MS) this.#tell("moving");
  }

  /** Tells the end. */
  done(): void {
    this.#tell("done");
  }

  #tell(state: "moving" | "done"): void {
    this.#told = performance.now();
    const { digest, total, meter: { emit, image = "" } } = this;
    const bytes = Math.min(this.#bytes, total);
    emit?.({ type: "transfer", image, digest, bytes, total, state });
  }
}

/** A stream whose bytes are counted as they are taken; nothing is read ahead. */
function counting(
  stream: ReadableStream<Uint8Array>,
  counter: Counter,
): ReadableStream<Uint8Array> {
  counter.begin();
  return observed(stream, (chunk) => counter.add(chunk.length));
}
