/**
 * Command lines that are not kodeno's: flags said twice, words of other tools, and flags where they
 * do not belong. Each is answered in one line that says what to write, with how the command is written
 * below it where that was wrong, and never with a stack.
 * @module
 */
import assert from "node:assert/strict";
import { simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { imageNames } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

/** Lines, and what is said of them. */
const WRONG: Readonly<Record<string, RegExp>> = {
  "build --oci-layout a --oci-layout b": /--oci-layout again: it takes one value, and has one/,
  "build --oci-layout=a --oci-layout=a": /--oci-layout again/,
  "build --oci-layout a --oci-layout-path b": /--oci-layout-path again/,
  "build --base-image static --base-image scratch": /--base-image again/,
  "build --tarball a --tarball b": /--tarball again/,
  "build -j 1 --jobs 2": /--jobs again/,
  "build --mode dev --mode debug": /--mode again/,
  "build -f a.yaml -f b.yaml": /--filename again/,
  "serve out --listen :1 --listen :2": /--listen again/,
  "login host -p one -p two":
    /^Error: Cannot use --password again: it takes one value, and has one/,
  "build -f skaffold.yaml -t a,b": /tags a,b with -f: .*one tag; say one/,
  "build --mirror a=b --mirror a=c": /mirror "a=b": a has one mirror, and a=c is said, too/,
  "build --push=maybe": /Cannot use --push "maybe": it is a switch; say true or false/,
  "build -platform linux/arm64": /it needs two dashes: --platform/,
  "skaffold --no-push": /Cannot use --no-push with "kodeno skaffold"/,
  "build --hooks=false": /Cannot use --no-hooks without -f/,
  "build --label a=b": /unknown option '--label'; say --image-label$/,
  "build --label=a=b": /unknown option '--label'; say --image-label$/,
  "build --user 1000": /'--user'; say --image-user$/,
  "login host --user me": /'--user'; say --username$/,
  "build --port 80": /'--port'; say --expose$/,
  "serve out --port 80": /'--port'; say --listen$/,
  "build --load": /'--load'; say --local$/,
  "push out --tls-verify=false": /'--tls-verify'; say --insecure-registry$/,
  "build --repo r": /'--repo'; set KO_DOCKER_REPO$/,
  "push out --repo r": /'--repo'; say --to$/,
  "rm out --image app": /'--image'; name the image without a flag$/,
  "apply -f x --namespace=prod": /'--namespace=prod'; flags of kubectl stand behind a --$/,
  "push --oci-layout out": /'--oci-layout'; name the layout without a flag$/,
  "load -i out": /'-i'; name the layout without a flag$/,
  "build --name x": /'--name'; KO_DOCKER_REPO and the import path are the name; see --bare$/,
  "copy --src-creds=a:b x y": /'--src-creds'; log in with "kodeno login" before$/,
  "apply --platfrom=x": /Did you mean --platform\?\); flags of kubectl stand behind a --$/,
  "run . --namespace=prod": /'--namespace=prod'; flags of kubectl stand behind a --$/,
  "build --version": /'--version'; ask "kodeno version"$/,
  "images": /unknown command 'images'; say "kodeno ls", to list the images of a layout/,
  "list out": /'list'; say "kodeno ls"/,
  "check": /'check'; say "kodeno doctor"/,
  "help images": /'images'; say "kodeno ls"/,
  "rmi app": /'rmi'; say "kodeno rm"/,
  "constructor": /unknown command 'constructor'$/,
  "--json ls out": /'--json' before the command; say "kodeno ls --json"$/,
  "--hlep": /'--hlep' \(Did you mean --help\?\)$/,
  "push": /missing required argument 'layout\|archive'$/,
  "copy a": /missing required argument 'target'$/,
  "gc a b": /too many arguments/,
  "build --platform": /'--platform <list>' argument missing$/,
};

for (const [line, message] of Object.entries(WRONG)) {
  Deno.test(`usage: ${line}`, async () => {
    await using dir = await tempDir();
    for (const args of [line.split(" "), ["-v", ...line.split(" ")]]) {
      const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
      assert.equal(code, 2, stderr);
      // Whoever asks for JSON is told in JSON, too.
      assert.equal(stdout === "", !line.includes("--json"), stdout);
      const [error = "", ...more] = stderr.trimEnd().split("\n");
      assert.match(error, message);
      // How the command is written, where that is what was wrong.
      const [usage = "", ...others] = more;
      if (error.startsWith("Error: Cannot read the command line: ")) {
        assert.match(usage, /^Usage: kodeno .*\[options\]/);
      } else assert.equal(usage, "");
      assert.deepEqual(others, []);
    }
    assert.deepEqual(await dir.list(), []);
  });
}

Deno.test("usage: what is not there is told without a stack, too", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  assert.equal((await kodeno(["build"], { cwd: dir.path })).code, 0);
  for (const args of [["push", "out", "nosuch", "--to", "h.x/y"], ["inspect", "out", "nosuch"]]) {
    const { code, stderr } = await kodeno(["-v", ...args], { cwd: dir.path });
    assert.equal(code, 1);
    assert.match(stderr, /^Error: Cannot find image "nosuch" in .*\n$/);
  }
});

Deno.test("usage: a wrong line ends with how the command is written", async () => {
  const cases = {
    "copy a": "Usage: kodeno copy [options] <source> <target>",
    "key make": "Usage: kodeno key [options] [command]",
    "cache clean x": "Usage: kodeno cache clean [options]",
    "nosuch": "Usage: kodeno [options] [command]",
  };
  for (const [line, usage] of Object.entries(cases)) {
    const { code, stderr } = await kodeno(line.split(" "));
    assert.deepEqual([code, stderr.trimEnd().split("\n").at(-1)], [2, usage], line);
  }
});

Deno.test("usage: the last of --push and --no-push counts, and -v may come first", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const lines = ["--push --push=false", "--push --no-push", "--no-push", "--tag v1 --tags v2"];
  for (const line of lines) {
    const args = ["-v", "build", ...line.split(" ")];
    const { code, stderr } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^go build /m);
  }
  assert.deepEqual(await imageNames(dir.join("out")), ["app:latest", "app:v1", "app:v2"]);
  const pushed = await kodeno(["build", "--no-push", "--push"], { cwd: dir.path });
  assert.match(pushed.stderr, /^Error: Cannot push: KO_DOCKER_REPO is not set/);
  for (const args of [["-v", "version"], ["-v", "--version"], ["--version", "-v"]]) {
    const { code, stdout } = await kodeno(args);
    assert.equal(code, 0);
    assert.match(stdout, /^kodeno \d/);
  }
});
