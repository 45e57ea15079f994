/**
 * The commands that move images between places: `kodeno push`, `load`, `pull`, `copy` and `serve`.
 * @module
 */
import type { CopiedImage, CopyRequest } from "../app/copy.ts";
import { command, type Commands } from "./command.ts";
import { each, type Flags, texts } from "./flag.ts";
import {
  FOREIGN,
  JSON_EVENTS,
  LAYOUT,
  LAYOUT_OR_ARCHIVE,
  OFFLINE,
  TRANSFER_FLAGS,
} from "./flags.ts";
import { formatBytes, formatDuration, printNote, printResult, yieldStdout } from "./output.ts";

const NAMES = "[names...]  NAME[:TAG], tags or digests of images (default: all)" as const;

const push = command({
  about: `Pushes the images of a layout or archive; what the registry has is not sent. Those that
    have a tag alone are named for the folder or archive.`,
  words: [LAYOUT_OR_ARCHIVE, NAMES],
  flags: {
    to: each(
      "--to <repo>  prefix of repositories; may be said again (default: where the names say)",
    ),
    images: texts("--image <name>  the same as a name; may be said again (default: all)"),
    platform: "--platform <platform>  push the image of one platform alone (default: all)",
    tags: texts("-t, --tag <list>  tags in the place of the images' own (default: these)"),
    preserveImportPaths:
      "-P, --preserve-import-paths  name repositories by the whole name, as is the default",
    baseImportPaths: "-B, --base-import-paths  name repositories by the last element of the name",
    bare: "--bare  push to the repository of --to itself",
    dryRun: "--dry-run  tell what would go where, and send nothing",
    json: JSON_EVENTS,
    ...TRANSFER_FLAGS,
  },
  examples: {
    "every image of the layout, below one prefix": "kodeno push out --to registry.local/team",
    "what that would send": "kodeno push out --to registry.local/team --dry-run",
    "to two registries": "kodeno push out --to registry.local/team --to mirror.local/team",
    "one platform, where the others are not there":
      "kodeno push saved.tar --to registry.local/team --platform linux/arm64",
    "one image of an archive, under other tags":
      "kodeno push images.tar app --to registry.local/team -t v2,stable",
  },
  view: true,
  run: async ({ images = [], ...given }, work, from, names) => {
    const { push } = await import("../app/push.ts");
    return await push({ ...given, from, images: [...names, ...images], ...work });
  },
  jsonType: "image",
  print: (images, { dryRun }) => {
    const verb = dryRun ? "would send" : "sent";
    let total = 0;
    for (const { references, blobs, bytes } of images) {
      total += bytes;
      references.forEach(printResult);
      if (dryRun) printNote(`  ${verb} ${blobs} blobs, ${formatBytes(bytes)}`);
    }
    const { size } = new Set(images.map(({ name, digest }) => `${name}@${digest}`));
    printNote(`${size} images, ${verb} ${formatBytes(total)}`);
  },
});

const load = command({
  about: `Loads images into the Docker daemon (DOCKER_HOST, or the context in use); one it has is
    only named.`,
  words: [LAYOUT_OR_ARCHIVE, NAMES],
  flags: {
    images: texts("--image <name>  the same as a name; may be said again (default: all)"),
    platform: "--platform <platform>  of several platforms, this one (default: the daemon's)",
    localDomain: `--local-domain <domain>  prefix of the names there;
      kind's nodes under kind.local (default: none)`,
    foreign: FOREIGN,
    json: JSON_EVENTS,
    offline: OFFLINE,
  },
  examples: {
    "all images of the layout": "kodeno load out",
    "two images of an archive, for another platform than the daemon's own":
      "kodeno load images.tar app:v1 worker --platform linux/arm64",
    'named dev.local/..., as "build -L --local-domain dev.local" names them':
      "kodeno load out --local-domain dev.local",
  },
  view: true,
  run: async ({ images = [], ...given }, work, from, names) => {
    const { load } = await import("../app/load.ts");
    return await load({ ...given, from, images: [...names, ...images], ...work });
  },
  jsonType: "image",
  print: (images) => {
    for (const { references, sent, id } of images) {
      references.forEach(printResult);
      printNote(`  ${sent ? "loaded" : "was there"} as ${id}`);
    }
  },
});

const IMAGE_FLAGS = {
  platform: "--platform <platform>  take the image of one platform alone (default: all)",
  referrers: "--referrers  take what refers to it (signatures, SBOMs) along",
  json: JSON_EVENTS,
} satisfies Flags;

const copy = command({
  about: "Copies one image from a place to a place; what is there is not moved.",
  words: ["<source>  place to read; see below", "<target>  place to write; see below"],
  flags: {
    ...IMAGE_FLAGS,
    localDomain: `--local-domain <domain>  prefix of the name in a daemon;
      kind's nodes under kind.local (default: none)`,
    ...TRANSFER_FLAGS,
  },
  list: ["Places", {
    "oci:DIR[:NAME]": "an OCI layout",
    "archive:FILE[:NAME]": `a tar that "docker load" takes and that is a layout, too; FILE may be a
      pipe, and - for stdin or stdout`,
    "daemon:NAME": `the Docker daemon (DOCKER_HOST, or the context in use); as a target, "daemon:"
      takes the image's own name`,
    "REFERENCE": "an image in a registry",
  }],
  examples: {
    "one image of a layout as a file": "kodeno copy oci:out:app:v1 archive:app.tar",
    "into a daemon elsewhere; what was copied is told on stderr":
      "kodeno copy oci:out:app:v1 archive:- | ssh host docker load",
    "from registry to registry, with its signatures and SBOMs":
      "kodeno copy registry.local/team/app:v1 mirror.local/app:v1 --referrers",
  },
  view: true,
  run: (given, work, from, to) => copyOne({ ...given, from, to, ...work }),
  jsonType: "image",
  print: printCopied,
});

const pull = command({
  about: "Pulls an image of a registry into a layout.",
  words: ["<reference>  image in a registry"],
  flags: {
    ...IMAGE_FLAGS,
    ociLayout: '--oci-layout <dir>  folder of the layout (default: "out")',
    ...TRANSFER_FLAGS,
  },
  examples: {
    "a base image for builds without a network":
      "kodeno pull registry.local/team/base:v1 --oci-layout bases",
    "one platform of it":
      "kodeno pull registry.local/team/base:v1 --oci-layout bases --platform linux/arm64",
  },
  view: true,
  run: ({ ociLayout = "out", ...given }, work, from) =>
    copyOne({ ...given, from, to: `oci:${ociLayout}`, ...work }),
  jsonType: "image",
  print: printCopied,
});

async function copyOne(request: CopyRequest): Promise<CopiedImage> {
  const { to } = request;
  await yieldStdout({ [to]: /^archive:([^:@]+)/.exec(to)?.[1] });
  return await (await import("../app/copy.ts")).copyImage(request);
}

function printCopied(copied: CopiedImage, _: unknown, elapsedMs: number): void {
  const { references, blobs, bytes } = copied;
  references.forEach(printResult);
  printNote(`moved ${blobs} blobs, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}`);
}

const serve = command({
  about: `Serves an OCI layout in place as a read-only registry, so that docker, containerd and
    Kubernetes pull from a folder. Repositories are the names of the images without their registry
    host; images that have a tag alone are in one named for the folder. As a mirror (hosts.toml of
    containerd, registry-mirrors of Docker) it has the images of the registry that the client asks
    for, and those whose names say none: app:latest is library/app of docker.io. What is put into
    the layout meanwhile is served, too.`,
  words: [LAYOUT],
  flags: {
    listen: `--listen <host:port>  where to listen; :PORT is all interfaces, and port 0 a free one
      (default: "127.0.0.1:5000")`,
    tlsCert: "--tls-cert <file>  certificate chain, as PEM (default: plain HTTP)",
    tlsKey: "--tls-key <file>  its key, as PEM (default: plain HTTP)",
    offline: "--offline  only listen; it never dials, with or without this",
    verbose: "-v, --verbose  tell of each request",
  },
  before: "A server that is told to stop (Ctrl-C, SIGTERM) has done its work: the exit code is 0.",
  examples: {
    'serve the layout "out" and pull from it':
      "kodeno serve out\ndocker pull 127.0.0.1:5000/app:latest",
    "for other machines, with a certificate":
      "kodeno serve out --listen :5443 --tls-cert cert.pem --tls-key key.pem",
  },
  run: async (given, { signal, emit }, layout) =>
    (await import("../app/serve.ts")).serve({ ...given, layout, signal, emit }),
});

export default { push, load, pull, copy, serve } satisfies Commands;
