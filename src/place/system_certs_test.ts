/**
 * Where certificates of the system are looked for, by variables and without.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { systemCerts } from "./system_certs.ts";

const pem = (name: string): string =>
  `# ${name}\n-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;

Deno.test("system certificates: files and folders of variables, in the place of the usual ones", async () => {
  await using dir = await tempDir();
  const file = await dir.write("ca.pem", pem("file"));
  for (const name of ["b.pem", "a.0"]) await dir.write(`one/${name}`, pem(name));
  await dir.write("one/README", "no certificate");
  await dir.write("one/sub/c.pem", pem("below"));
  await dir.write("two/d.crt", pem("d"));
  await Deno.symlink(dir.join("nowhere"), dir.join("two/broken"));
  const warnings: string[] = [];
  const find = (environment: Record<string, string>) =>
    systemCerts(environment, (message) => warnings.push(message));
  const SSL_CERT_DIR = `${dir.join("one")}:${dir.join("two")}`;
  assert.deepEqual(
    await find({ SSL_CERT_FILE: file, SSL_CERT_DIR }),
    ["file", "a.0", "b.pem", "d"].map(pem),
  );
  // One alone is beside what the distribution has, as in Go; nothing is not set.
  const usual = await find({});
  assert.deepEqual(await find({ SSL_CERT_FILE: "", SSL_CERT_DIR: "" }), usual);
  assert.deepEqual(await find({ SSL_CERT_FILE: file }), [pem("file"), ...usual]);
  assert.deepEqual(warnings, []);
  const none = dir.join("none");
  assert.deepEqual(await find({ SSL_CERT_FILE: none, SSL_CERT_DIR: none }), []);
  assert.deepEqual(warnings, [
    `Cannot read certificates in ${none} (SSL_CERT_FILE): there is no such file or folder`,
    `Cannot read certificates in ${none} (SSL_CERT_DIR): there is no such file or folder`,
  ]);
});
