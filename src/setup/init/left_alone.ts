/**
 * Why a Dockerfile is not translated.
 * @module
 */

/** A Dockerfile does what kodeno's configuration cannot say; the message is the reason. */
export class LeftAlone extends Error {
  /** @param line of the Dockerfile, from 1; 0 where no line is to blame */
  constructor(message: string, readonly line: number = 0) {
    super(message);
  }
}
