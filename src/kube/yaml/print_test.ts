import assert from "node:assert/strict";
import { BETTER, CHANGED, KEPT } from "../../../test/support/yaml_cases.ts";
import { parseDocuments } from "./parse.ts";
import { printDocuments } from "./print.ts";

const printed = (text: string): string => printDocuments(parseDocuments(text));

Deno.test("yaml: comments, order, styles, anchors and tags stay", () => {
  for (const text of KEPT) assert.equal(printed(text), text);
});

Deno.test("yaml: what ko prints in another way is printed in that way", () => {
  for (const [text, expected] of CHANGED) {
    assert.equal(printed(text), expected, JSON.stringify(text));
    assert.equal(printed(expected), expected, `again: ${JSON.stringify(text)}`);
  }
});

Deno.test("yaml: comments and nulls that ko loses are kept", () => {
  for (const [text, expected, ko] of BETTER) {
    assert.notEqual(expected, ko);
    assert.equal(printed(text), expected, JSON.stringify(text));
  }
});
