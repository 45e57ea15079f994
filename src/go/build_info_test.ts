import assert from "node:assert/strict";
import { join } from "node:path";
import { digestOf } from "../io/hash.ts";
import { buildInfosIn } from "./build_info.ts";
import { moduleZips } from "./module_zips.ts";

/** A folder with a go that prints a text, whatever it is asked. */
async function fakeGo(text: string) {
  const directory = await Deno.makeTempDir({ prefix: "kodeno-test-" });
  const command = join(directory, "go");
  await Deno.writeTextFile(join(directory, "said"), text);
  await Deno.writeTextFile(command, `#!/bin/sh\ncat '${directory}/said'\n`, { mode: 0o755 });
  const dispose = () => Deno.remove(directory, { recursive: true });
  const environment = { PATH: "/usr/bin:/bin" };
  return { directory, how: { command, environment, directory }, [Symbol.asyncDispose]: dispose };
}

Deno.test("build info: modules with their replacements, past what else is said", async () => {
  await using go = await fakeGo(`0: go1.26.8
\tpath\texample.com/app/cmd/app
\tmod\texample.com/app\t(devel)\t
\tdep\texample.com/plain\tv1.0.0\th1:a=
\tdep\texample.com/asked\tv1.0.0
\t=>\texample.com/fork\tv1.0.1\th1:b=
\tdep\texample.com/local\tv0.0.0
\t=>\t../local\t(devel)\t
\tbuild\t-ldflags="-s -X main.v=1"
\tbuild\tGOOS=linux
\tbuild\tvcs.modified=false
10: go1.18
\tpath\tcommand-line-arguments
`);
  const infos = await buildInfosIn(go.how);
  assert.deepEqual([...infos.keys()], ["0", "10"]);
  assert.deepEqual(infos.get("0"), {
    goVersion: "go1.26.8",
    importPath: "example.com/app/cmd/app",
    main: { path: "example.com/app" },
    modules: [
      { path: "example.com/plain", version: "v1.0.0", sum: "h1:a=" },
      {
        path: "example.com/fork",
        version: "v1.0.1",
        sum: "h1:b=",
        replaces: { path: "example.com/asked", version: "v1.0.0" },
      },
      { path: "example.com/local", folder: "../local" },
    ],
    settings: { "-ldflags": "-s -X main.v=1", GOOS: "linux", "vcs.modified": "false" },
  });
  assert.deepEqual(infos.get("10")?.modules, []);
  assert.equal(infos.get("10")?.main, undefined);
});

Deno.test("module zips: where they are, without logins, and what they are where go has them", async () => {
  await using cache = await fakeGo("");
  const zip = join(cache.directory, "cache/download/example.com/!team/lib/@v/v1.0.0.zip");
  await Deno.mkdir(join(zip, ".."), { recursive: true });
  await Deno.writeTextFile(zip, "zip");
  await Deno.writeTextFile(`${zip}hash`, "h1:a=");
  const ask = async (GOPROXY: string, sum = "h1:a=") => {
    const GONOPROXY = "*.corp.test,example.com/private";
    await using go = await fakeGo(
      JSON.stringify({ GOPROXY, GONOPROXY, GOMODCACHE: cache.directory }),
    );
    const complete = await moduleZips(go.how);
    const of = async (path: string) => await complete({ path, version: "v1.0.0", sum });
    return await Promise.all(
      ["example.com/Team/lib", "git.corp.test/lib", "example.com/private/x"].map(of),
    );
  };
  const [lib, ...hidden] = await ask("https://user:secret@proxy.test/go/|direct");
  assert.equal(lib?.location, "https://proxy.test/go/example.com/!team/lib/@v/v1.0.0.zip");
  assert.equal(lib?.digest, digestOf("zip"));
  assert.deepEqual(hidden.map(({ location }) => location), [undefined, undefined]);
  for (const none of ["off", "direct", "file:///srv/proxy", ""]) {
    assert.equal((await ask(none))[0]?.location, undefined, none);
  }
  await using go = await fakeGo(JSON.stringify({ GOPROXY: "https://p.test", GONOPROXY: "" }));
  const odd = { path: "example.com/../../etc", version: "v1", sum: "h1:a=" };
  assert.deepEqual(await (await moduleZips(go.how))(odd), odd);
  // The file of a module with another sum is not that of this one.
  assert.equal((await ask("off", "h1:other="))[0]?.digest, undefined);
});
