/**
 * `kodeno mirror-config`: what others put in place to take images from a registry.
 * @module
 */
import { printable } from "../errors.ts";
import { command, type Commands } from "./command.ts";
import type { Flags } from "./flag.ts";
import { printResult, printText } from "./output.ts";

const FLAGS = {
  form: {
    text:
      `--format <form>  for clients: containerd, k3s, registries.conf (podman, skopeo, CRI-O), idms
      (OpenShift); as a list: imageslock (imgpkg, kbld), kustomize, hauler, zarf (default: none)`,
    choices: [
      "containerd",
      "k3s",
      "registries.conf",
      "idms",
      "imageslock",
      "kustomize",
      "hauler",
      "zarf",
    ],
  },
  host:
    `--host <host>  HOST[:PORT][/PATH] of the registry or of "kodeno serve", with http:// before it
    for plain HTTP; lists name the images as they are there (default: none)`,
  certsDir: `--certs-dir <dir>  write the files of containerd below this folder, such as
    /etc/containerd/certs.d (default: print them)`,
} as const satisfies Flags;

const mirrorConfig = command({
  about:
    `Prints what clients put in place to take images from another registry than their names say:
    a registry behind a gap, or "kodeno serve". The names of the images of a layout, archive or bundle
    say which registries that one stands for; without one it is all of them, for containerd and k3s.
    Or lists the images by digest, as other tools read that. Bases that a bundle has along are left out
    unless they are named.`,
  words: [
    "[place]  path of a layout, archive or bundle; - is an archive on stdin (default: none)",
    "[names...]  NAME[:TAG], tags or digests of images (default: all)",
  ],
  flags: FLAGS,
  examples: {
    "for containerd: the images of a layout are served at 10.0.0.5:5000":
      "kodeno mirror-config out --host http://10.0.0.5:5000 --format containerd --certs-dir certs.d",
    "for k3s, whatever registry an image is of":
      "kodeno mirror-config --host http://10.0.0.5:5000 --format k3s > registries.yaml",
    "have kustomize write the digests of what is in a registry into objects":
      "kodeno mirror-config app.bundle.tar app:v1 --host registry.local/team --format kustomize",
  },
  isLocal: true,
  run: async (given, { signal, emit }, place, images) => {
    const { mirrorConfig } = await import("../app/mirror_config.ts");
    const files = await mirrorConfig({ ...given, place, images, signal, emit });
    return { files, isWritten: given.certsDir !== undefined };
  },
  print: ({ files, isWritten }) => {
    if (isWritten) return files.forEach(({ path }) => printResult(printable(path)));
    // The parts of a list are told from each other by what they are called.
    const texts = files.map(({ path, text }) => files.length > 1 ? `# ${path}\n${text}` : text);
    printText(texts.join("\n"));
  },
});

export default { "mirror-config": mirrorConfig } satisfies Commands;
