/**
 * `kodeno.lock` as an input.
 * @module
 */
import assert from "node:assert/strict";
import { differencesOf, lockText, readLock } from "../../src/airgap/lock.ts";
import type { Dice } from "../support/dice.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";
import { mutateYaml } from "./yaml_text.ts";

const DIGEST = `sha256:${"0a".repeat(32)}`;
const SUM = `h1:${"A".repeat(43)}=`;

const TEXT = `# What images are built from.
version: 1
images:
  example.com/app:
    kodeno: 0.1.0
    base: { name: "registry.test/base:v1", digest: ${DIGEST} }
    platforms:
      linux/amd64: { base: ${DIGEST}, settings: { CGO_ENABLED: "0", GOAMD64: v1 } }
      linux/arm64: {}
    go: { version: go1.26.8, toolchain: { linux/amd64: ${SUM} } }
    build:
      flags: &flags [-tags=x]
      ldflags: *flags
      trimpath: true
      env: [A=b]
    modules:
      example.com/z: v1.0.0 ${SUM}
      example.com/b: v1.0.0 => ../b
  app:
    package: example.com/app
    kodeno: 0.1.0
    base: { name: scratch }
    platforms: { linux/386: {} }
    go: { version: go1.26.8 }
    build: { trimpath: false, disableOptimizations: true }
`;

const WORDS = [
  "1",
  "2",
  "true",
  DIGEST,
  SUM,
  "images",
  "toString",
  "v1.0.0",
  "static",
  "h1:",
  "=>",
];

/** The file that is fuzzed. */
export const LOCK_FILE: FuzzTarget = {
  name: "kodeno.lock",
  open(folder: string): FuzzBench {
    const path = `${folder}/in/kodeno.lock`;
    return {
      names: new Set(["kodeno.lock"]),
      make: (dice: Dice) => Deno.writeFileSync(path, mutateYaml(TEXT, dice, WORDS)),
      check: async () => {
        const read = await attempt(() => readLock(path, "kodeno.lock"));
        if (read.value === undefined) return outcomeOf(read);
        // What was read says the same when it is written.
        const text = lockText(read.value);
        Deno.writeTextFileSync(path, text);
        const again = await readLock(path, "kodeno.lock");
        assert.deepEqual(differencesOf(again, read.value.images), []);
        assert.deepEqual(differencesOf(read.value, again.images), []);
        assert.equal(lockText(again), text);
        return "ok";
      },
      commands: () => [["lock", "--check", "--offline"]],
    };
  },
};
