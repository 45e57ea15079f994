/**
 * Every command of the README and of the other pages is run as it stands there, in a module like the
 * one they speak of, and so are the examples of the library. A block says above it which real parts
 * it needs.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { freePort, startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { PASSWORD, startSecuredRegistry } from "../parts/secured_registry.ts";
import { goTool, needs, searchPath } from "../parts/tools.ts";
import { kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const README = await Deno.readTextFile(join(ROOT, "README.md"));
const LIBRARY = await Deno.readTextFile(join(ROOT, "docs/library.md"));
const BLOCK = /^<!-- test((?: (?!in )\S+)*) -->\n\n```sh\n(.*?)^```$/gms;
/** What other tests run, and which. */
const ELSEWHERE = /^<!-- test in (\S+) -->\n\n```sh\n(.*?)^```$/gms;
/** What CI runs itself, by page. */
const BY_CI: Readonly<Record<string, readonly string[]>> = {
  "README.md": [
    "npx -y deno@2.9.6 run -A tasks/denort.ts /tmp/denort\n" +
    "DENORT_BIN=/tmp/denort npx -y deno@2.6.8 task compile\n",
    "npx -y deno@2.9.6 task quickstart\n",
  ],
  "CONTRIBUTING.md": ["npx -y deno@2.9.6 task ok\n"],
};

/** `command_examples_test.ts` runs those of docs/commands.md. */
const PAGES = [
  ...["README.md", "CONTRIBUTING.md"],
  ...(await filesBelow(`${ROOT}docs`)).map((name) => `docs/${name}`),
  ...(await filesBelow(`${ROOT}examples`)).map((name) => `examples/${name}`),
].filter((name) => name.endsWith(".md") && name !== "docs/commands.md");

/** A page with its commands, and the real parts that they need. */
async function readPage(name: string) {
  const text = await Deno.readTextFile(join(ROOT, name));
  const blocks = [...text.matchAll(BLOCK)].map(([, parts = "", text = ""]) => ({
    parts: parts.split(" ").filter((part) => part !== ""),
    text,
  }));
  return { name, text, blocks };
}

const pages = await Promise.all(PAGES.map(readPage));

const MAIN = `package main

import (
	"fmt"
	"os"
)

var version = "dev"

func main() { fmt.Println("app", version, len(os.Args)) }
`;

/** Says to whoever asks what it is; without the packages of Go that take long to compile. */
const SERVER = `package main

import (
	"fmt"
	"log"
	"net"
)

var version = "dev"

func main() {
	listener, err := net.Listen("tcp", ":8080")
	for err == nil {
		var asked net.Conn
		if asked, err = listener.Accept(); err != nil {
			break
		}
		asked.Read(make([]byte, 4096))
		text := "app " + version + "\\n"
		fmt.Fprintf(asked, "HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s", len(text), text)
		asked.Close()
	}
	log.Fatal(err)
}
`;

/** Where the commands of a page are run. */
interface Workplace {
  readonly dir: TempDir;
  readonly cwd: string;
  readonly env: Record<string, string>;
}

/** The module that pages speak of, or the examples where they lie among these; kodeno is on PATH. */
async function workplace(page: string): Promise<Workplace> {
  const dir = await tempDir();
  await Deno.chmod(await dir.write("bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`), 0o755);
  const env = kodenoEnvironment({ KODENO_CACHE: dir.join("cache") });
  env["PATH"] = [dir.join("bin"), ...searchPath()].join(":");
  if (page.startsWith("examples/")) {
    await succeed("cp", ["-r", join(ROOT, "examples"), dir.path]);
    return { dir, cwd: dir.join(dirname(page)), env };
  }
  await dir.write("go.mod", "module example.com/user\n\ngo 1.22\n");
  await dir.write("cmd/app/main.go", SERVER);
  await dir.write("cmd/worker/main.go", MAIN);
  return { dir, cwd: dir.path, env };
}

/** Images that commands take for granted: what they say, and how the image is made. */
const TAKEN_FOR_GRANTED: readonly (readonly [said: string, where: string, make: string])[] = [
  ["oci:bases:static", ".", "kodeno build ./cmd/worker --oci-layout bases -t static"],
  [
    "--mirror gcr.io=$REGISTRY",
    "../hello",
    "KO_DOCKER_REPO=$REGISTRY/distroless/static-debian12 " +
    "kodeno build --bare --push -t nonroot --platform linux/amd64,linux/arm64",
  ],
];

Deno.test("README: there is a command for each thing people do, and somebody runs each", async () => {
  const ci = await Deno.readTextFile(join(ROOT, ".ci/run"));
  for (const { name, text, blocks } of pages) {
    assert.ok(name !== "README.md" || blocks.length >= 20, `${blocks.length} blocks`);
    const elsewhere = [...text.matchAll(ELSEWHERE)].map(([, file = "", block = ""]) => {
      assert.ok(Deno.readTextFileSync(join(ROOT, file)).includes(name), `${file}: ${name}`);
      return block;
    });
    const own = blocks.map((block) => block.text);
    const known = [...own, ...elsewhere, ...BY_CI[name] ?? []].sort();
    // A shell block without the mark would be run by nobody.
    const shell = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    assert.deepEqual(shell.sort(), known, name);
  }
  for (const command of ['run -A tasks/denort.ts "$DENORT_BIN"', "deno@2.6.8 task compile"]) {
    assert.ok(ci.includes(command), command);
  }
});

Deno.test("README: commands in the text of the chapter on trust are in its blocks, too", () => {
  const { text = "", blocks = [] } = pages.find(({ name }) => name === "docs/trust.md") ?? {};
  const run = blocks.map((block) => block.text).join("");
  const said = [...text.matchAll(/`((?:kodeno|cosign|openssl|pkcs11-tool)\s[^`]*?\s-[^`]*)`/g)]
    .map(([, command = ""]) => command.replaceAll(/\s+/g, " "));
  assert.deepEqual(said.filter((command) => !run.includes(command)), []);
});

Deno.test("README: the figures are those that were measured", async () => {
  const results = await Deno.readTextFile(join(ROOT, "bench/RESULTS.md"));
  const ratio = (row: string) =>
    Number(
      results.split("\n").find((line) => line.startsWith(`| ${row} `))?.split("|")[5]
        ?.match(/[\d.]+/)?.[0],
    );
  assert.ok(ratio("nothing changed, 1 image x 1 platform") < 0.22);
  assert.ok(ratio("nothing changed, 30 images x 2 platforms") < 0.02);
  assert.ok(Math.abs(ratio("cold go cache, 1 image x 1 platform") - 1) < 0.1);
});

/** Blocks that go on where the one before has ended (`test on`) are one script with it. */
function scriptsOf({ name, blocks }: (typeof pages)[number]) {
  const scripts: { readonly page: string; parts: string[]; text: string }[] = [];
  for (const { parts: [...parts], text } of blocks) {
    const last = scripts.at(-1);
    const isMore = parts[0] === "on";
    if (!isMore || last === undefined) scripts.push({ page: name, parts, text });
    else {
      last.parts.push(...parts.slice(1));
      last.text += text;
    }
  }
  return scripts;
}

const all = pages.flatMap(scriptsOf);
for (const { page, parts, text } of all) {
  const [first = ""] = text.split("\n").filter((line) => line.includes("kodeno"));
  Deno.test({
    name: `${page.replace(/(?:docs\/)?(.*)\.md$/, "$1")}: ${first}`,
    ...needs(
      ...parts.filter((part) => part !== "cosign"),
      ...(parts.includes("dockerd") ? ["docker", "root", "ip"] : []),
    ),
    fn: async () => {
      const { dir, cwd, env } = await workplace(page);
      await using _ = dir;
      await using registry = parts.includes("docker-registry") ? await startRegistry() : undefined;
      await using dockerd = parts.includes("dockerd")
        ? await startDockerd({ ports: true })
        : undefined;
      if (parts.includes("cosign")) {
        await Deno.symlink(await goTool("cosign3"), dir.join("bin/cosign"));
      }
      // Two runs side by side cannot have one port.
      const port = freePort();
      const script = text.replace("8080:8080", `${port}:8080`).replace(":8080/", `:${port}/`)
        .replaceAll(/:50[08]0\b/g, `:${port}`);
      if (registry) env["REGISTRY"] = registry.host;
      if (dockerd) env["DOCKER_HOST"] = dockerd.host;
      // Nothing is fetched but by those that name a registry.
      if (!registry) env["HTTPS_PROXY"] = "http://127.0.0.1:1";
      for (const [said, where, make] of TAKEN_FOR_GRANTED) {
        if (text.includes(said)) {
          await succeed("bash", ["-c", make], { cwd: join(cwd, where), env });
        }
      }
      const outcome = await run("bash", ["-euo", "pipefail", "-c", script], { cwd, env });
      assert.equal(outcome.code, 0, `${text}\n${outcome.stderr}`);
      if (parts.includes("curl")) assert.match(outcome.stdout, /^app dev$/m);
      if (text.includes("--tags v1.2.0,latest")) {
        assert.match(
          outcome.stdout,
          /^registry\.example\/team\/app:v1\.2\.0@sha256:[0-9a-f]{64}$/m,
        );
      }
    },
  });
}

/** What the programs of a page print, one after the other. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  "README.md": [/^hello:v1@sha256:[0-9a-f]{64}\n$/],
  "docs/library.md": [
    /^hello:v1@sha256:[0-9a-f]{64}\n$/,
    /^ {2}listing\n[^]*example\.com\/hello linux\/amd64 done\nhello:latest \d+ bytes\n$/,
    /^given up: TimeoutError\n$/,
    /^sha256:[0-9a-f]{64}\n$/,
    /^BAD_PACKAGE ask the user: Cannot build "\.\/nowhere": /,
    /^\[ "copied:v2" \] \d\n$/,
  ],
};

for (const [page, printed] of Object.entries(PRINTED)) {
  Deno.test({
    name: `${page}: the programs are checked and run, in a project with the README's deno.json`,
    ...needs("docker-registry"),
    fn: async () => {
      await using dir = await tempDir();
      await using registry = await startSecuredRegistry({ password: true });
      await Deno.symlink(ROOT, dir.join("kodeno"));
      const [, config = ""] = /^```json\n(.*?)^```$/ms.exec(README) ?? [];
      await dir.write("app/deno.json", config);
      const text = await Deno.readTextFile(join(ROOT, page));
      const programs = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = ""]) => text);
      assert.equal(programs.length, printed.length);
      const files = programs.map((_, i) => `${i}.ts`);
      for (const [i, file] of files.entries()) await dir.write(`app/${file}`, programs[i] ?? "");
      const env = kodenoEnvironment({ REGISTRY: registry.host, PASSWORD });
      const deno = (...args: string[]) =>
        succeed(Deno.execPath(), args, { cwd: dir.join("app"), env });
      const [, flags = ""] = /`deno run ((?:--allow-\w+ )+)main\.ts`/.exec(LIBRARY) ?? [];
      const allowed = flags.trim().split(" ");
      assert.ok(allowed.length >= 6);
      await deno("check", ...files);
      for (const [i, file] of files.entries()) {
        assert.match(await deno("run", ...allowed, "--no-prompt", file), printed[i] ?? /^$/, file);
      }
    },
  });
}

Deno.test("library: the page names each kind of event", async () => {
  const events = await Deno.readTextFile(join(ROOT, "src/events.ts"));
  const types = [...events.matchAll(/^ {2}readonly type: "(\w+)";$/gm)];
  assert.ok(types.length >= 5);
  for (const [, type] of types) assert.ok(LIBRARY.includes(`\n| \`${type}\``), type);
});
