/**
 * What a daemon answers: documents of JSON, and its reasons when it does not do something.
 * @module
 */
import { z } from "zod";
import { KodenoError } from "../../errors.ts";

/** Who answered, and what it was asked to do, for messages. */
export interface Asked {
  /** The daemon, as its user names it. */
  readonly where: string;
  /** As "load app", to follow "cannot". */
  readonly doing: string;
}

/** The error for what a daemon did not do. */
export function daemonFailure({ where, doing }: Asked, why: string, cause?: unknown): KodenoError {
  const message = `The Docker daemon at ${where} cannot ${doing}: ${why}`;
  return new KodenoError("IO_FAILED", message, { daemon: where }, { cause });
}

/** The error for an answer of another status than it should have. */
export function daemonRefusal(asked: Asked, status: number, text: string): KodenoError {
  let why = text.slice(0, 500).trim();
  try {
    why = z.looseObject({ message: z.string() }).parse(JSON.parse(text)).message;
  } catch {
    // A proxy in front of it speaks no JSON.
  }
  return daemonFailure(asked, `it answered ${status}${why ? ` (${why})` : ""}`);
}

/**
 * Reads a document of a daemon.
 *
 * @throws {KodenoError} `IO_FAILED` for anything else
 */
export function parseAnswer<T>(asked: Asked, schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw daemonFailure(asked, "its answer is not what a Docker daemon says", error);
  }
}
