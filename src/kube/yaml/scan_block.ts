/**
 * Reads block scalars, `|` and `>`.
 * @module
 */
import { type Cursor, isBlank, isBreak, isEnd } from "./cursor.ts";
import { yamlError } from "./failure.ts";

/** What the head of a block scalar says. */
interface Header {
  /** `-` drops the last line breaks, `+` keeps all of them, "" keeps one. */
  readonly chomping: string;
  /** Spaces more than the parent's, 0 where the first line tells. */
  readonly increment: number;
}

/** Reads `|`, `>-`, `|2+` and the like. */
function readHeader(cursor: Cursor): Header {
  cursor.skip();
  let chomping = "";
  let increment = 0;
  for (let i = 0; i < 2; i++) {
    const c = cursor.at();
    if (chomping === "" && (c === "+" || c === "-")) {
      chomping = c;
    } else if (increment === 0 && /^\d$/.test(c)) {
      if (c === "0") throw yamlError("a block scalar cannot be indented by 0", cursor);
      increment = Number(c);
    } else {
      break;
    }
    cursor.skip();
  }
  return { chomping, increment };
}

/** Passes indentation and empty lines; gives the breaks, and how far the widest line of them went. */
function readGap(cursor: Cursor, indent: number): { breaks: string; widest: number } {
  const breaks: string[] = [];
  let widest = 0;
  for (;;) {
    while ((indent === 0 || cursor.column < indent) && cursor.at() === " ") cursor.skip();
    widest = Math.max(widest, cursor.column);
    if ((indent === 0 || cursor.column < indent) && cursor.at() === "\t") {
      throw yamlError("a tab stands where spaces have to indent a block scalar", cursor);
    }
    if (!isBreak(cursor.at())) return { breaks: breaks.join(""), widest };
    breaks.push(cursor.readBreak());
  }
}

/**
 * Reads a block scalar from its indicator on.
 *
 * @param parentIndent column of the collection it is in, negative for none
 * @param onComment called where a comment may stand after the indicator
 * @returns its value
 */
export function scanBlock(cursor: Cursor, parentIndent: number, onComment: () => void): string {
  const literal = cursor.at() === "|";
  const { chomping, increment } = readHeader(cursor);
  cursor.skipBlanks();
  if (cursor.at() === "#") {
    onComment();
    cursor.skipRest();
  }
  if (!isEnd(cursor.at())) {
    throw yamlError("only a comment may follow the indicator of a block scalar", cursor);
  }
  cursor.readBreak();
  let indent = 0;
  if (increment > 0) indent = parentIndent >= 0 ? parentIndent + increment : increment + 1;
  let gap = readGap(cursor, indent);
  if (indent === 0) indent = Math.max(gap.widest, parentIndent + 1, 1);

  const parts: string[] = [];
  let lastBreak = "";
  let wasBlank = false;
  // A text that is the whole document need not be indented; for ko it takes in what follows.
  while (cursor.column === indent && cursor.at() !== "" && !cursor.atDocumentIndicator()) {
    const blank = isBlank(cursor.at());
    const folds = !literal && !wasBlank && !blank && lastBreak === "\n";
    if (!folds) parts.push(lastBreak);
    else if (gap.breaks === "") parts.push(" ");
    parts.push(gap.breaks);
    wasBlank = blank;
    let end = cursor.index;
    while (!isEnd(cursor.text.charAt(end))) end++;
    parts.push(cursor.readTo(end));
    lastBreak = cursor.readBreak();
    gap = readGap(cursor, indent);
  }
  if (chomping !== "-") parts.push(lastBreak);
  if (chomping === "+") parts.push(gap.breaks);
  return parts.join("");
}
