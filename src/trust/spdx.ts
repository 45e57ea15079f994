/**
 * SBOMs as SPDX 2.3 has them, in JSON.
 * @module
 */
import { createHash } from "node:crypto";
import {
  basePurl,
  type FileFacts,
  goCpe,
  goPurl,
  type ImageFacts,
  imagePurl,
  mainOf,
  type ModuleFacts,
  modulePurl,
  programPurl,
  programsOf,
  releaseOf,
  replacedBy,
  type SbomMaker,
  sha256Of,
  timestampOf,
} from "./contents.ts";

const UNKNOWN = "NOASSERTION";
const DOCUMENT = "SPDXRef-DOCUMENT";

/** Says of elements how one is related to another. */
type Relate = (element: string, relationshipType: string, other: string) => void;

/** The document of an image, or of an index. The same facts make the same document. */
export function spdxDocument(
  facts: ImageFacts,
  maker: SbomMaker,
): Readonly<Record<string, unknown>> {
  const { image, base, name } = facts;
  const ids = new Ids();
  const relationships: unknown[] = [];
  const relate: Relate = (spdxElementId, relationshipType, relatedSpdxElement) => {
    relationships.push({ spdxElementId, relationshipType, relatedSpdxElement });
  };
  const packages: unknown[] = [];
  const add = (kind: string, value: Readonly<Record<string, unknown>>): string => {
    const SPDXID = ids.of(kind);
    packages.push({ SPDXID, ...value });
    return SPDXID;
  };

  const own = add(`Package-${image.digest}`, {
    ...plainPackage(image.digest, "CONTAINER"),
    ...checksums(sha256Of(image.digest)),
    ...references([purl(imagePurl(facts, image))]),
  });
  relate(DOCUMENT, "DESCRIBES", own);
  if (base?.digest ?? base?.name) {
    const url = base && basePurl(base);
    const id = add(`Package-base-${base?.digest ?? base?.name}`, {
      ...plainPackage(base?.name ?? base?.digest ?? "", "CONTAINER"),
      ...(base?.digest ? { versionInfo: base.digest } : {}),
      ...checksums(sha256Of(base?.digest)),
      ...references(url ? [purl(url)] : []),
    });
    relate(own, "DESCENDANT_OF", id);
  }
  for (const one of facts.images) {
    const id = add(`Package-${one.digest}`, {
      ...plainPackage(one.digest, "CONTAINER"),
      ...checksums(sha256Of(one.digest)),
      ...references([purl(imagePurl(facts, one))]),
    });
    relate(own, "VARIANT_OF", id);
  }
  const mains = addPrograms(facts, { own, add, relate });
  const files = facts.files.map((file) => ({
    SPDXID: ids.of(`File-${file.path}`),
    fileName: `.${file.path}`,
    fileTypes: [file.program ? "BINARY" : "OTHER"],
    checksums: [
      { algorithm: "SHA1", checksumValue: file.sha1 },
      { algorithm: "SHA256", checksumValue: file.sha256 },
    ],
    licenseConcluded: UNKNOWN,
    licenseInfoInFiles: [UNKNOWN],
    copyrightText: UNKNOWN,
  }));
  if (files.length > 0) {
    // Only a package whose files were all looked at may hold some, and nobody has looked at the base's.
    const id = add("Package-files", {
      ...plainPackage(name, "APPLICATION"),
      filesAnalyzed: true,
      packageVerificationCode: { packageVerificationCodeValue: verificationCode(facts.files) },
      licenseInfoFromFiles: [UNKNOWN],
      comment: "the files that the image has beside those of its base",
    });
    relate(own, "CONTAINS", id);
    files.forEach(({ SPDXID }, i) => {
      relate(id, "CONTAINS", SPDXID);
      const main = mains.get(facts.files[i]?.program);
      if (main !== undefined) relate(SPDXID, "GENERATED_FROM", main);
    });
  }
  const content = {
    creationInfo: {
      created: timestampOf(maker.time ?? 0),
      creators: [`Tool: kodeno-${maker.version}`],
    },
    documentDescribes: [own],
    packages,
    ...(files.length > 0 ? { files } : {}),
    relationships,
  };
  // Each document has a name of its own, and the same one has the same (SPDX 2.3, 6.5).
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  return {
    SPDXID: DOCUMENT,
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    name: `sbom-${image.digest}`,
    documentNamespace: `http://spdx.org/spdxdocs/kodeno/${image.digest}/${hash}`,
    ...content,
  };
}

/** Adds the modules of all programs, each once; gives that of each program. */
function addPrograms(
  facts: ImageFacts,
  { own, add, relate }: {
    readonly own: string;
    readonly add: (kind: string, value: Readonly<Record<string, unknown>>) => string;
    readonly relate: Relate;
  },
): ReadonlyMap<unknown, string> {
  const known = new Map<string, string>();
  const addOnce = (key: string, make: () => Readonly<Record<string, unknown>>): string => {
    const id = known.get(key) ?? add(`Package-${key}`, make());
    known.set(key, id);
    return id;
  };
  const addModule = (module: ModuleFacts, purpose: string, url = modulePurl(module)) =>
    addOnce([module.path, module.version].filter((one) => one).join("-"), () => ({
      ...plainPackage(module.path, purpose),
      ...(module.version ? { versionInfo: module.version } : {}),
      ...(module.location ? { downloadLocation: module.location } : {}),
      ...checksums(sha256Of(module.digest)),
      ...said("sourceInfo", sourceOf(module)),
      ...said("comment", module.sum && `Go's own hash of its files is ${module.sum}`),
      ...references([purl(url)]),
    }));
  const mains = new Map<unknown, string>();
  for (const program of programsOf(facts)) {
    const main = addModule(mainOf(program), "APPLICATION", programPurl(program));
    mains.set(program, main);
    relate(own, "CONTAINS", main);
    const release = releaseOf(program);
    const needs = program.modules.map((module) => addModule(module, "LIBRARY"));
    if (release !== undefined) {
      needs.push(addOnce(`stdlib-${release}`, () => ({
        ...plainPackage("stdlib", "LIBRARY"),
        versionInfo: `go${release}`,
        licenseDeclared: "BSD-3-Clause",
        ...references([purl(goPurl(release)), cpe(goCpe(release))]),
      })));
    }
    for (const id of new Set(needs)) relate(main, "DEPENDS_ON", id);
  }
  return mains;
}

function plainPackage(name: string, primaryPackagePurpose: string) {
  return {
    name,
    primaryPackagePurpose,
    filesAnalyzed: false,
    downloadLocation: UNKNOWN,
    licenseConcluded: UNKNOWN,
    licenseDeclared: UNKNOWN,
    copyrightText: UNKNOWN,
  };
}

/** What stands in for what was asked for. */
function sourceOf(module: ModuleFacts): string | undefined {
  const { folder } = module;
  if (folder !== undefined) return `go.mod replaces it by the folder ${folder}`;
  const asked = replacedBy(module);
  return asked && `go.mod has it replace ${asked}`;
}

const said = (field: string, text: string | undefined) => text ? { [field]: text } : {};

function checksums(sha256: string | undefined) {
  return sha256 ? { checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] } : {};
}

function references(externalRefs: readonly unknown[]) {
  return externalRefs.length > 0 ? { externalRefs } : {};
}

function purl(referenceLocator: string) {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator };
}

function cpe(referenceLocator: string) {
  return { referenceCategory: "SECURITY", referenceType: "cpe23Type", referenceLocator };
}

/** The hash of all hashes (SPDX 2.3, 7.9). */
function verificationCode(files: readonly FileFacts[]): string {
  const all = files.map(({ sha1 }) => sha1).sort().join("");
  return createHash("sha1").update(all).digest("hex");
}

/** Names of elements: letters, digits, dots and hyphens (SPDX 2.3, 3.2), each for one element. */
class Ids {
  readonly #taken = new Set<string>();

  of(text: string): string {
    const plain = `SPDXRef-${text.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
    let id = plain;
    for (let i = 0; this.#taken.has(id); i++) {
      const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
      id = `${plain}-${hash}${i > 0 ? `-${i}` : ""}`;
    }
    this.#taken.add(id);
    return id;
  }
}
