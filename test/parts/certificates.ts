/**
 * Certificates of a CA of the tests, for servers on loopback and for who comes to them.
 * @module
 */
import { join } from "node:path";
import { succeed } from "../support/process.ts";
import { rootTool } from "./tools.ts";

/** Names of a server on loopback. */
export const LOOPBACK_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:reg.test";

/** Runs it. */
export async function openssl(...args: readonly string[]): Promise<void> {
  const path = rootTool("openssl");
  if (!path) throw new Error("openssl is not on PATH");
  await succeed(path, args);
}

/**
 * Makes a server's own certificate, which is that of a CA, as people do with one command: `NAME.crt` and
 * `NAME.key`; gives its PEM. Needs the part "openssl".
 */
export async function makeOwnCertificate(
  folder: string,
  name: string,
  names = LOOPBACK_NAMES,
): Promise<string> {
  await openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)],
    ...(names === "" ? [] : ["-addext", names]),
  );
  return await Deno.readTextFile(join(folder, `${name}.crt`));
}

/**
 * Makes a CA, a certificate of it for 127.0.0.1, localhost and reg.test, and one for a client:
 * `ca`, `server` and `client`, each `.crt` and `.key`. Needs the part "openssl".
 */
export async function makeCertificates(folder: string): Promise<void> {
  const file = (name: string) => join(folder, name);
  await openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", "/CN=kodeno test CA", "-keyout", file("ca.key"), "-out", file("ca.crt")],
  );
  const make = async (name: string, key: readonly string[], extensions: string) => {
    await openssl(
      ...["req", ...key, "-nodes", "-subj", `/CN=${name}`],
      ...["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`)],
    );
    await Deno.writeTextFile(
      file(`${name}.extensions`),
      `${extensions}basicConstraints=CA:FALSE\n`,
    );
    await openssl(
      ...["x509", "-req", "-days", "2", "-in", file(`${name}.csr`)],
      ...["-extfile", file(`${name}.extensions`), "-out", file(`${name}.crt`)],
      ...["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"],
    );
  };
  await make("server", ["-newkey", "rsa:2048"], `${LOOPBACK_NAMES}\n`);
  await make("client", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "");
}
