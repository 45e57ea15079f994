/**
 * TypeScript sources without what is not code: enough to see what a file imports and which globals
 * it names, without a compiler.
 * @module
 */

/** A source, taken apart. */
export interface Scanned {
  /** Comments, regular expressions and the texts of templates are gone; `"3"` is `strings[3]`. */
  readonly code: string;
  /** Contents of the string literals, and of templates that hold no expression. */
  readonly strings: readonly string[];
}

/** Where a slash starts a regular expression: after an operator or a keyword, or at the start. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|await|yield|throw))$/;
const QUOTED = /(["'])((?:\\[^]|(?!\1)[^\\\n])*)\1/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:\\[^]|\$(?!\{)|[^\\`$])*/y;

/** Takes a source apart. */
export function scan(source: string): Scanned {
  const strings: string[] = [];
  let code = "";
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  const literal = (text: string): void => void (code += `"${strings.push(text) - 1}"`);

  /** From behind the opening backtick to behind the closing one. */
  const template = (): void => {
    const [text = ""] = take(TEMPLATE_TEXT) ?? [];
    if (source[at] === "`") literal(text);
    while (at < source.length && source[at] !== "`") {
      at += 2;
      code += "(";
      plain(true);
      code += ")";
      take(TEMPLATE_TEXT);
    }
    at++;
  };

  /** Code up to the end, or to the brace that closes an expression in a template. */
  const plain = (inTemplate: boolean): void => {
    for (let depth = 0; at < source.length;) {
      const next = source[at] ?? "";
      if (take(COMMENT) !== null) code += " ";
      else if (
        next === "/" && BEFORE_REGEX.test(code.trimEnd().slice(-12)) && take(REGEX) !== null
      ) {
        code += "0";
      } else if (next === '"' || next === "'") {
        const found = take(QUOTED);
        if (found === null) throw new Error(`a string without end: ${source.slice(at, at + 40)}`);
        literal(found[2] ?? "");
      } else {
        at++;
        if (next === "`") template();
        else if (inTemplate && next === "}" && depth === 0) return;
        else {
          code += next;
          depth += next === "{" ? 1 : next === "}" ? -1 : 0;
        }
      }
    }
  };

  plain(false);
  return { code, strings };
}
