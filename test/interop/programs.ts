/**
 * Rows of `docs/interop.md` that are tried with the programs themselves.
 * @module
 */
import assert from "node:assert/strict";
import { startContainerd } from "../parts/containerd.ts";
import { type DockerdKind, dockerdKinds, type Outcome, startDockerd } from "../parts/dockerd.ts";
import { startPodman } from "../parts/podman.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, type GoToolName, goToolPath, rootTool } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodenoEnvironment } from "../support/kodeno.ts";
import { entriesOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import type { Lab } from "./lab.ts";
import { givesBack, type Row } from "./row.ts";

/** The name of the image in archives. */
const NAME = "reg.local/team/app:v1";

async function done(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** Runs a program of the machine. */
const debian = async (name: string, ...args: readonly string[]): Promise<string> =>
  await succeed(rootTool(name) ?? name, args);

/** Runs a program of the Go proxy. */
const go = async (name: GoToolName, ...args: readonly string[]): Promise<string> =>
  await succeed(await goTool(name), args);

/** The version of a program of the machine. */
const asked = (name: string) => async (): Promise<string> =>
  /\d+\.\d+[\w.+~-]*/.exec(await debian(name, "--version"))?.[0] ?? "unknown";

/** The pinned version of a program of the Go proxy. */
const pinned = (name: GoToolName): string => /@v([^/]+)/.exec(goToolPath(name))?.[1] ?? "unknown";

/** Writes `app:all` or `app:one` as an archive, and gives its path. */
async function archive(lab: Lab, which: "all" | "one"): Promise<string> {
  await lab.kodeno(["copy", `oci:out:app:${which}`, `archive:app.tar:${NAME}`]);
  return lab.dir.join("app.tar");
}

/** Checks that an image of a Docker or podman has the configuration of the lab's for linux/amd64. */
const isOurs = (lab: Lab, id: string): void =>
  assert.equal(id.replace("sha256:", ""), lab.image.amd64.config.descriptor.digest.slice(7));

/** The image in an archive of its own layout, since some tools take layouts of one image alone. */
async function single(lab: Lab): Promise<string> {
  await lab.kodeno(["copy", "oci:out:app:all", "oci:single:app:v1"]);
  return lab.dir.join("single");
}

/** Docker of each kind: loads, saves, pulls, and is a place by itself. */
function dockerRows([kind, ...parts]: readonly [DockerdKind, ...string[]]): readonly Row[] {
  const isToday = kind === "today";
  const common = {
    tool: isToday ? "Docker with containerd's image store" : "Docker",
    version: isToday ? pinned("dockerd") : asked("dockerd"),
    needs: parts,
  };
  const which = isToday ? "all" : "one";
  const packsAnew = !isToday;
  return [
    {
      ...common,
      reader: "kodeno",
      what: "`docker save -o app.tar NAME`",
      outcome: isToday
        ? "the same bytes, all platforms"
        : "the same image; its layers are plain tar",
      async run(lab) {
        await using dockerd = await startDockerd({ kind });
        await done(dockerd.docker("load", "-i", await archive(lab, which)));
        const saved = lab.dir.join("saved.tar");
        await done(dockerd.docker("save", "-o", saved, NAME));
        await givesBack(lab, "archive:saved.tar", which, { packsAnew });
      },
    },
    {
      ...common,
      reader: "kodeno",
      what: "images of the daemon (`daemon:NAME`)",
      outcome: isToday
        ? "the same bytes, all platforms"
        : "the same image; its layers are plain tar",
      async run(lab) {
        await using dockerd = await startDockerd({ kind });
        await done(dockerd.docker("load", "-i", await archive(lab, which)));
        const env = { DOCKER_HOST: dockerd.host };
        await lab.kodeno(["copy", `daemon:${NAME}`, "oci:taken:app:v1"], env);
        await givesBack(lab, "oci:taken:app:v1", which, { packsAnew });
      },
    },
    {
      ...common,
      reader: "tool",
      what: "an archive (`docker load -i app.tar`), and what `kodeno load` sends",
      outcome: "it runs",
      async run(lab) {
        await using dockerd = await startDockerd({ kind });
        const { docker } = dockerd;
        await done(docker("load", "-i", await archive(lab, "all")));
        assert.match(await done(docker("run", "--rm", "--network=none", NAME)), /it runs/);
        await done(docker("rmi", NAME));
        await lab.kodeno(["load", "out", "--image", "app:all"], { DOCKER_HOST: dockerd.host });
        assert.match(await done(docker("run", "--rm", "--network=none", "app:all")), /it runs/);
      },
    },
    {
      ...common,
      reader: "tool",
      what: "what `kodeno serve` serves (`docker pull`)",
      outcome: "it runs",
      async run(lab) {
        await using served = await startServe(lab.dir.join("out"));
        await using dockerd = await startDockerd({ kind });
        const image = `${served.host}/app:all`;
        await done(dockerd.docker("pull", image));
        assert.match(
          await done(dockerd.docker("run", "--rm", "--network=none", image)),
          /it runs/,
        );
      },
    },
  ];
}

const PODMAN = { tool: "podman", version: asked("podman"), needs: ["root", "podman"] };
const CONTAINERD = {
  tool: "containerd",
  version: asked("containerd"),
  needs: ["root", "containerd", "ctr"],
};
const SKOPEO = { tool: "skopeo", version: asked("skopeo"), needs: ["skopeo"] };
const UMOCI = { tool: "umoci", version: asked("umoci"), needs: ["umoci", "root"] };
const CRANE = { tool: "crane", version: pinned("crane") };
const REGCTL = { tool: "regctl", version: pinned("regctl") };
const DISTRIBUTION = {
  tool: "docker-registry",
  version: asked("docker-registry"),
  needs: ["docker-registry"],
};

/** What podman saves of an image that it built or loaded under a name. */
const podmanSaves = (format: string): Row => ({
  ...PODMAN,
  reader: "kodeno",
  what: `\`podman save --format ${format} -o app.tar localhost/app:v1\``,
  outcome: "the same image under its whole name; its layers are packed anew",
  async run(lab) {
    await using service = await startPodman();
    await done(service.podman("load", "-i", await archive(lab, "one")));
    await done(service.podman("tag", NAME, "localhost/app:v1"));
    const saved = lab.dir.join("saved.tar");
    await done(service.podman("save", "--format", format, "-o", saved, "localhost/app:v1"));
    assert.match(await lab.kodeno(["ls", "archive:saved.tar"]), /localhost\/app:v1/);
    await givesBack(lab, "archive:saved.tar", "one", { packsAnew: true });
  },
});

/** What skopeo writes of what kodeno serves. */
const skopeoWrites = (transport: string, place: string, which: "all" | "one"): Row => ({
  ...SKOPEO,
  reader: "kodeno",
  what: `\`skopeo copy ${which === "all" ? "--all " : ""}FROM ${transport}:DIR\``,
  outcome: which === "all"
    ? "the same bytes, all platforms"
    : "the same image; its layers are plain tar",
  async run(lab) {
    await using served = await startServe(lab.dir.join("out"));
    const from = `docker://${served.host}/app:${which}`;
    const all = which === "all" ? ["--all", "--preserve-digests"] : [];
    const to = `${transport}:${lab.dir.join("theirs")}:${NAME}`;
    await debian(
      "skopeo",
      "--insecure-policy",
      "copy",
      ...all,
      "--src-tls-verify=false",
      from,
      to,
    );
    await givesBack(lab, place, which, { packsAnew: which === "one" });
  },
});

/** What skopeo reads of kodeno's. */
const skopeoReads = (what: string, made: (lab: Lab) => Promise<string>): Row => ({
  ...SKOPEO,
  reader: "tool",
  what,
  outcome: "the same configuration",
  async run(lab) {
    const inspect = ["inspect", "--config", "--raw", "--override-arch=amd64"];
    const config = await debian("skopeo", ...inspect, await made(lab));
    assert.deepEqual(
      JSON.parse(config),
      JSON.parse(new TextDecoder().decode(lab.image.amd64.config.bytes)),
    );
  },
});

/** All rows, tool by tool. */
export const programRows: readonly Row[] = [
  ...dockerdKinds.flatMap(dockerRows),
  podmanSaves("oci-archive"),
  podmanSaves("docker-archive"),
  {
    ...PODMAN,
    reader: "tool",
    what: "an archive (`podman load -i app.tar`), and what `kodeno serve` serves (`podman pull`)",
    outcome: "the same image",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      await using service = await startPodman();
      await done(service.podman("load", "-i", await archive(lab, "all")));
      isOurs(lab, await done(service.podman("inspect", "--format", "{{.Id}}", NAME)));
      await done(service.podman("rmi", NAME));
      const pulled = `${served.host}/app:all`;
      await done(service.podman("pull", "--tls-verify=false", pulled));
      isOurs(lab, await done(service.podman("inspect", "--format", "{{.Id}}", pulled)));
    },
  },
  {
    ...CONTAINERD,
    reader: "kodeno",
    what: "`ctr images export --all-platforms app.tar NAME`",
    outcome: "the same bytes, all platforms",
    async run(lab) {
      await using containerd = await startContainerd();
      const { ctr } = containerd;
      await done(ctr("images", "import", "--all-platforms", await archive(lab, "all")));
      const file = lab.dir.join("exported.tar");
      await done(ctr("images", "export", "--all-platforms", file, NAME));
      await givesBack(lab, "archive:exported.tar", "all");
    },
  },
  {
    ...CONTAINERD,
    reader: "tool",
    what: "an archive (`ctr images import`), and what `kodeno serve` serves (`ctr images pull`)",
    outcome: "the same digest",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      await using containerd = await startContainerd();
      const { ctr } = containerd;
      await done(ctr("images", "import", "--all-platforms", await archive(lab, "all")));
      const pulled = `${served.host}/app:all`;
      await done(ctr("images", "pull", "--plain-http", "--all-platforms", pulled));
      const listed = await done(ctr("images", "list"));
      for (const name of [NAME, pulled]) {
        const row = listed.split("\n").find((line) => line.startsWith(`${name} `)) ?? "";
        assert.ok(row.includes(lab.image.root.digest), listed);
      }
    },
  },
  skopeoWrites("oci", `oci:theirs:${NAME}`, "all"),
  skopeoWrites("oci-archive", "archive:theirs", "all"),
  skopeoWrites("docker-archive", "archive:theirs", "one"),
  skopeoReads("a layout (`oci:DIR:TAG`)", async (lab) => `oci:${await single(lab)}:v1`),
  skopeoReads(
    "an archive (`oci-archive:app.tar`)",
    async (lab) => `oci-archive:${await archive(lab, "all")}`,
  ),
  skopeoReads(
    "an archive (`docker-archive:app.tar`)",
    async (lab) => `docker-archive:${await archive(lab, "one")}`,
  ),
  {
    ...UMOCI,
    reader: "kodeno",
    what: "`umoci init`, `umoci new`, `umoci config`: an image without layers",
    outcome: "it is copied as it is",
    async run(lab) {
      const layout = lab.dir.join("umoci");
      await debian("umoci", "init", "--layout", layout);
      await debian("umoci", "new", "--image", `${layout}:empty`);
      await lab.kodeno(["copy", "oci:umoci:empty", "oci:back:given:back"]);
      const [theirs] = await entriesOf(layout);
      const [ours] = await entriesOf(lab.dir.join("back"));
      assert.equal(ours?.digest, theirs?.digest);
    },
  },
  {
    ...UMOCI,
    reader: "tool",
    what: "a layout (`umoci unpack --image DIR:TAG`)",
    outcome: "it unpacks",
    async run(lab) {
      await lab.kodeno(["copy", "oci:out:app:one", "oci:single:app:v1"]);
      const bundle = lab.dir.join("bundle");
      await debian("umoci", "unpack", "--image", `${lab.dir.join("single")}:v1`, bundle);
      assert.equal(await Deno.readTextFile(`${bundle}/rootfs/note`), "real");
    },
  },
  {
    ...CRANE,
    reader: "kodeno",
    what: "`crane pull --format=oci`",
    outcome: "the same bytes, all platforms; it has no name, and is taken as the only image",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      await go("crane", "pull", "--format=oci", `${served.host}/app:all`, lab.dir.join("crane"));
      await givesBack(lab, "oci:crane", "all");
    },
  },
  {
    ...CRANE,
    reader: "kodeno",
    what: "`crane pull` (an archive)",
    outcome: "the same layers and configuration",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      await go("crane", "pull", `${served.host}/app:one`, lab.dir.join("crane.tar"));
      await givesBack(lab, "archive:crane.tar", "one", { packsAnew: true });
    },
  },
  {
    ...CRANE,
    reader: "tool",
    what: "a layout of one image (`crane push DIR`), and what `kodeno serve` serves",
    outcome: "the same digest; `crane validate` finds nothing",
    needs: ["docker-registry"],
    async run(lab) {
      await using registry = await startRegistry();
      await using served = await startServe(lab.dir.join("out"));
      const to = `${registry.host}/crane:v1`;
      await go("crane", "push", await single(lab), to);
      assert.equal((await go("crane", "digest", to)).trim(), lab.image.root.digest);
      await go("crane", "validate", "--remote", `${served.host}/app:all`);
    },
  },
  {
    ...REGCTL,
    reader: "kodeno",
    what: "`regctl image copy FROM ocidir://DIR:TAG`",
    outcome: "the same bytes, all platforms",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      const host = ["--host", `reg=${served.host},tls=disabled`];
      const to = `ocidir://${lab.dir.join("regctl")}:v1`;
      await go("regctl", ...host, "image", "copy", `${served.host}/app:all`, to);
      await givesBack(lab, "oci:regctl:v1", "all");
    },
  },
  {
    ...REGCTL,
    reader: "tool",
    what: "a layout (`ocidir://DIR:TAG`), and what `kodeno serve` serves",
    outcome: "the same digest",
    async run(lab) {
      await using served = await startServe(lab.dir.join("out"));
      const host = ["--host", `reg=${served.host},tls=disabled`];
      for (const from of [`ocidir://${await single(lab)}:v1`, `${served.host}/app:all`]) {
        const digest = await go("regctl", ...host, "image", "digest", from);
        assert.equal(digest.trim(), lab.image.root.digest, from);
      }
    },
  },
  {
    tool: "ko",
    version: pinned("ko"),
    reader: "kodeno",
    what: "`ko build --oci-layout-path DIR --tarball app.tar`",
    outcome: "the same bytes of the layout; the same configuration of the archive",
    async run(lab) {
      await simpleModule(lab.dir, "it runs");
      await using served = await startServe(lab.dir.join("out"));
      const env = kodenoEnvironment({
        KO_DOCKER_REPO: "reg.local/team",
        KO_DEFAULTBASEIMAGE: `${served.host}/app:one`,
        GOFLAGS: "-buildvcs=false",
      });
      const flags = [
        "--push=false",
        "--sbom=none",
        "--oci-layout-path",
        "ko",
        "--tarball",
        "ko.tar",
      ];
      const args = ["build", ...flags, "."];
      await succeed(await goTool("ko"), args, { cwd: lab.dir.path, env });
      const [theirs] = await entriesOf(lab.dir.join("ko"));
      await lab.kodeno(["copy", "oci:ko", "oci:back:given:back"]);
      const [ours] = await entriesOf(lab.dir.join("back"));
      assert.equal(ours?.digest, theirs?.digest);
      await lab.kodeno(["copy", "archive:ko.tar", "oci:back:given:archive"]);
      await lab.blobs("back", "given:archive");
    },
  },
  {
    ...DISTRIBUTION,
    reader: "kodeno",
    what: "what it holds (`kodeno pull`)",
    outcome: "the same bytes, all platforms",
    async run(lab) {
      await using registry = await startRegistry();
      await go("crane", "push", await single(lab), `${registry.host}/team/app:v1`);
      await givesBack(lab, `${registry.host}/team/app:v1`, "all");
    },
  },
  {
    ...DISTRIBUTION,
    reader: "tool",
    what: "what `kodeno push` sends",
    outcome: "the same digest",
    async run(lab) {
      await using registry = await startRegistry();
      await lab.kodeno(["copy", "oci:out:app:all", `${registry.host}/team/app:v1`]);
      const digest = await go("crane", "digest", `${registry.host}/team/app:v1`);
      assert.equal(digest.trim(), lab.image.root.digest);
    },
  },
];
