/**
 * Words of a command line as people write them, and as the parser gets them.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { asksForJson, spelledOut } from "./arguments.ts";
import { allCommands } from "./program.ts";

const PROGRAM = await allCommands();

function parsed(line: string): string {
  const words = line.split(" ");
  return spelledOut(PROGRAM, words).join(" ");
}

const SAME: Readonly<Record<string, string>> = {
  "build ./cmd/app": "build ./cmd/app",
  "-v build .": "build -v .",
  "--verbose -v cache info --json": "cache info -v --json",
  "cache -v info": "cache info -v",
  "cache -v nope": "cache nope",
  "-v cache": "cache",
  "build -t v1 -t=v2 --tag v3 --tag=v4": "build --tags v1 --tags=v2 --tags v3 --tags=v4",
  "push out --tags v1 --tags=v2": "push out --tag v1 --tag=v2",
  "build --push=true --push=false": "build --push --no-push",
  "build --push=1 --push=F --no-push=false": "build --push --no-push --push",
  "build --no-cache=true --no-cache=0": "build --no-cache --cache",
  "build -B=T -L=False": "build --base-import-paths --no-local",
  "publish --tag=v1": "publish --tags=v1",
  // Values are no flags, whatever they look like.
  "build --entrypoint-arg --push=false": "build --entrypoint-arg --push=false",
  "build --entrypoint-arg=--push=false": "build --entrypoint-arg=--push=false",
  "build --ldflags -platform": "build --ldflags -platform",
  "build --entrypoint-arg": "build --entrypoint-arg",
  "run . -- --push=false -v=1 -platform": "run . -- --push=false -v=1 -platform",
  // What a command does not know is left to whoever tells so.
  "build --publish=x -Lt v1 -tv1": "build --publish=x -Lt v1 -tv1",
  "delete -v=3 --wait=false --tag=x": "delete -v=3 --wait=false --tag=x",
  "biuld --push=true": "biuld --push=true",
};

for (const [line, expected] of Object.entries(SAME)) {
  Deno.test(`arguments: ${line}`, () => assert.equal(parsed(line), expected));
}

const WRONG: Readonly<Record<string, RegExp>> = {
  "build --push=maybe": /^Cannot use --push "maybe": it is a switch; say true or false$/,
  "build --push=": /^Cannot use --push "": it is a switch/,
  "build --no-push=no": /^Cannot use --no-push "no": it is a switch/,
  "build -L=2": /^Cannot use -L "2": it is a switch/,
  "ls out --json=yes": /^Cannot use --json "yes": it is a switch/,
  "build -platform linux/arm64": /^Cannot use flag "-platform": it needs two dashes: --platform$/,
  "cache info -json": /two dashes: --json$/,
};

for (const [line, message] of Object.entries(WRONG)) {
  Deno.test(`arguments: ${line} is wrong`, async () => {
    await failsWith("BAD_OPTION", () => parsed(line), message);
  });
}

Deno.test("arguments: a line asks for JSON, or does not", () => {
  const asks = (line: string) => asksForJson(line.split(" "));
  const yes = ["ls out --json", "-v ls --json out", "--json ls", "ls --json=true", "ls --json=x"];
  for (const line of [...yes, "ls --nope --json", "ls --no-json --json"]) {
    assert.ok(asks(line), line);
  }
  const no = ["ls out", "ls --json=false", "ls --json --no-json", "ls --jsonx", "delete --json"];
  for (
    const line of [...no, "run . -- --json", "build --entrypoint-arg --json", "__complete --json"]
  ) {
    assert.ok(!asks(line), line);
  }
});
