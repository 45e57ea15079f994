/**
 * `kodeno serve`: a layout as a read-only registry until Ctrl-C.
 * @module
 */
import { Command } from "commander";
import { serve } from "../app/serve.ts";
import type { Emit } from "../events.ts";
import { flags, type Given, text, toggle, withFlags } from "./flag.ts";
import { LAYOUT } from "./flags.ts";
import { printNote } from "./output.ts";
import { interruptible } from "./progress.ts";

const FLAGS = flags({
  listen: text(
    "--listen <host:port>",
    'where to listen (default: "127.0.0.1:5000"; port 0: a free one)',
  ),
  tlsCert: text("--tls-cert <file>", "certificate chain, as PEM (default: plain HTTP)"),
  tlsKey: text("--tls-key <file>", "its key, as PEM (default: plain HTTP)"),
  offline: toggle("--offline", "only listen; it never dials, with or without this"),
  verbose: toggle("-v, --verbose", "tell of each request"),
});

const EXAMPLES = `
A server that is told to stop (Ctrl-C, SIGTERM) has done its work: the exit code is 0.

Examples:
  # serve the layout "out" and pull from it
  kodeno serve out
  docker pull 127.0.0.1:5000/app:latest

  # for other machines, with a certificate
  kodeno serve out --listen 0.0.0.0:5443 --tls-cert cert.pem --tls-key key.pem`;

/** The command with its flags. */
export function serveCommand(): Command {
  return withFlags(new Command("serve"), FLAGS)
    .description(
      "Serves an OCI layout in place as a read-only registry, so that docker, containerd and\n" +
        "Kubernetes pull from a folder. Repositories are the names of the images without their\n" +
        "registry host; images that have a tag alone are in one named for the folder. As a mirror\n" +
        "(hosts.toml of containerd, registry-mirrors of Docker) it has the images of the registry that\n" +
        "the client asks for, and those whose names say none: app:latest is library/app of docker.io.\n" +
        "What is put into the layout meanwhile is served, too.",
    )
    .argument(...LAYOUT)
    .addHelpText("after", EXAMPLES)
    .action(async (layout: string, { listen, tlsCert, tlsKey, verbose }: Given<typeof FLAGS>) => {
      const emit: Emit = (event) => {
        if (event.type !== "note") return;
        if (event.level !== "verbose" || verbose) printNote(event.message);
      };
      await interruptible((signal) => serve({ layout, listen, tlsCert, tlsKey, signal, emit }));
    });
}
