/**
 * Base images for kodeno and ko alike: made here, bit for bit the same in every run, kept as a
 * layout for kodeno and pushed to a registry for ko.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type LayerEntry, writeLayer } from "../../src/layers/layer.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { goTool } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";

/** A base in both of its places. */
export interface BaseImage {
  /** What kodeno takes: `oci:DIR`. */
  readonly layout: string;
  /** What ko takes: a reference in the registry. */
  readonly reference: string;
  /** Of its index, or of its lone manifest. */
  readonly digest: string;
}

/** What is made of a platform's image, beside its layers. */
interface Member {
  readonly platform: Readonly<Record<string, string>>;
  /** What the index says of the platform beside that. */
  readonly osFeatures?: readonly string[];
  /** Image config, less `rootfs`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What the index says about it. */
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Recipe {
  readonly docker?: boolean;
  /** A lone manifest, where there is but one member. */
  readonly single?: boolean;
  /** Where the first layer is, which its license keeps there. */
  readonly foreign?: string;
  readonly layers: readonly (readonly LayerEntry[])[];
  readonly members: readonly Member[];
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

function file(name: string, content: string): LayerEntry {
  const bytes = text(content);
  return { entry: { type: "file", name, mode: 0o644, size: bytes.length }, content: bytes };
}

const folder = (name: string): LayerEntry => ({ entry: { type: "dir", name, mode: 0o755 } });

const SYSTEM = [folder("etc/"), file("etc/passwd", "root:x:0:0:root:/root:/bin/false\n")];
const HOME = [folder("home/"), folder("home/app/"), file("home/app/.profile", "export A=1\n")];
const WINDOWS = [folder("Files"), folder("Hives"), file("Files/license.txt", "none\r\n")];

/** All that an image config can say to a container, so that nothing of it gets lost unseen. */
const RICH_RUN = {
  ArgsEscaped: true,
  Cmd: ["--help"],
  Domainname: "example.test",
  Entrypoint: ["/bin/entry", "--"],
  Env: ["LANG=C", "PATH=/usr/local/bin:/usr/bin", "NO_VALUE", "EMPTY=", "PATH=/second"],
  ExposedPorts: { "53/udp": {}, "8080/tcp": {} },
  Healthcheck: { Test: ["CMD", "/bin/check"], Interval: 30_000_000_000, Retries: 3 },
  Hostname: "base",
  Labels: { "base.label": "kept", "shared.label": "of the base" },
  OnBuild: ["RUN true"],
  Shell: ["/bin/sh", "-c"],
  StopSignal: "SIGQUIT",
  Tty: true,
  User: "65532:65532",
  Volumes: { "/data": {} },
  WorkingDir: "/home/app",
};

function rich(platform: Member["platform"]): Member {
  const config = {
    ...platform,
    author: "somebody",
    created: "2024-03-01T12:30:45.123456789Z",
    config: RICH_RUN,
    history: [
      { created: "2024-02-29T00:00:00Z", created_by: "ADD system.tar /", comment: "the system" },
      {
        created: "2024-02-29T01:00:00+01:00",
        created_by: "ENV LANG=C <&> \u00e9",
        empty_layer: true,
      },
      { created: "2024-03-01T12:30:45.12Z", author: "somebody", created_by: "ADD home.tar /" },
    ],
  };
  return { platform, config };
}

/** A config as Docker's classic builder writes it: every field there, set or not. */
function classic(platform: Member["platform"]): Member {
  const run = {
    AttachStderr: false,
    AttachStdin: false,
    AttachStdout: false,
    Cmd: ["/bin/sh"],
    Domainname: "",
    Entrypoint: null,
    Env: ["PATH=/usr/bin:/bin"],
    Hostname: "",
    Image: "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    Labels: null,
    OnBuild: null,
    OpenStdin: false,
    StdinOnce: false,
    Tty: false,
    User: "",
    Volumes: null,
    WorkingDir: "",
  };
  const config = {
    ...platform,
    created: "2024-05-06T07:08:09.100Z",
    container: "c0ffee",
    container_config: { ...run, Hostname: "c0ffee" },
    docker_version: "20.10.23",
    config: run,
    history: [
      { created: "2024-05-06T07:08:09.000Z", created_by: "/bin/sh -c #(nop) ADD file:0 in / " },
      { created_by: '/bin/sh -c #(nop)  CMD ["/bin/sh"]', empty_layer: true, comment: "" },
    ],
  };
  const annotations = { "com.docker.official-images.bashbrew.arch": platform.architecture ?? "" };
  return { platform, config, annotations };
}

const linux = (architecture: string, variant?: string) => ({
  os: "linux",
  architecture,
  ...(variant ? { variant } : {}),
});

/** What BuildKit keeps beside the images of an index. */
const ATTESTATION: Member = {
  platform: { os: "unknown", architecture: "unknown" },
  config: { os: "unknown", architecture: "unknown", config: {} },
  annotations: { "vnd.docker.reference.type": "attestation-manifest" },
};

const windows = {
  os: "windows",
  architecture: "amd64",
  "os.version": "10.0.20348.2113",
};

const NANOSERVER = {
  created: "2024-01-09T00:00:00Z",
  config: {
    Cmd: ["c:\\windows\\system32\\cmd.exe"],
    Env: ["PATH=C:\\Windows\\system32;C:\\Windows"],
    User: "ContainerUser",
  },
  history: [{ created: "2024-01-09T00:00:00Z", created_by: "Apply image" }],
};

/** The bases by their names. */
const RECIPES = {
  /** An OCI index whose order is not that of the platforms asked for. */
  multi: {
    layers: [SYSTEM, HOME],
    members: [
      ...[linux("s390x"), linux("amd64"), linux("arm", "v7"), linux("arm64")].map(rich),
      ATTESTATION,
    ],
  },
  /** Docker's media types, and variants as its official images have them. */
  docker: {
    docker: true,
    layers: [SYSTEM],
    members: [
      ...[linux("amd64"), linux("arm", "v6"), linux("arm", "v7"), linux("arm64", "v8")],
      linux("amd64", "v3"),
    ].map(classic),
  },
  /** One platform, no index, and a config with nothing in it that could be left out. */
  plain: {
    single: true,
    layers: [SYSTEM],
    members: [{ platform: linux("amd64"), config: linux("amd64") }],
  },
  /** What `crane append` makes of a layer: a config that names no platform. */
  nameless: {
    single: true,
    layers: [SYSTEM],
    members: [{
      platform: linux("amd64"),
      config: { os: "", architecture: "", created: "0001-01-01T00:00:00Z", config: {} },
    }],
  },
  windows: {
    layers: [WINDOWS],
    members: [
      rich(linux("amd64")),
      {
        platform: windows,
        osFeatures: ["win32k"],
        config: { ...windows, ...NANOSERVER },
      },
    ],
  },
  /** As Microsoft's bases were: a layer that everybody has to fetch from its maker. */
  nanoserver: {
    foreign: "https://maker.example/nanoserver.tar.gz",
    layers: [WINDOWS, [file("Files/update.txt", "more\r\n")]],
    members: [{ platform: windows, config: { ...windows, ...NANOSERVER } }],
  },
} satisfies Readonly<Record<string, Recipe>>;

/** A base that {@link makeBase} makes. */
export type BaseName = keyof typeof RECIPES;

const OCI = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

const FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

const DOCKER = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/**
 * Makes a base as a layout and pushes it.
 *
 * @param directory of the layout; it is made
 * @param repository in a registry, without tag
 */
export async function makeBase(
  name: BaseName,
  directory: string,
  repository: string,
): Promise<BaseImage> {
  const recipe: Recipe = RECIPES[name];
  const types = recipe.docker ? DOCKER : OCI;
  const blobs = join(directory, "blobs", "sha256");
  await Deno.mkdir(blobs, { recursive: true });

  const blob = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const bytes = text(JSON.stringify(value));
    const hex = createHash("sha256").update(bytes).digest("hex");
    await Deno.writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layers = await Promise.all(recipe.layers.map((entries) => putLayer(blobs, entries)));
  const member = async (one: Member): Promise<Descriptor> => {
    const { platform, osFeatures, config, annotations } = one;
    const rootfs = { type: "layers", diff_ids: layers.map((layer) => layer.diffId) };
    const manifest = await blob(types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: await blob(types.config, { ...config, rootfs }),
      layers: layers.map(({ digest, size }, i) =>
        i === 0 && recipe.foreign !== undefined
          ? { mediaType: FOREIGN, digest, size, urls: [recipe.foreign] }
          : { mediaType: types.layer, digest, size }
      ),
      // Docker's format has no place for annotations.
      ...(recipe.docker ? {} : { annotations: { "example.base": name } }),
    });
    const about = annotations ? { annotations } : {};
    const features = osFeatures ? { "os.features": osFeatures } : {};
    const whole = { os: "", architecture: "", ...platform, ...features };
    return { ...manifest, ...about, platform: whole };
  };
  const manifests = await Promise.all(recipe.members.map(member));
  const [first] = manifests;
  const root = recipe.single && first
    ? { mediaType: first.mediaType, digest: first.digest, size: first.size }
    : await blob(types.index, { schemaVersion: 2, mediaType: types.index, manifests });
  const reference = `${repository}:v1`;
  // The name in the registry: kodeno then says the same about where the base is from.
  const annotations = { "io.containerd.image.name": reference };
  const index = { schemaVersion: 2, manifests: [{ ...root, annotations }] };
  await Deno.writeTextFile(join(directory, "index.json"), JSON.stringify(index));
  await Deno.writeTextFile(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const all = recipe.foreign === undefined ? [] : ["--allow-nondistributable-artifacts"];
  await succeed(await goTool("crane"), ["push", ...all, directory, reference]);
  return { layout: `oci:${directory}`, reference, digest: root.digest };
}

async function putLayer(blobs: string, entries: readonly LayerEntry[]) {
  const temporary = await Deno.makeTempFile({ dir: blobs });
  const handle = await Deno.open(temporary, { write: true });
  try {
    const compression = { type: "gzip", level: 9 } as const;
    const written = await writeLayer(handle, entries, { compression });
    await Deno.rename(temporary, join(blobs, written.digest.slice("sha256:".length)));
    return written;
  } finally {
    handle.close();
  }
}
