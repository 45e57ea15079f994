/**
 * Debian's docker-registry as careful people run it: with a password, or with a certificate of a CA
 * of their own.
 * @module
 */
import { join } from "node:path";
import { rootTool, startDaemon } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";
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
  /** PEM of the CA; "" without TLS. */
  readonly ca: string;
}

/** Starts one; needs the parts "docker-registry" and, for TLS, "openssl". */
export async function startSecuredRegistry(
  secured: { readonly password?: boolean; readonly tls?: boolean },
): Promise<SecuredRegistry> {
  const path = rootTool("docker-registry");
  if (!path) throw new Error("docker-registry is not on PATH");
  const folder = await tempDir();
  try {
    const htpasswd = await folder.write("htpasswd", HTPASSWD);
    if (secured.tls) await makeCertificate(folder.path);
    const tls = `, tls: { certificate: ${folder.path}/server.crt, key: ${folder.path}/server.key }`;
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
    return {
      host: daemon.ready,
      ca: secured.tls ? await Deno.readTextFile(folder.join("ca.crt")) : "",
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

/** Makes a CA and a certificate of it for 127.0.0.1, localhost and reg.test. */
async function makeCertificate(folder: string): Promise<void> {
  const openssl = rootTool("openssl");
  if (!openssl) throw new Error("openssl is not on PATH");
  const file = (name: string) => join(folder, name);
  const key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await succeed(openssl, [
    ...["req", "-x509", ...key, "-subj", "/CN=kodeno test CA"],
    ...["-keyout", file("ca.key"), "-out", file("ca.crt")],
  ]);
  await succeed(openssl, [
    ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"],
    ...["-keyout", file("server.key"), "-out", file("server.csr")],
  ]);
  await Deno.writeTextFile(
    file("extensions"),
    "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:reg.test\nbasicConstraints=CA:FALSE\n",
  );
  await succeed(openssl, [
    ...["x509", "-req", "-days", "2", "-in", file("server.csr"), "-extfile", file("extensions")],
    ...["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"],
    ...["-out", file("server.crt")],
  ]);
}
