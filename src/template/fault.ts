/**
 * What goes wrong in a template before it is known whose template it is.
 * @module
 */

/** A fault with its place in the text of the template. */
export class TemplateFault extends Error {
  /**
   * @param message why, without saying what could not be done
   * @param at where in the text, in UTF-16 units; undefined where the fault is in no one place
   */
  constructor(message: string, readonly at?: number) {
    super(message);
  }
}

/** A text in quotes for a message, cut when it is long. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
