/**
 * `kodeno serve`: a layout as a read-only registry until Ctrl-C.
 * @module
 */
import { Command } from "commander";
import { serve } from "../app/serve.ts";
import { interruptible } from "./interrupt.ts";
import { printNote } from "./output.ts";

interface Flags {
  readonly listen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly verbose?: boolean;
}

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
  return new Command("serve")
    .description(
      "Serves an OCI layout in place as a read-only registry, so that docker, containerd and\n" +
        "Kubernetes pull from a folder. Repositories are the names of the images without their\n" +
        "registry host; images that have a tag alone are in one named for the folder. As a mirror\n" +
        "(hosts.toml of containerd, registry-mirrors of Docker) it has the images of the registry that\n" +
        "the client asks for, and those whose names say none: app:latest is library/app of docker.io.\n" +
        "What is put into the layout meanwhile is served, too.",
    )
    .argument("<layout>", "folder of the layout")
    .option(
      "--listen <host:port>",
      'where to listen (default: "127.0.0.1:5000"; port 0: a free one)',
    )
    .option("--tls-cert <file>", "certificate chain, as PEM (default: plain HTTP)")
    .option("--tls-key <file>", "its key, as PEM (default: plain HTTP)")
    .option("--offline", "only listen; it never dials, with or without this")
    .option("-v, --verbose", "tell of each request")
    .addHelpText("after", EXAMPLES)
    .action(async (layout: string, flags: Flags) => {
      await interruptible((signal) =>
        serve({
          layout,
          listen: flags.listen,
          tlsCert: flags.tlsCert,
          tlsKey: flags.tlsKey,
          signal,
          emit: (event) => {
            if (event.type !== "note") return;
            if (event.level !== "verbose" || flags.verbose) printNote(event.message);
          },
        })
      );
    });
}
