/**
 * References, names of places, platforms and selectors as inputs.
 * @module
 */
import assert from "node:assert/strict";
import { parsePlace } from "../../src/place/open.ts";
import { parseSelector } from "../../src/kube/selector.ts";
import { formatPlatformSpec, parsePlatformSpec } from "../../src/oci/platform.ts";
import { parseImageName, parseReference, parseRepository } from "../../src/oci/reference.ts";
import { parseEndpoint } from "../../src/place/registry/endpoint.ts";
import type { Dice } from "../support/dice.ts";
import { mutateText, TEXTS } from "./mutate_tree.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const GOOD: readonly string[] = [
  "app",
  "app:v1",
  "v1",
  "a/b/c:latest",
  "127.0.0.1:1/a__b/c-d.e:V_1.2-3",
  "localhost/x",
  "[::1]:1/x:y",
  `app@${DIGEST}`,
  `reg.local:1/a:b@${DIGEST}`,
  "docker.io/library/app",
  "oci:dir",
  "oci:dir:app:v1",
  `oci:dir@${DIGEST}`,
  "archive:a.tar:v1",
  "archive:-",
  "daemon:app:v1",
  "linux/arm/v7",
  "windows/amd64:10.0.17763.1",
  "all",
  "app=web,tier in (a,b),!canary,weight>3",
  "a/b!=c",
  ",".repeat(30_000),
  "a-".repeat(30_000),
  "/a".repeat(30_000),
];

/** What is fuzzed. */
export const REFERENCES: FuzzTarget = {
  name: "references",
  open(): FuzzBench {
    let text = "";
    return {
      names: new Set(["copied"]),
      make: (dice: Dice) => {
        text = dice.chance(0.1) ? dice.pick(TEXTS) : dice.pick(GOOD);
        for (let times = dice.below(4); times > 0; times--) {
          text = dice.chance(0.3) ? text + dice.pick(GOOD).slice(0, 99) : mutateText(text, dice);
        }
      },
      check: () => check(text),
      // A NUL ends an argument, and a lone surrogate is none.
      commands: () => {
        const argument = text.replaceAll("\0", "").toWellFormed().slice(0, 100_000);
        return [
          ["copy", argument, "oci:copied"],
          ["ls", argument],
          ["copy", "oci:missing", "--platform", argument, "oci:copied"],
        ].filter((args) =>
          args.every((one) => !/^-|:\/|^(?!oci|archive)/.test(one) || one !== argument)
        );
      },
    };
  },
};

async function check(text: string): Promise<string> {
  const read = await attempt(() => parseReference(text));
  if (read.value !== undefined) {
    const { name, tag, digest } = read.value;
    const again = `${name}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
    assert.equal(again, text, "a reference reads as something else");
    assert.doesNotMatch(name, /\.\.|^\/|\/\/|[^\x21-\x7e]/);
    new URL(`http://${parseEndpoint(name).host}/v2/`);
  }
  await attempt(() => parseRepository(text));
  await attempt(() => parseImageName(text));
  await attempt(() => parseSelector(text)(new Map([["app", "web"]])));
  const platform = await attempt(() => parsePlatformSpec(text));
  if (platform.value !== undefined) {
    assert.deepEqual(parsePlatformSpec(formatPlatformSpec(platform.value)), platform.value);
  }
  const place = await attempt(() => parsePlace(text));
  assert.ok(place.value?.kind !== "registry" || read.value !== undefined);
  return outcomeOf(place);
}
