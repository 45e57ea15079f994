/**
 * Keys that sign and keys that verify, in the files that cosign has them in, or in plain PEM: read, made,
 * and used. What is signed is told to nobody; what a key is protected by stays out of messages.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scrypt,
  type ScryptOptions,
  scryptSync,
  sign,
  verify,
} from "node:crypto";
import { promisify } from "node:util";
import { KodenoError, messageOf } from "../errors.ts";
import { isObject, jsonIn } from "../oci/manifest.ts";
import { xsalsa20poly1305 } from "../npm/noble_ciphers.ts";
import { ed25519ph } from "../npm/noble_curves.ts";

/** What signs: a key at hand, or a program that has one. */
export interface Signer {
  /** Signs bytes; gives the signature, for ECDSA in DER. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /** The key that verifies what it signs. */
  readonly key: VerificationKey;
  /** Whether the same bytes have the same signature each time. */
  readonly isRepeatable?: boolean | undefined;
}

/** A public key that signatures are checked with. */
export interface VerificationKey {
  /** Base64 of the SHA-256 of the key in PKIX, as a bundle names the key that it is signed with. */
  readonly hint: string;
  /** The key in PEM. */
  readonly pem: string;
  /** Whether a signature is that of these bytes by this key. */
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A pair of keys, each as the text of a file. */
interface KeyPair {
  /** Encrypted with a password, as cosign has it. */
  readonly privateKey: string;
  readonly publicKey: string;
}

const ENCRYPTED = /^ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY$/;
const KINDS = "a PEM file of cosign, or of a key in PKCS#8 or SEC 1";
/** Those that cosign's library takes, with what each needs of memory. */
const COSTS: readonly unknown[] = [32_768, 65_536, 131_072];
const COST = 65_536;
const BLOCK = 8;
const KEY_BYTES = 32;
const ED25519_BYTES = 32;
/** Those that cosign takes. */
const RSA_BITS: readonly unknown[] = [2048, 3072, 4096];
const NONCE_BYTES = 24;
const SALT_BYTES = 32;
const SCRYPT_MAX_BYTES = 256 * 1024 * 1024;
/** Far more than any key has; one that takes longer to read is none. */
const MAX_KEY_CHARACTERS = 64 * 1024;

/** Makes a pair of keys (ECDSA on P-256), the private one encrypted as cosign does. */
export function newKeyPair(password: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)];
  const secret = scryptSync(password, salt, KEY_BYTES, scryptOptions(COST));
  const sealed = xsalsa20poly1305(secret, nonce).encrypt(der);
  const box = {
    kdf: {
      name: "scrypt",
      params: { N: COST, r: BLOCK, p: 1 },
      salt: salt.toString("base64"),
    },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(sealed).toString("base64"),
  };
  return {
    privateKey: pem("ENCRYPTED SIGSTORE PRIVATE KEY", Buffer.from(JSON.stringify(box))),
    publicKey: publicKey.export({ format: "pem", type: "spki" }).toString(),
  };
}

/**
 * Reads a private key.
 *
 * @param text of the file
 * @param what names it in messages
 * @param password is asked for where the key is encrypted
 * @throws {KodenoError} `BAD_OPTION` for what is no such key, or another password than its own
 */
export async function readPrivateKey(
  text: string,
  what: string,
  password: () => Promise<string>,
): Promise<Signer> {
  const { label, bytes } = readPem(text, what);
  let key: KeyObject;
  if (ENCRYPTED.test(label)) key = await decrypted(bytes, what, await password());
  else if (label === "PRIVATE KEY" || label === "EC PRIVATE KEY") {
    key = parsed(what, () => createPrivateKey(text.trim()));
  } else throw bad(what, `it holds ${article(label)}, which signs nothing; say ${KINDS}`);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== "ec" || !isP256(curve)) {
    const kind = [key.asymmetricKeyType, curve].filter(Boolean).join(" ");
    throw bad(what, `it is a key of another kind (${kind}); only ECDSA on P-256 signs`);
  }
  return {
    sign: (bytes) => Promise.resolve(sign("sha256", bytes, key)),
    key: verificationKey(createPublicKey(key)),
    // The runtime signs by RFC 6979.
    isRepeatable: true,
  };
}

/**
 * Reads a public key: ECDSA on P-256 or P-384, RSA or Ed25519.
 *
 * @throws {KodenoError} `BAD_OPTION` for what is no such key
 */
export function readPublicKey(text: string, what: string): VerificationKey {
  const { label } = readPem(text, what);
  if (label.endsWith("PRIVATE KEY")) {
    throw bad(what, "it is a private key; say the public one (cosign.pub)");
  }
  if (label !== "PUBLIC KEY" && label !== "RSA PUBLIC KEY") {
    throw bad(what, `it holds ${article(label)}; say a public key in PEM (cosign.pub)`);
  }
  const key = parsed(what, () => createPublicKey(text.trim()));
  const { asymmetricKeyType: type = "unknown", asymmetricKeyDetails: details } = key;
  const { namedCurve: curve, modulusLength: bits } = details ?? {};
  if (type === "rsa" && !RSA_BITS.includes(bits)) {
    const why = `it is an RSA key of ${bits} bits; as with cosign it may have ${
      RSA_BITS.join(", ")
    }`;
    throw bad(what, why);
  }
  const isKnown = type === "rsa" || type === "ed25519" ||
    type === "ec" && (isP256(curve) || isP384(curve));
  if (isKnown) return verificationKey(key);
  const kind = [type, curve].filter(Boolean).join(" ");
  throw bad(
    what,
    `it is a key of another kind (${kind}); say one of ECDSA on P-256 or P-384, RSA or Ed25519`,
  );
}

/** P-256 has two names: that of OpenSSL, and that of NIST. */
const isP256 = (curve: string | undefined) =>
  curve === "prime256v1" || curve === "p256" ||
  curve === "P-256";
const isP384 = (curve: string | undefined) =>
  curve === "secp384r1" || curve === "p384" ||
  curve === "P-384";

function verificationKey(key: KeyObject): VerificationKey {
  const der = key.export({ format: "der", type: "spki" });
  const isEd25519 = key.asymmetricKeyType === "ed25519";
  // cosign hashes what a key on P-384 signs with either.
  const hashes = isEd25519
    ? [null]
    : isP384(key.asymmetricKeyDetails?.namedCurve)
    ? ["sha256", "sha384"]
    : ["sha256"];
  return {
    hint: createHash("sha256").update(der).digest("base64"),
    pem: key.export({ format: "pem", type: "spki" }).toString(),
    verifies: (bytes, signature) => {
      try {
        return hashes.some((hash) => verify(hash, bytes, key, signature)) ||
          isEd25519 && verifiesHash(bytes, signature, der);
      } catch {
        // Bytes that are no signature at all.
        return false;
      }
    },
  };
}

/** Whether a signature is Ed25519 over a hash (RFC 8032, Ed25519ph), which is how cosign signs with such keys. */
function verifiesHash(bytes: Uint8Array, signature: Uint8Array, der: Uint8Array): boolean {
  // In PKIX the key itself comes last. Others verify it as strictly.
  return ed25519ph.verify(signature, bytes, der.subarray(-ED25519_BYTES), { zip215: false });
}

/** The key in cosign's box. */
async function decrypted(bytes: Uint8Array, what: string, password: string): Promise<KeyObject> {
  const box = jsonIn(bytes);
  if (box === undefined) throw bad(what, "what it holds is not JSON");
  const { kdf, cipher, ciphertext } = isObject(box) ? box : {};
  const { name: derivation, params, salt } = isObject(kdf) ? kdf : {};
  const { name: sealing, nonce } = isObject(cipher) ? cipher : {};
  const { N, r, p } = isObject(params) ? params : {};
  if (derivation !== "scrypt" || sealing !== "nacl/secretbox") {
    throw bad(what, "it is encrypted in a way that kodeno does not know");
  }
  if (!COSTS.includes(N) || r !== BLOCK || p !== 1) {
    throw bad(what, "its scrypt parameters are none that cosign takes");
  }
  const [saltBytes, nonceBytes, sealed] = [salt, nonce, ciphertext]
    .map((text) => Buffer.from(typeof text === "string" ? text : "", "base64"));
  if (saltBytes?.length !== SALT_BYTES || nonceBytes?.length !== NONCE_BYTES || !sealed?.length) {
    throw bad(what, "salt, nonce or ciphertext are missing, or not whole");
  }
  // It takes long on purpose, and others work meanwhile.
  const secret = await promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt)(
    password,
    saltBytes,
    KEY_BYTES,
    scryptOptions(Number(N)),
  );
  let der: Uint8Array;
  try {
    der = xsalsa20poly1305(secret, nonceBytes).decrypt(sealed);
  } catch (error) {
    throw bad(what, "the password is wrong, or the file is damaged", error);
  }
  return parsed(
    what,
    () => createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" }),
  );
}

function scryptOptions(N: number): ScryptOptions {
  return { N, r: BLOCK, p: 1, maxmem: SCRYPT_MAX_BYTES };
}

/** The only block of a file in PEM; openssl writes which curve before a key, which says it, too. */
function readPem(text: string, what: string): { label: string; bytes: Uint8Array } {
  if (text.length > MAX_KEY_CHARACTERS) throw bad(what, "it is far larger than any key");
  const found = /-----BEGIN (?!EC PARAMETERS)([A-Z0-9 ]+)-----([^-]*)-----END \1-----/.exec(text);
  if (found === null) {
    const why = text.includes("-----BEGIN ") ? "it is cut off" : `it is not PEM; say ${KINDS}`;
    throw bad(what, why);
  }
  const [, label = "", body = ""] = found;
  return { label, bytes: Buffer.from(body, "base64") };
}

function parsed(what: string, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch (error) {
    // So says the runtime of the binary of P-521; a newer one reads such a key.
    if (/unsupported ec named curve/.test(messageOf(error))) {
      throw bad(what, "it is of a curve that is not known; say one of P-256 or P-384", error);
    }
    throw bad(what, "what it holds is no key, or not all of one", error);
  }
}

/** A block of PEM. */
function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

const article = (label: string): string => `${/^[AEIOU]/.test(label) ? "an" : "a"} ${label}`;

function bad(what: string, why: string, cause?: unknown): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot use key ${what}: ${why}`, {}, { cause });
}
