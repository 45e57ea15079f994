/**
 * Debian's docker-registry as careful people run it: with a password, or with a certificate of a CA
 * of their own, which those who come have to have one of, too.
 * @module
 */
import { makeCertificates, makeOwnCertificate } from "./certificates.ts";
import { rootTool, startDaemon } from "./tools.ts";
import { tempDir } from "../support/temp.ts";

/** The one who is let in. */
export const USER = "ali";
/** Holds a space and a colon's neighbour, which must survive the way into a header. */
export const PASSWORD = "open sesame";
/** bcrypt of {@link PASSWORD}, the only hash that docker-registry takes. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n`;

/** A registry that answers until it is stopped. */
export interface SecuredRegistry extends AsyncDisposable {
  readonly host: string;
  /** PEM of the CA, or of its own certificate; "" without TLS. */
  readonly ca: string;
  /** PEM of its own certificate; "" without TLS. */
  readonly server: string;
  /** PEM of a certificate that it lets in, and of its key; "" unless it asks for one. */
  readonly client: { readonly cert: string; readonly key: string };
}

/** Starts one; needs the parts "docker-registry" and, for TLS, "openssl". */
export async function startSecuredRegistry(
  secured: {
    readonly password?: boolean;
    readonly tls?: boolean;
    /** With `tls`: its certificate is that of a CA itself. */
    readonly own?: boolean;
    /** With `tls`: lets in only who has a certificate of the CA. */
    readonly clients?: boolean;
  },
): Promise<SecuredRegistry> {
  const path = rootTool("docker-registry");
  if (!path) throw new Error("docker-registry is not on PATH");
  const folder = await tempDir();
  try {
    const htpasswd = await folder.write("htpasswd", HTPASSWD);
    if (secured.tls) await makeCertificates(folder.path);
    if (secured.own) await makeOwnCertificate(folder.path, "server");
    const clientCas = secured.clients ? `, clientcas: ["${folder.path}/ca.crt"]` : "";
    const tls = `, tls: { certificate: ${folder.path}/server.crt, key: ${folder.path}/server.key` +
      `${clientCas} }`;
    const auth = `auth: { htpasswd: { realm: "the registry, of tests", path: ${htpasswd} } }\n`;
    const config = await folder.write(
      "config.yml",
      `version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${folder.join("storage")} }, delete: { enabled: true } }
${secured.password ? auth : ""}http: { addr: "127.0.0.1:0"${secured.tls ? tls : ""} }
`,
    );
    const daemon = await startDaemon(
      path,
      ["serve", config],
      (log) => log.match(/listening on (127\.0\.0\.1:\d+)/)?.[1],
    );
    const pem = async (name: string, wanted = false): Promise<string> =>
      wanted ? await Deno.readTextFile(folder.join(name)) : "";
    return {
      host: daemon.ready,
      ca: await pem(secured.own ? "server.crt" : "ca.crt", secured.tls),
      server: await pem("server.crt", secured.tls),
      client: {
        cert: await pem("client.crt", secured.clients),
        key: await pem("client.key", secured.clients),
      },
      async [Symbol.asyncDispose]() {
        await daemon.stop();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
