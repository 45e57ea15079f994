/**
 * One flag, several values: with commas, with blanks, or said again.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { each, splitFlags, splitWords, texts } from "./flag.ts";

const X = "--flag <x>  x";
type Cases = Readonly<Record<string, readonly string[]>>;

const TABLE: readonly (readonly [name: string, ReturnType<typeof texts>, Cases])[] = [
  ["each", each(X), { "a,b c": ["a,b c"], "": [""] }],
  ["texts", texts(X), {
    "": [],
    "a": ["a"],
    "a,b": ["a", "b"],
    ",a,,b,": ["a", "b"],
    "k=v,l=w x": ["k=v", "l=w x"],
    '"k=a,b",l=c': ["k=a,b", "l=c"],
    'l=c,"k=a,b"': ["l=c", "k=a,b"],
    '"k=a ""b"", c"': ['k=a "b", c'],
    '""': [],
    // A quote that stands inside is a character like any other.
    'k=5",l=6': ['k=5"', "l=6"],
    "caf\u00e9,\u65e5": ["caf\u00e9", "\u65e5"],
    '{"k":"v"}': ['{"k":"v"}'],
  }],
  ["splitFlags", texts(X, splitFlags), {
    "-s -w": ["-s -w"],
    "-s,-w": ["-s", "-w"],
    "-X main.v=a,b": ["-X main.v=a,b"],
    "-X main.v=a,b,-s": ["-X main.v=a,b", "-s"],
  }],
  ["splitWords", texts(X, splitWords), {
    "": [],
    "  ": [],
    "-v": ["-v"],
    "-v  -tags=a\t-p 4": ["-v", "-tags=a", "-p", "4"],
    "'-tags=a b' -v": ["-tags=a b", "-v"],
    "\"-ldflags=-X 'a b'\" -v": ["-ldflags=-X 'a b'", "-v"],
    "''": [""],
    // As in GOFLAGS, only a quote around a whole word holds it together.
    "-tags='a": ["-tags='a"],
  }],
];

for (const [name, flag, cases] of TABLE) {
  Deno.test(`lists: ${name}`, () => {
    for (const [value, expected] of Object.entries(cases)) {
      assert.deepEqual(flag.add?.(value), expected, value);
      assert.deepEqual(flag.add?.(value, ["before"]), ["before", ...expected], value);
    }
  });
}

Deno.test("lists: words with a quote that does not end are refused", async () => {
  for (const value of ["'a b", '-v "a', "'a'b", "'"]) {
    await failsWith("BAD_OPTION", () => splitWords(value), /a quote has no other half/);
  }
});
