/**
 * SBOMs as CycloneDX 1.6 has them, in JSON; see "Decisions" of ARCHITECTURE.md for why by hand.
 * @module
 */
import {
  basePurl,
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

interface Component {
  readonly "bom-ref": string;
  readonly [field: string]: unknown;
}

/** The document of an image, or of an index. The same facts make the same document. */
export function cycloneDocument(
  facts: ImageFacts,
  { version, time }: SbomMaker,
): Readonly<Record<string, unknown>> {
  const { base, files, images } = facts;
  const components = new Map<string, Component>();
  const dependencies = new Map<string, Set<string>>();
  const add = (component: Component): string => {
    const ref = component["bom-ref"];
    if (!components.has(ref)) components.set(ref, component);
    return ref;
  };
  const depend = (ref: string, ...on: readonly string[]): void => {
    const known = dependencies.get(ref) ?? new Set();
    on.forEach((one) => known.add(one));
    dependencies.set(ref, known);
  };

  const image = imageComponent(facts, facts.image);
  const own = image["bom-ref"];
  depend(own);
  if (base?.digest ?? base?.name) {
    const purl = base && basePurl(base);
    const ref = purl ?? `base:${base?.name}`;
    depend(
      own,
      add({
        "bom-ref": ref,
        type: "container",
        name: base?.name ?? base?.digest,
        ...(base?.digest ? { version: base.digest } : {}),
        ...hashes(sha256Of(base?.digest)),
        ...(purl ? { purl } : {}),
      }),
    );
  }
  for (const one of images) depend(own, add(imageComponent(facts, one)));
  for (const { path, sha1, sha256 } of files) {
    const ref = add({
      "bom-ref": `file:${path}`,
      type: "file",
      name: path,
      hashes: [{ alg: "SHA-1", content: sha1 }, { alg: "SHA-256", content: sha256 }],
    });
    depend(own, ref);
  }
  for (const program of programsOf(facts)) {
    const main = add(moduleComponent(mainOf(program), "application", programPurl(program)));
    depend(own, main);
    for (const module of program.modules) depend(main, add(moduleComponent(module, "library")));
    const release = releaseOf(program);
    if (release === undefined) continue;
    const purl = goPurl(release);
    depend(
      main,
      add({
        "bom-ref": purl,
        type: "library",
        name: "stdlib",
        version: `go${release}`,
        scope: "required",
        licenses: [{ license: { id: "BSD-3-Clause" } }],
        cpe: goCpe(release),
        purl,
      }),
    );
  }
  // Each has an entry, be it of nothing: else it is not known what it needs.
  for (const ref of components.keys()) depend(ref);
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      ...(time === undefined ? {} : { timestamp: timestampOf(time) }),
      tools: { components: [{ type: "application", name: "kodeno", version }] },
      component: image,
    },
    components: [...components.values()],
    dependencies: [...dependencies].map(([ref, on]) => ({
      ref,
      ...(on.size > 0 ? { dependsOn: [...on] } : {}),
    })),
  };
}

function imageComponent(facts: ImageFacts, image: ImageFacts["image"]): Component {
  const { digest } = image;
  const purl = imagePurl(facts, image);
  return {
    "bom-ref": purl,
    type: "container",
    name: facts.name,
    version: digest,
    ...hashes(sha256Of(digest)),
    purl,
  };
}

function moduleComponent(
  module: ModuleFacts,
  type: string,
  purl = modulePurl(module),
): Component {
  const { path, version, sum, digest, location, folder } = module;
  const properties = Object.entries({
    "kodeno:go:sum": sum,
    "kodeno:go:replaces": replacedBy(module),
    "kodeno:go:folder": folder,
  }).flatMap(([name, value]) => value ? [{ name, value }] : []);
  return {
    "bom-ref": purl,
    type,
    name: path,
    ...(version ? { version } : {}),
    ...(type === "library" ? { scope: "required" } : {}),
    ...hashes(sha256Of(digest)),
    purl,
    ...(location ? { externalReferences: [{ type: "distribution", url: location }] } : {}),
    ...(properties.length > 0 ? { properties } : {}),
  };
}

function hashes(sha256: string | undefined) {
  return sha256 ? { hashes: [{ alg: "SHA-256", content: sha256 }] } : {};
}
