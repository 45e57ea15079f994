/**
 * The commands that read images of any place: `kodeno push`, `load`, `pull`, `copy`, `diff` and `serve`.
 * @module
 */
import type { CopiedImage, CopyRequest } from "../app/copy.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { command, type Commands } from "./command.ts";
import { each, type Flags, texts } from "./flag.ts";
import {
  FOREIGN,
  IMAGE_PLACES,
  JSON_EVENTS,
  JSON_WHOLE,
  LAYOUT_OR_ARCHIVE,
  NO_REFERRERS,
  OFFLINE,
  RESULT_FLAGS,
  TRANSFER_FLAGS,
  TRUST_FLAGS,
} from "./flags.ts";
import { formatDuration, printJson, printNote, printResult, yieldStdout } from "./output.ts";

const NAMES = "[names...]  NAME[:TAG], tags or digests of images (default: all)" as const;

const push = command({
  about: `Pushes images of a layout or archive to a registry; blobs that it has are not sent. Images
    that have only a tag are named after the folder or archive.`,
  words: [LAYOUT_OR_ARCHIVE, NAMES],
  flags: {
    to: each(
      "--to <repo>  registry and prefix to push to; may be repeated (default: as in the names)",
    ),
    images: texts("--image <name>  the same as NAME; may be repeated (default: all)"),
    platform: "--platform <platform>  push one platform only (default: all)",
    tags: texts(
      "-t, --tag <list>  tags, with commas, to push instead of the images' own (default: those)",
    ),
    preserveImportPaths:
      "-P, --preserve-import-paths  name repositories after the whole name (the default)",
    baseImportPaths:
      "-B, --base-import-paths  name repositories after the last element of the name",
    bare: "--bare  push to the repository --to itself",
    referrers: NO_REFERRERS,
    dryRun: "--dry-run  print what would be sent where, and send nothing",
    ...RESULT_FLAGS,
    json: JSON_EVENTS,
    ...TRUST_FLAGS,
    ...TRANSFER_FLAGS,
  },
  examples: {
    "every image of the layout, below one prefix": "kodeno push out --to registry.local/team",
    "only if all of them are signed":
      "kodeno push out --to registry.local/team --verify-key kodeno.pub",
    "print what that would send": "kodeno push out --to registry.local/team --dry-run",
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
    for (const { references, blobs, bytes, mounted = [] } of images) {
      total += bytes;
      references.forEach(printResult);
      if (dryRun) printNote(`  ${verb} ${counted(blobs, "blob")}, ${formatBytes(bytes)}`);
      for (const one of mounted) {
        const what = `${counted(one.blobs, "blob")}, ${formatBytes(one.bytes)}`;
        printNote(`  would mount ${what}, from ${one.from}`);
      }
    }
    const { size } = new Set(images.map(({ name, digest }) => `${name}@${digest}`));
    printNote(`${counted(size, "image")}, ${verb} ${formatBytes(total)}`);
  },
});

const load = command({
  about: `Loads images into the Docker daemon (DOCKER_HOST, or the current context); one that it has
    is only tagged.`,
  words: [LAYOUT_OR_ARCHIVE, NAMES],
  flags: {
    images: texts("--image <name>  the same as NAME; may be repeated (default: all)"),
    platform: "--platform <platform>  platform to load, of several (default: the daemon's)",
    localDomain: `--local-domain <domain>  prefix of the names there;
      kind.local means the nodes of kind (default: none)`,
    foreign: FOREIGN,
    json: JSON_EVENTS,
    ...TRUST_FLAGS,
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
  platform: "--platform <platform>  copy one platform only (default: all)",
  referrers: `--referrers  copy what refers to the image, too (signatures, SBOMs): the default,
    but what cannot be had of that then fails the copy`,
  noReferrers: NO_REFERRERS,
  json: JSON_EVENTS,
  ...TRUST_FLAGS,
} satisfies Flags;

const copy = command({
  about: "Copies an image from one place to another; blobs that are there are not copied again.",
  words: ["<source>  place to copy from; see below", "<target>  place to copy to; see below"],
  flags: {
    ...IMAGE_FLAGS,
    localDomain: `--local-domain <domain>  prefix of the name in a daemon;
      kind.local means the nodes of kind (default: none)`,
    ...TRANSFER_FLAGS,
  },
  list: ["Places", {
    "oci:DIR[:NAME]": "an OCI layout",
    "archive:FILE[:NAME]":
      `an archive for "docker load" that is an OCI layout, too; FILE may be a pipe,
      and - is stdin or stdout`,
    "daemon:NAME": `the Docker daemon (DOCKER_HOST, or the current context); as a target,
      "daemon:" keeps the image's own name`,
    "REFERENCE": "an image in a registry",
  }],
  examples: {
    "one image of a layout as a file": "kodeno copy oci:out:app:v1 archive:app.tar",
    "into the daemon of another machine":
      "kodeno copy oci:out:app:v1 archive:- | ssh host docker load",
    "from registry to registry, without its signatures and SBOMs":
      "kodeno copy registry.local/team/app:v1 mirror.local/app:v1 --no-referrers",
  },
  view: true,
  run: (given, work, from, to) => copyOne({ ...given, from, to, ...work }),
  jsonType: "image",
  print: printCopied,
});

const pull = command({
  about: "Pulls an image from a registry into an OCI layout.",
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
  printNote(
    `moved ${counted(blobs, "blob")}, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}`,
  );
}

const diff = command({
  about:
    `Tells in what two images differ: platforms that only one has, configuration, annotations, layers
    (of ko's and kodeno's images: base, kodata or binary), the files in layers that differ, and in
    programs that go has built modules, settings and the version of go. Where digests are the same, so
    is everything, and nothing is read. The exit code is 0 for the same image, and 1 for different
    ones.`,
  words: ["<image>  an image; see below", "<other>  the image to compare it with; see below"],
  flags: {
    platform: "--platform <platform>  compare one platform only (default: all)",
    ...TRANSFER_FLAGS,
    foreign: "--foreign  look into foreign layers, too, from their URLs where they are missing",
    json: JSON_WHOLE,
    verbose: "-v, --verbose  print all files that differ, and the stack trace of a failure",
  },
  list: IMAGE_PLACES,
  before: "Lines with - are of the first image, those with + of the other one.",
  examples: {
    "two images of a layout": "kodeno diff out:app:v1 out:worker:v1",
    "whether a registry has what is here": "kodeno diff out:app:v1 registry.local/team/app:v1",
    "one platform, for a program":
      "kodeno diff out:app:v1 images.tar:worker --platform linux/arm64 --json",
  },
  run: async (given, work, a, b) => {
    const { diff, refuseDifference } = await import("../app/diff.ts");
    const { found, differences, first } = await diff({ ...given, a, b, ...work });
    return { a, b, found, differences, refuse: () => refuseDifference(a, b, first) };
  },
  print: async ({ a, b, found, differences, refuse }, { json, verbose }) => {
    if (json) printJson("diff", found);
    else if (found.isEqual) printResult(`equal: ${found.a}`);
    else {
      const { printDifferences } = await import("./diff_text.ts");
      const head = { what: "different", a: `${a} ${found.a}`, b: `${b} ${found.b}` };
      printDifferences([head, ...differences()], verbose);
    }
    refuse();
  },
});

const serve = command({
  about:
    `Serves an OCI layout, an archive or a bundle as a read-only registry, so that Docker, containerd
    and Kubernetes can pull from a folder or file. Repositories are named as the images, without their registry host; an image
    that has only a tag is in a repository named after the folder or file. As a mirror (hosts.toml of
    containerd, registry-mirrors of Docker) it serves the images of the registry that a client asks
    for, and those whose names have no registry: app:latest is library/app of docker.io. Images that
    are added to the layout meanwhile are served, too.`,
  words: [LAYOUT_OR_ARCHIVE],
  flags: {
    listen: `--listen <host:port>  where to listen; :PORT is all interfaces, and port 0 a free one
      (default: "127.0.0.1:5000")`,
    tlsCert: "--tls-cert <file>  certificate chain in PEM (default: plain HTTP)",
    tlsKey: "--tls-key <file>  private key of the certificate in PEM (default: plain HTTP)",
    referrers: NO_REFERRERS,
    verifyKeys: each(
      `--verify-key <file>  serve only images that a public key has signed; may be repeated, and one
      is enough (default: all images)`,
    ),
    policy:
      `--policy <file>  serve only images that are signed as rules demand, as of "kodeno verify"
      (default: all images)`,
    offline: "--offline  accepted, and changes nothing: serve connects to nobody",
    verbose: "-v, --verbose  print each request",
  },
  before: "Ctrl-C or SIGTERM stops the server; the exit code is 0.",
  examples: {
    'serve the layout "out" and pull from it':
      "kodeno serve out\ndocker pull 127.0.0.1:5000/app:latest",
    "only what is signed as rules demand": "kodeno serve out --policy policy.yaml",
    "for other machines, with a certificate":
      "kodeno serve out --listen :5443 --tls-cert cert.pem --tls-key key.pem",
  },
  run: async (given, { signal, emit }, layout) =>
    (await import("../app/serve.ts")).serve({ ...given, layout, signal, emit }),
});

export default { push, load, pull, copy, diff, serve } satisfies Commands;
