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
export interface TransferMeter {
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
export function tellThere({ digest, size }: Descriptor, { emit, image = "" }: TransferMeter): void {
  emit?.({ type: "transfer", image, digest, bytes: 0, total: size, state: "there" });
}

/** Says that of what nobody here can read only the blob itself is moved. */
export function tellUnknown({ mediaType, digest }: Descriptor, { emit }: TransferMeter): void {
  emit?.({
    type: "note",
    level: "warning",
    message: `Took ${digest} as a blob alone: its media type ${JSON.stringify(mediaType)} is ` +
      "neither an image's nor an index's, so nobody can tell what else belongs to it",
  });
}

/** Begins the transfer of a blob: bytes are counted as they are taken, and told now and then. */
export function beginTransfer(d: Descriptor, open: OpenBlob, meter: TransferMeter): Transfer {
  const { emit, image = "" } = meter;
  const { digest, size: total } = d;
  let opened = false;
  let counted = 0;
  let toldAt = 0;
  const tell = (state: "moving" | "done"): void => {
    toldAt = performance.now();
    emit?.({ type: "transfer", image, digest, bytes: Math.min(counted, total), total, state });
  };
  return {
    open: async () => {
      opened = true;
      const stream = await open();
      if (emit === undefined) return stream;
      counted = 0;
      tell("moving");
      // The first bytes are worth an event: then it is known to move.
      toldAt = -EVERY_MS;
      return observed(stream, (chunk) => {
        counted += chunk.length;
        if (performance.now() - toldAt >= EVERY_MS) tell("moving");
      });
    },
    done: () => {
      // A registry that mounts it, or a place that just got it from somebody else, asks for nothing.
      if (opened) tell("done");
      else tellThere(d, meter);
      return opened;
    },
  };
}
