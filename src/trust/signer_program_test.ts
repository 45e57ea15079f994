/**
 * Programs that sign: in which forms their signatures come, and how they fail.
 * @module
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { readPublicKey } from "./keys.ts";
import { programSigner } from "./signer_program.ts";

const BYTES = new TextEncoder().encode("it");
const environment = { PATH: Deno.env.get("PATH") ?? "" };

Deno.test("signer: signatures come in DER or base64, of each kind of key", async () => {
  await using dir = await tempDir();
  const openssl = {
    "P-256": "openssl dgst -sha256 -sign KEY",
    "P-384": "openssl dgst -sha384 -sign KEY",
    rsa: "openssl dgst -sha256 -sign KEY",
    // It has to know how much there is before it begins.
    ed25519: "cat >in; openssl pkeyutl -sign -rawin -in in -inkey KEY",
  };
  for (const [kind, command] of Object.entries(openssl)) {
    const { privateKey, publicKey } = kind === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : kind === "ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: kind });
    const path = await dir.write(
      `${kind}.pem`,
      privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    );
    const pub = publicKey.export({ format: "pem", type: "spki" }).toString();
    const key = readPublicKey(pub, "k.pub");
    for (const form of ["cat", "base64 -w 20"]) {
      const script = `cd ${dir.path}; { ${command.replace("KEY", path)}; } | ${form}`;
      const signer = programSigner(["sh", "-c", script], key, { environment, what: "k.pub" });
      assert.ok(key.verifies(BYTES, await signer.sign(BYTES)), `${kind} ${form}`);
    }
  }
});

Deno.test("signer: one that fails is told in one line, with its own words", async () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pub = publicKey.export({ format: "pem", type: "spki" }).toString();
  const key = readPublicKey(pub, "k.pub");
  const signing = (command: readonly string[], more = {}) => () =>
    programSigner(command, key, { environment, what: "k.pub", ...more }).sign(BYTES);
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      "echo no token >&2; echo in slot 0 >&2; exit 3",
      /: it ended with exit code 3: no token; in sl/,
    ],
    ["kill -9 $$", /: it was ended by SIGKILL$/],
    ["true", /: it prints nothing, and no signature by k\.pub in DER or base64$/],
    ["echo hello", /: what it prints is no signature by k\.pub in DER or base64$/],
    ["yes", /: it prints without end$/],
  ];
  for (const [script, why] of cases) {
    await failsWith("SIGNER_FAILED", signing(["sh", "-c", script]), why);
  }
  await failsWith("SIGNER_FAILED", signing(["nosuch"]), /with nosuch: there is no program nosuch/);
  const slow = ["sh", "-c", "echo waiting >&2; sleep 300; true"];
  await failsWith(
    "SIGNER_FAILED",
    signing(slow, { milliseconds: 300 }),
    /: it has not ended after 0\.3 seconds: waiting$/,
  );
  // Whoever interrupts kodeno has it end, too, with what it has started.
  const signal = AbortSignal.timeout(200);
  await assert.rejects(signing(slow, { signal }), (error) => error === signal.reason);
});
