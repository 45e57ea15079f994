/**
 * The commands that prove where images are from and tell what they are made of: `kodeno key`, `sign`,
 * `verify`, `sbom` and `rebuild`.
 * @module
 */
import { SBOM_FORMS, type SbomForm } from "../config/checks.ts";
import { KodenoError, printable } from "../errors.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { command, commandGroup, type Commands } from "./command.ts";
import { each, pairs } from "./flag.ts";
import { REGISTRY_FLAGS, TRANSFER_FLAGS, UNNAMED_FLAGS } from "./flags.ts";
import { printJson, printNote, printResult } from "./output.ts";
import { SIGNER_FLAGS, signerOf } from "./signer.ts";

const SIGNED_PLACE =
  "<place>  path of a layout or archive, or an image of a registry (HOST/PATH:TAG)" as const;
const SIGNED_NAMES =
  "[names...]  NAME[:TAG], tags or digests of the images (default: all)" as const;
const FORMS = { bundle: ["bundle"], legacy: ["legacy"], both: ["bundle", "legacy"] } as const;
const FORMAT = {
  text: `--format <form>  bundle, as cosign 3 makes them; legacy, as cosign 2 does; both
    (default: bundle)`,
  choices: Object.keys(FORMS) as (keyof typeof FORMS)[],
} as const;

const keyNew = command({
  about: `Creates a key pair: NAME.key, which is encrypted, to sign images, and NAME.pub to verify
    them. cosign takes both. The password is KODENO_KEY_PASSWORD or COSIGN_PASSWORD, or asked for.`,
  flags: { output: "--output <name>  path of the files without their endings (default: kodeno)" },
  examples: "kodeno key new --output release",
  isLocal: true,
  endsAtOnce: true,
  run: async ({ output = "kodeno" }, { signal }) =>
    (await import("../app/key.ts")).newKeys(
      output,
      async () => (await import("./ask.ts")).askPassword("for the new key", signal),
    ),
  print: ({ privateKey, publicKey }) => {
    printResult(privateKey);
    printResult(publicKey);
  },
});

const sign = command({
  about:
    `Signs images of a layout or archive, or one of a registry, with a key. The signature refers to the
    image, whose digest stays; push, copy and serve carry it along. What the key has signed
    already is left as it is.`,
  words: [SIGNED_PLACE, SIGNED_NAMES],
  flags: {
    ...SIGNER_FLAGS,
    format: FORMAT,
    recursive: "-r, --recursive  sign each platform and what refers to the image, too",
    annotations: pairs(
      "annotation",
      "-a, --annotation <key=value>  annotation of the signature (default: none)",
      (value) => [value],
    ),
    ...REGISTRY_FLAGS,
    json: "--json  print JSON, one signature per line",
  },
  examples: {
    "all images of a layout": "kodeno sign out --key kodeno.key",
    "with a key that another program has":
      'kodeno sign out --key key.pub --signer "openssl dgst -sha256 -sign key.pem"',
    "one of a registry, for admission controllers, too":
      "kodeno sign registry.local/team/app:v1 --key kodeno.key --format both",
  },
  run: async ({ format = "bundle", ...given }, work, place, images) => {
    const { sign } = await import("../app/sign.ts");
    const signer = signerOf(given.key, work.signal);
    return await sign({ ...given, ...signer, place, images, forms: FORMS[format], ...work });
  },
  jsonType: "signature",
  print: printSigned,
});

const attest = command({
  about:
    `Signs what a file says of images of a layout or archive, or of one of a registry: an SBOM, a
    report of a scanner, an approval. It refers to the image, as a signature does, and says the digest
    of that. What the key has said already is left as it is.`,
  words: [SIGNED_PLACE, SIGNED_NAMES],
  flags: {
    predicate: "--predicate <file>  what is said: JSON, or any text for the type custom",
    type: `--type <type>  custom, cyclonedx, link, openvex, slsaprovenance, slsaprovenance1, spdx,
      spdxjson, vuln, or a URI`,
    ...SIGNER_FLAGS,
    format: FORMAT,
    ...REGISTRY_FLAGS,
    json: "--json  print JSON, one signature per line",
  },
  examples: {
    "what a scanner found":
      "kodeno attest out app:v1 --predicate scan.json --type vuln --key kodeno.key",
    "that somebody lets all images pass":
      "kodeno attest out --predicate approval.txt --type custom --key kodeno.key",
    "an SBOM of another tool, for cosign 2, too":
      "kodeno attest out --predicate app.spdx.json --type spdxjson --key kodeno.key --format both",
  },
  run: async ({ predicate, type, format = "bundle", ...given }, work, place, images) => {
    if (predicate === undefined || type === undefined) {
      const next = predicate === undefined ? "say what, with --predicate FILE" : "say its --type";
      throw new KodenoError("BAD_OPTION", `Cannot attest anything of ${place}: ${next}`);
    }
    const { attest } = await import("../app/attest.ts");
    const signer = signerOf(given.key, work.signal);
    const forms = FORMS[format];
    return await attest({ ...given, ...signer, predicate, type, place, images, forms, ...work });
  },
  jsonType: "signature",
  print: printSigned,
});

const verify = command({
  about:
    `Checks images of a layout or archive, or one of a registry: all blobs are there, each is what its
    digest, size and type say, and each name means one image; with --key or --policy that those who
    have to have signed the image. Of a whole layout the blobs that no image uses are read, too.
    Connects only to the registry that is named. Prints the images that are good; the exit code is 1
    if something is wrong.`,
  words: [SIGNED_PLACE, SIGNED_NAMES],
  flags: {
    verifyKeys: each(
      "--key <file>  public key that must have signed the image; may be repeated, and one is enough",
    ),
    attestations: each(
      "--attestation <type>  spdx, cyclonedx, slsaprovenance1 or a URI: a statement that must be signed",
    ),
    policy: "--policy <file>  rules that say by names who must have signed what (default: none)",
    ...REGISTRY_FLAGS,
    json: "--json  print JSON: a line for each image, and for each damaged blob that no image has",
  },
  examples: {
    "whether all of it is there, and as it was": "kodeno verify out",
    "who has signed it": "kodeno verify out app:v1 --key kodeno.pub",
    "whether each image is signed as rules demand": "kodeno verify out --policy policy.yaml",
  },
  run: async (given, work, place, images) => {
    const { verifyImages, refuseFaults } = await import("../app/verify.ts");
    const found = await verifyImages({ ...given, place, images, ...work });
    return { ...found, refuse: () => refuseFaults(place, found) };
  },
  print: ({ images, strays, refuse }, { json }) => {
    for (const image of images) {
      const { name, digest, references, faults, blobs, bytes, signatures } = image;
      if (json) {
        printJson("image", image);
        continue;
      }
      if (faults.length === 0) {
        const by = signatures.length > 0 ? `, ${counted(signatures.length, "signature")}` : "";
        references.map(printable).forEach(printResult);
        printNote(`${counted(blobs, "blob")}, ${formatBytes(bytes)}${by}`);
      }
      for (const fault of faults) printNote(`${printable(name ?? digest)}: ${printable(fault)}`);
    }
    for (const stray of strays) {
      if (json) printJson("stray", stray);
      else printNote(`A blob that no image has: ${printable(stray.fault)}; kodeno gc removes it`);
    }
    refuse();
  },
});

const sbom = command({
  about: `Tells what images are made of: prints a software bill of materials (SBOM) of an image, or
    writes one for each platform and for the index. It is read from the image: its base, its files,
    and the modules that go has noted in its programs. An image of several platforms has several; say
    which with --platform, or where they go.`,
  words: [SIGNED_PLACE, SIGNED_NAMES],
  flags: {
    format: {
      text: "--format <form>  SPDX 2.3 or CycloneDX 1.6, as JSON (default: spdx)",
      choices: SBOM_FORMS,
    },
    platform: "--platform <os/arch>  of the image for this platform alone (default: all)",
    folder: "--sbom-dir <dir>  write files such as app-linux-amd64.spdx.json (default: none)",
    attach:
      `--attach  put each beside its image in the place, as a manifest that refers to it; into the
      index of an image only kodeno build --attest-in-index puts one, as its digest changes with it`,
    ...REGISTRY_FLAGS,
    json: "--json  print JSON, one SBOM per line",
  },
  refused: { attestInIndex: UNNAMED_FLAGS.attestInIndex },
  examples: {
    "of an image of a layout for one platform": "kodeno sbom out app:v1 --platform linux/amd64",
    "files for all its platforms": "kodeno sbom out app:v1 --sbom-dir sboms",
    "of all images, for those who get the layout": "kodeno sbom out --attach",
  },
  run: async ({ format = "spdx", ...given }, work, place, images) => {
    if ("attestInIndex" in given) {
      const why = "its digest would be another one, and nobody has named or signed that";
      const next = "say --attach, or build it with --attest-in-index";
      const message =
        `Cannot put an SBOM into the index of an image that is there: ${why}; ${next}`;
      throw new KodenoError("BAD_OPTION", message);
    }
    const { sbom } = await import("../app/sbom.ts");
    // Nothing else is among its choices.
    const form = format as SbomForm;
    return await sbom({ ...given, place, images, form, ...work });
  },
  jsonType: "sbom",
  print: (made) => {
    for (const { text, path, attached, digest } of made) {
      if (text !== undefined) printResult(text.trimEnd());
      if (path !== undefined) printResult(printable(path));
      if (attached !== undefined) printNote(`Attached to ${digest} (${attached})`);
    }
  },
});

const rebuild = command({
  about: `Builds an image again from what its provenance says (kodeno build --provenance): from the
    checkout, with the go, the flags and the base image that were recorded, whatever .ko.yaml says
    now. Writes no image. Prints the image when it is the same; the exit code is 1 if it is not.`,
  words: [
    SIGNED_PLACE,
    "[name]  NAME[:TAG], tag or digest of an image of a layout or archive (default: its only one)",
  ],
  flags: {
    source: "--source <dir>  folder of the checkout (default: the current one)",
    keys: each(
      "--key <file>  public key that must have signed the provenance; may be repeated (default: none)",
    ),
    baseImage: "--base-image <image>  where the same base image is now (default: where it was)",
    jobs: UNNAMED_FLAGS.jobs,
    cache: UNNAMED_FLAGS.cache,
    ...REGISTRY_FLAGS,
    mirrors: TRANSFER_FLAGS.mirrors,
    json: "--json  print JSON",
  },
  examples: {
    "of a layout, in the checkout that it was built in": "kodeno rebuild out app:v1",
    "of a registry, by what a key has signed":
      "kodeno rebuild registry.local/team/app:v1 --key kodeno.pub",
  },
  run: async (given, work, place, image) => {
    const { rebuild, refuseOther } = await import("../app/rebuild.ts");
    const result = await rebuild({ ...given, place, image, ...work });
    return { result, refuse: () => refuseOther(place, result) };
  },
  print: ({ result, refuse }, { json }) => {
    const { references, rebuilt, isSame } = result;
    if (json) printJson("rebuild", result);
    else if (isSame) {
      references.map(printable).forEach(printResult);
      printNote(`Built again, and the same: ${rebuilt}`);
    }
    refuse();
  },
});

/** What was signed, and what was signed before. */
function printSigned(
  signed: readonly {
    readonly references: readonly string[];
    readonly digest: string;
    readonly isRoot: boolean;
    readonly signature: string;
    readonly isNew: boolean;
  }[],
): void {
  for (const { references, digest, isRoot, signature, isNew } of signed) {
    if (isRoot) references.map(printable).forEach(printResult);
    const verb = isNew ? "Signed" : "Was signed already:";
    printNote(`${verb} ${digest} (${signature})`);
  }
}

const key = commandGroup(
  "Makes keys that sign images.",
  "kodeno key new --output release",
  { new: keyNew },
);

export default { key, sign, attest, verify, sbom, rebuild } satisfies Commands;
