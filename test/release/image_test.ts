/**
 * Images of kodeno: they run under Docker as somebody without rights, the one with Go builds there without a
 * network, and the same files give the same images. The bases are made of what this machine has, in the
 * place of those that a release takes from registries.
 * @module
 */
import assert from "node:assert/strict";
import { VERSION } from "../../src/config/version.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { type Blob, blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodenoBinary, kodenoEnvironment } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";
import { releaseFolder, releaseStep } from "./programs.ts";

/** What kodeno and go need to build an image, beside the packages of its program. */
const GO_FILES = [
  "VERSION",
  "go.env",
  "bin/go",
  "lib/time/zoneinfo.zip",
  "src/go.mod",
  "src/vendor/modules.txt",
];
const CERTIFICATES = "etc/ssl/certs/ca-certificates.crt";
const PASSWORD = { KODENO_KEY_PASSWORD: "of the test" };
const GO_TOOLS = ["asm", "compile", "link"];

/** A layer of files below a folder, with the folders above them, which a daemon makes as it likes. */
async function filesLayer(root: string, files: readonly string[], to = ""): Promise<Blob> {
  const above = (path: string) => path.split("/").map((_, i, all) => all.slice(0, i).join("/"));
  const folders = new Set(files.flatMap(above).filter((path) => path !== ""));
  const how = ["-h", "--no-recursion", "-C", root, `--transform=s,^,${to},`];
  const paths = [...folders].toSorted().concat(files);
  await using made = await tempDir();
  await made.write("paths", paths.join("\n"));
  await succeed("tar", ["-cf", made.join("layer.tar"), ...how, "-T", made.join("paths")]);
  return blob(await Deno.readFile(made.join("layer.tar")), MediaType.layer);
}

/** The layouts `c` and `go`, each with a base: the C library of this machine, and its Go on top. */
async function bases(dir: TempDir): Promise<void> {
  const listed = await succeed("ldd", [kodenoBinary() ?? ""]);
  const libraries = [...listed.matchAll(/\/(\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  assert.ok(libraries.length > 3, listed);
  const c = await filesLayer("/", ["tmp", "usr/local", CERTIFICATES, ...libraries]);
  const goEnv = async (name: string) => (await succeed("go", ["env", name])).trim();
  const goroot = await goEnv("GOROOT");
  const tools = `pkg/tool/${await goEnv("GOHOSTOS")}_${await goEnv("GOHOSTARCH")}`;
  // All that the program of the test imports, and not the rest of the library.
  const list = ["list", "-deps", "-f", "{{.ImportPath}}", "syscall"];
  const packages = (await succeed("go", list)).trim().split("\n").map((path) => `src/${path}`);
  const sources = ["pkg/include", "src/runtime/cgo", ...packages].flatMap((folder) =>
    [...Deno.readDirSync(`${goroot}/${folder}`)].filter(({ isFile }) => isFile)
      .map(({ name }) => `${folder}/${name}`)
  );
  const own = [".", ...GO_FILES, ...GO_TOOLS.map((name) => `${tools}/${name}`)];
  const go = await filesLayer(goroot, [...own, ...sources], "usr/local/go/");
  await baseLayout(dir, "c", [c]);
  await baseLayout(dir, "go", [c, go]);
}

async function baseLayout(dir: TempDir, name: string, layers: readonly Blob[]): Promise<void> {
  const config = { config: { Env: ["PATH=/usr/local/go/bin:/bin", "GOTOOLCHAIN=local"] } };
  const made = image({ os: "linux", architecture: "amd64" }, layers, config);
  using layout = await openLayout(dir.join(name), { create: true });
  await pushAll(layout, [...layers, made.config, made.manifest]);
  await layout.tag(made.manifest.descriptor, `${name}:v1`);
}

/** Makes the images of a release in a layout; gives their references. */
async function imagesIn(dir: TempDir, release: string, layout: string, ...more: string[]) {
  const args = ["--repository", "team/kodeno", "--base", `oci:${dir.join("c")}`, ...more];
  const own = ["image", release, dir.join(layout), ...args, "--compression", "gzip:1"];
  // A cache of its own each time: nothing is known of the time before.
  const env = { ...PASSWORD, KODENO_CACHE: dir.join(`cache-${layout}`) };
  const { code, stdout, stderr } = await releaseStep(own, env);
  assert.equal(code, 0, stderr);
  return stdout.trim().split("\n");
}

async function docker(dockerd: Dockerd, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerd.docker(...args);
  assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

Deno.test({
  name: "release: images of kodeno run, build, and are the same each time",
  ...needs("binary", "root", "dockerd", "docker", "docker-registry"),
  async fn() {
    await using dir = await tempDir();
    const release = await releaseFolder(dir);
    await bases(dir);
    await done(dir, ["key", "new"], PASSWORD);
    const files = ["files", release, "--repository", "team/kodeno"];
    assert.equal((await releaseStep(files)).code, 0);
    const more = ["--go-base", `oci:${dir.join("go")}`, "--key", dir.join("kodeno.key")];
    const [plain = "", withGo = "", ...others] = await imagesIn(dir, release, "out", ...more);
    assert.deepEqual(others, []);
    assert.match(plain, new RegExp(`^kodeno:${VERSION}@sha256:[0-9a-f]{64}$`));
    assert.match(withGo, new RegExp(`^kodeno:${VERSION}-go@sha256:[0-9a-f]{64}$`));
    assert.deepEqual(await imagesIn(dir, release, "again"), [plain]);
    await using registry = await startRegistry();
    await done(dir, ["push", "out", "--to", `${registry.host}/team`]);
    const claims = ["--attestation", "cyclonedx", "--key", "kodeno.pub"];
    for (const tag of [VERSION, "latest", `${VERSION}-go`, "go"]) {
      await done(dir, ["verify", `${registry.host}/team/kodeno:${tag}`, ...claims]);
    }

    await using dockerd = await startDockerd();
    await done(dir, ["load", "out"], { DOCKER_HOST: dockerd.host });
    const run = ["run", "--rm", "--network=none"];
    const name = `kodeno:${VERSION}`;
    assert.match(await docker(dockerd, ...run, name, "version"), new RegExp(`^kodeno ${VERSION} `));
    const about = JSON.parse(
      await docker(dockerd, "inspect", "--format", "{{json .Config}}", name),
    );
    assert.deepEqual([about.User, about.Entrypoint], ["65532", ["/ko-app/kodeno"]]);
    assert.equal(about.Labels["org.opencontainers.image.source"], "https://github.com/team/kodeno");

    const comments = await docker(dockerd, "history", "--format", "{{.Comment}}", name);
    assert.match(comments, new RegExp(`^kodeno ${VERSION}, at /ko-app/kodeno$`, "m"));

    await using source = await tempDir();
    await simpleModule(source, "built inside");
    await Deno.mkdir(source.join("result"));
    for (const path of [source.path, source.join("result")]) await Deno.chmod(path, 0o777);
    const build = ["build", "--offline", "--oci-layout", "result/layout", "-t", "v1", "-B"];
    const outside = await succeed(kodenoBinary() ?? "", build, {
      cwd: source.path,
      env: kodenoEnvironment(),
    });
    await Deno.remove(source.join("result/layout"), { recursive: true });
    const mounted = ["--volume", `${source.path}:/work`, "--workdir", "/work"];
    const inside = await docker(dockerd, ...run, ...mounted, `${name}-go`, ...build);
    assert.match(inside, /^app:v1@sha256:[0-9a-f]{64}$/);
    assert.equal(inside, outside.trim());
    assert.deepEqual(await names(source.join("result")), ["layout"]);
    await done(source, ["load", "result/layout"], { DOCKER_HOST: dockerd.host });
    assert.equal(await docker(dockerd, ...run, "app:v1"), "built inside dev");
  },
});

Deno.test({
  name: "release: a base that the program does not start on is refused",
  ...needs("binary"),
  async fn() {
    await using dir = await tempDir();
    const release = await releaseFolder(dir);
    await baseLayout(dir, "none", [await filesLayer("/", ["tmp", CERTIFICATES])]);
    const bases = {
      static: "a C library",
      [`oci:${dir.join("none")}`]: "ld-linux-x86-64.so.2, lib",
    };
    for (const [base, lacking] of Object.entries(bases)) {
      const args = ["image", release, dir.join("out"), "--repository", "a/b", "--base", base];
      const { code, stderr } = await releaseStep(args);
      assert.equal(code, 1);
      const why = `Cannot put kodeno on base image ${base}: it does not have ${lacking}`;
      assert.ok(stderr.startsWith(why), stderr);
      assert.doesNotMatch(stderr, /ca-certificates/);
    }
    assert.deepEqual(await names(dir.path), ["none", "release"]);
  },
});
