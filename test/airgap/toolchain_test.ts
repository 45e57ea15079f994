/**
 * The Go that a bundle has brought, where the one on the PATH is older: builds find it by themselves.
 * @module
 */
import assert from "node:assert/strict";
import { goModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("build: offline, the Go of go's cache of modules is run that the module wants", async () => {
  await using dir = await tempDir();
  const [os, arch] = (await succeed("go", ["env", "GOHOSTOS", "GOHOSTARCH"])).trim().split("\n");
  const name = `v0.0.1-go1.99.0.${os}-${arch}`;
  const root = `mod/golang.org/toolchain@${name}`;
  const answer = JSON.stringify({ GOVERSION: "go1.99.0", GOROOT: dir.join(root), GOFLAGS: "" });
  await dir.write(
    `${root}/bin/go`,
    `#!/bin/sh\n[ "$1" = env ] && echo '${answer}' && exit 0\necho "this is go 1.99" >&2\nexit 1\n`,
  );
  await Deno.chmod(dir.join(`${root}/bin/go`), 0o755);
  await dir.write(
    `mod/cache/download/golang.org/toolchain/@v/${name}.ziphash`,
    "h1:ag1VXXKsLhH0GRVzBlDX2vxKD0v8xGsc9XGPGBtqwUg=",
  );
  await goModule(dir, "example.com/app", { "main.go": "package main\n\nfunc main() {}\n" }, "app");
  const at = {
    cwd: dir.join("app"),
    env: { GOMODCACHE: dir.join("mod"), GOTOOLCHAIN: "local", KODENO_CACHE: dir.join("cache") },
  };
  const build = ["build", "--offline", "."];
  const own = await kodeno(build, at);
  assert.equal(own.code, 0, own.stderr);
  await succeed("sed", ["-i", "s/^go .*/go 1.99.0/", dir.join("app/go.mod")]);
  assert.match((await kodeno(build, at)).stderr, /this is go 1\.99/);
  await Deno.remove(dir.join("mod"), { recursive: true });
  assert.match((await kodeno(build, at)).stderr, /requires go >= 1\.99\.0 .*none is fetched/);
});
