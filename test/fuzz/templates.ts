/**
 * Templates of ko's and Skaffold's files: any text comes to an output, or to an error that says what
 * is wrong, and to the same each time. What the output has to be is asked of Go by
 * test/differential/templates_test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { skaffoldFunctions } from "../../src/template/skaffold_functions.ts";
import { compileTemplate } from "../../src/template/template.ts";
import type { Dice } from "../support/dice.ts";
import { randomTemplates } from "../support/random_templates.ts";
import { mutateText } from "./mutate_tree.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf, type Tried } from "./target.ts";

const DATA = {
  Env: { FOO: "foo", EMPTY: "" },
  Git: { Tag: "v1.2.3", IsClean: true },
  n: 42,
  zero: 0,
  float: 2.5,
  list: ["a", "b"],
  mixed: [1, "two", null],
  none: [],
  map: { a: 1 },
  nil: null,
  nested: { deep: { deeper: "x" } },
};
const ACTIONS = [
  "{{.Env.FOO}}",
  '{{env "FOO" | upper | trunc 2}}',
  "{{range $i, $x := .list}}{{if $i}},{{else}}{{end}}{{$x}}{{end}}",
  "{{with .nested.deep}}{{.deeper | printf `%s-%5d` .}}{{end}}",
  '{{define "t"}}{{template "t" .}}{{end}}{{template "t" .}}',
  '{{repeat 999999999 "x"}}',
  '{{printf "%999999999d" 1}}',
  '{{date "2006-01-02" 0}}',
  '{{regexReplaceAll "(a+)+$" .Env.FOO "$1"}}',
  "{{range until 1000000000}}x{{end}}",
  "{{index .list 99}}{{slice .Env.FOO 1 2}}",
  "{{.Missing.deeper}}",
  `${"{{if 1}}".repeat(2000)}x`,
  `{{${"(".repeat(3000)}1${")".repeat(3000)}}}`,
];
const FUNCTIONS = skaffoldFunctions({ environment: { FOO: "foo" }, now: () => new Date(0) });
/** Functions whose outputs chance decides. */
const BY_CHANCE = /rand|uuid|gen|now|date|ago/i;

/** What is fuzzed. */
export const TEMPLATES: FuzzTarget = {
  name: "templates",
  open(): FuzzBench {
    let text = "";
    return {
      names: new Set([".ko.yaml"]),
      make: (dice: Dice) => {
        const [made = ""] = randomTemplates(dice.below(1 << 30), 1);
        text = dice.chance(0.5) ? made : dice.pick(ACTIONS);
        for (let times = dice.below(4); times > 0; times--) {
          text = dice.chance(0.3) ? text + dice.pick(ACTIONS) : mutateText(text, dice);
        }
      },
      check: async () => outcomeOf(await check(text)),
      commands: () => [],
    };
  },
};

async function check(text: string): Promise<Tried<string>> {
  let last: Tried<string> | undefined;
  for (const functions of [undefined, FUNCTIONS]) {
    const run = () =>
      attempt(() => compileTemplate(text, "a test", functions ? { functions } : {}).run(DATA));
    last = await run();
    if (BY_CHANCE.test(text)) continue;
    const again = await run();
    assert.deepEqual([again.value, again.error?.message], [last.value, last.error?.message]);
  }
  return last ?? await attempt(() => "");
}
