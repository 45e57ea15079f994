/**
 * Values as JSON, as Go's encoding/json writes them.
 * @module
 */
import { formatFloat } from "./float.ts";
import { GoInt, GoList, GoMap, type Value } from "./value.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function encodeText(text: string): string {
  // deno-lint-ignore no-control-regex
  const escaped = text.replace(/["\\\0-\x1f<>&\u2028\u2029]/g, (char) => {
    return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new Error("JSON has no such number");
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-6 && size < 1e21)) return formatFloat(value, "f", -1);
  return formatFloat(value, "e", -1).replace(/e-0(\d)$/, "e-$1");
}

/**
 * Writes a value.
 *
 * @param indent what each level is moved in by; nothing for one line
 */
export function encodeJson(value: Value, indent = "", before = "\n"): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return encodeText(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return encodeNumber(value);
  if (value instanceof GoInt) return String(value.value);
  const inside = before + indent;
  const many = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0) return open + close;
    if (indent === "") return open + items.join(",") + close;
    return open + inside + items.join(`,${inside}`) + before + close;
  };
  if (value instanceof GoList) {
    return many("[", value.items.map((item) => encodeJson(item, indent, inside)), "]");
  }
  if (value instanceof GoMap) {
    const colon = indent === "" ? ":" : ": ";
    const items = value.keys().map((key) =>
      encodeText(key) + colon + encodeJson(value.entries.get(key), indent, inside)
    );
    return many("{", items, "}");
  }
  return encodeText(value.format("2006-01-02T15:04:05.999999999Z07:00"));
}
