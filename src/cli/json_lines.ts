/**
 * The lines that `--json` prints, as a schema: events, results and the failure in the end. It is what
 * `kodeno schema json` prints, and what docs/json.md is made of. No command that does other work loads
 * it.
 * @module
 */
import { SBOM_FORMS } from "../config/checks.ts";
import { EXIT_CODES } from "../errors.ts";
import { z } from "../npm/zod.ts";

const count = z.int().nonnegative();
const texts = z.array(z.string()).readonly();
const map = z.record(z.string(), z.string()).readonly();
const STAGES = z.enum(["listing", "compiling", "layering", "writing", "done"]);

const importPath = z.string().describe("import path of the main package");
const platform = z.string().describe("`os/arch[/variant]`");
const name = z.string().describe("`NAME:TAG`, or a tag alone").optional();
const digest = z.string().describe("of its manifest or index");
const mediaType = z.string().describe("type of its manifest or index");
const size = count.describe("bytes of all its blobs, each counted once");
const platforms = texts.describe("`os/arch[/variant]` each");
const references = texts.describe("what it can be asked for by; of `rm`, what it was");
const elapsedMs = count.describe("milliseconds since the build began");
const problem = z.string().describe("what is wrong with it").optional();

const part = z.enum(["base", "kodata", "binary", "debugger"])
  .describe("whose it is, in an image of ko or kodeno").optional();
const goModule = z.strictObject({
  path: z.string().describe("its path"),
  version: z.string().describe("its version").optional(),
  by: z.string().describe("module or folder that stands in its place").optional(),
}).meta({ id: "goModule" });
const reportImage = z.strictObject({
  names: texts.describe("`NAME:TAG`, or tags alone"),
  digest: z.string().describe("of its manifest or index"),
  size: count.describe("bytes of all its blobs, each counted once"),
  platforms: z.array(z.strictObject({
    platform: z.string().describe("`os/arch[/variant]`").optional(),
    digest: z.string().describe("of its manifest"),
    size: count.describe("bytes of its blobs"),
    base: z.strictObject({
      name: z.string().describe("the base image as it was named").optional(),
      digest: z.string().describe("of its manifest").optional(),
    }).describe("what it stands on, where it says that").optional(),
    run: map.describe("what its config says: `entrypoint`, `user`, `ports` and others"),
    layers: z.array(z.strictObject({
      digest: z.string().describe("of the layer"),
      size: count.describe("its bytes"),
      mediaType: z.string().describe("its type"),
      part,
    })).readonly().describe("its layers, the lowest first"),
    problem: z.string().describe("why it cannot be read").optional(),
  })).readonly().describe("its images for platforms"),
  documents: z.array(z.strictObject({
    digest: z.string().describe("of the manifest that has it"),
    what: z.string().describe("`signature`, `spdx sbom`, `signed provenance` and others"),
    about: z.string().describe("digest of what it is about"),
    packages: count.describe("how many packages an SBOM lists").optional(),
    problem: z.string().describe("why it cannot be read").optional(),
  })).readonly().describe("what is said about it"),
  trust: z.strictObject({
    state: z.enum(["trusted", "refused", "signed", "unsigned"])
      .describe("`signed`: by whom was not asked"),
    by: texts.describe("SHA-256 of the keys that have signed it, in base64").optional(),
    why: z.string().describe("why it is refused").optional(),
  }).describe("who has signed it"),
  unlisted: texts.describe("modules of its programs that its SBOM does not list"),
  problems: texts.describe("what of it cannot be read"),
}).meta({ id: "reportImage" });
const reportLayer = z.strictObject({
  digest: z.string().describe("of the layer"),
  size: count.describe("its bytes"),
  unpacked: count.describe("bytes of its files"),
  files: count.describe("how many files"),
  largest: z.array(z.strictObject({
    path: z.string().describe("from the root of the image"),
    size: count.describe("its bytes"),
  })).readonly().describe("its largest files that are no programs of Go"),
  programs: z.array(z.strictObject({
    path: z.string().describe("from the root of the image"),
    size: count.describe("its bytes"),
    goVersion: z.string().describe("version of Go"),
    package: z.string().describe("import path of its main package"),
    main: goModule.describe("its main module").optional(),
    revision: z.string().describe("commit that it was built from").optional(),
    isDirty: z.boolean().describe("whether there was more than that").optional(),
    modules: z.array(goModule).readonly().describe("modules that it is built of"),
    code: z.array(z.strictObject({
      module: z.string().describe("path of the module; `std` is Go's own library"),
      bytes: count.describe("what its functions take"),
    })).readonly().describe("code by modules, the most first"),
  })).readonly().describe("programs that go has built"),
  problem: z.string().describe("why nobody knows what is in it").optional(),
}).meta({ id: "reportLayer" });

const stored = z.strictObject({
  digest: z.string().describe("of the blob"),
  size: count.describe("bytes of the blob"),
});
const moved = {
  blobs: count.describe("of `push`, `pull`, `copy`, `rebase`: blobs moved; of `verify`: read")
    .optional(),
  bytes: count.describe("their bytes").optional(),
};

const blob = z.strictObject({
  mediaType: z.string().describe("type of the blob"),
  digest: z.string().describe("of the blob"),
  size: count.describe("bytes of the blob"),
  problem,
});
const config = blob.extend({
  created: z.string().describe("time of its creation").optional(),
  user: z.string().describe("user that it runs as").optional(),
  workingDirectory: z.string().describe("folder that it runs in").optional(),
  entrypoint: texts.describe("program, and its first arguments").optional(),
  command: texts.describe("further arguments").optional(),
  environment: texts.describe("`NAME=VALUE` each").optional(),
  ports: texts.describe("`PORT/PROTOCOL` each").optional(),
  labels: map.describe("labels").optional(),
}).meta({ id: "imageConfig" });
const layer = blob.extend({
  part,
}).meta({ id: "layer" });

/** What `inspect` tells of a manifest or index, and of those below it. */
const looked = {
  kind: z.enum(["index", "manifest", "blob"]).describe("what it is").optional(),
  manifestSize: count.describe("bytes of the manifest or index itself").optional(),
  platform: platform.optional(),
  artifactType: z.string().describe("type of what is no image").optional(),
  annotations: map.describe("annotations of the manifest or index").optional(),
  config: config.describe("what it runs").optional(),
  layers: z.array(layer).readonly().describe("layers, the lowest first").optional(),
  repeated: z.literal(true).describe("it is told of elsewhere in the line").optional(),
  artifact: z.string()
    .describe("what it is, where it refers to another: `signature`, `spdx sbom`")
    .optional(),
  attested: z.string()
    .describe('digest of the image that it is an attestation of; "" where it does not say')
    .optional(),
};
const below: z.ZodType = z.strictObject({
  mediaType,
  digest,
  size: size.describe(`${size.description}; of an index below an index it is not told`).optional(),
  problem,
  ...looked,
  get manifests() {
    return parts("what an index names");
  },
  get referrers() {
    return parts("signatures, SBOMs and the like");
  },
}).meta({ id: "imagePart" });

function parts(what: string) {
  return z.array(below).readonly().describe(what).optional();
}

const alone = z.strictObject({
  digest: z.string().describe("of its manifest"),
  mediaType: z.string().describe("type of its manifest"),
  platform: platform.optional(),
  artifactType: z.string().describe("type of what is no image").optional(),
  attested: z.string()
    .describe('digest of the image that it is an attestation of; "" where it does not say')
    .optional(),
}).meta({ id: "alone" });
const change = z.strictObject({
  path: texts.describe(
    "the way to the member; `written` alone is of documents that say the same with other bytes",
  ),
  a: z.unknown().describe("its value in the first image, which may have none").optional(),
  b: z.unknown().describe("its value in the other image").optional(),
}).meta({ id: "change" });
const changes = z.array(change).readonly();
const layerFile = z.strictObject({
  kind: z.string().describe("`file`, `folder`, `symlink`, `hard link`, `whiteout` and others"),
  size: count.describe("bytes of a file").optional(),
  mode: z.string().describe("permissions in octal: `0755`").optional(),
  uid: z.int().describe("owner").optional(),
  gid: z.int().describe("group").optional(),
  user: z.string().describe("name of the owner").optional(),
  group: z.string().describe("name of the group").optional(),
  modified: z.string().describe("time of its last change").optional(),
  target: z.string().describe("what a link leads to").optional(),
  device: z.string().describe("`MAJOR,MINOR` of a device").optional(),
  digest: z.string().describe("of its content").optional(),
}).meta({ id: "layerFile" });
const plainBlob = blob.omit({ problem: true }).meta({ id: "blob" });
const changedFile = z.strictObject({
  path: z.string().describe("from the root of the image"),
  from: z.string().describe("path in the first image of a program that has another name there")
    .optional(),
  a: layerFile.describe("the file in the first image, which may have none").optional(),
  b: layerFile.describe("the file in the other image").optional(),
  program: changes.describe("of programs that go has built: in what of it they differ")
    .optional(),
}).meta({ id: "changedFile" });
const layersChange = z.strictObject({
  part: z.enum(["base", "kodata", "binary", "debugger"])
    .describe("whose they are, in images of ko or kodeno").optional(),
  same: count.describe("how many of them both have"),
  repacked: z.array(z.strictObject({ a: plainBlob, b: plainBlob })).readonly()
    .describe("those that hold the same and are packed otherwise"),
  a: z.array(plainBlob).readonly().describe("those that only the first image has"),
  b: z.array(plainBlob).readonly().describe("those that only the other image has"),
  files: z.array(changedFile).readonly().describe("files that differ in those"),
  note: z.string().describe("why no file differs, or why they were not looked at").optional(),
}).meta({ id: "layersChange" });

const imagePair = z.strictObject({
  platform: platform.describe(`of indexes: ${platform.description}`).optional(),
  isEqual: z.boolean().describe("whether they are the same"),
  a: z.string().describe("digest of the first manifest"),
  b: z.string().describe("digest of the other one"),
  manifest: changes.describe("what the manifests say otherwise, but for the layers"),
  config: changes.describe("what the configs say otherwise"),
  layers: z.array(layersChange).readonly().describe("layers that differ"),
}).meta({ id: "imagePair" });

const setting = z.strictObject({
  value: z.unknown().describe("the value; left out where there is none").optional(),
  from: z.string().describe("the flag, variable or line of a file that says it, or `default`"),
});
const settings = z.record(z.string(), setting).readonly();

const bundled = z.array(z.strictObject({ name, digest })).readonly();

const goModules = z.array(z.strictObject({
  path: z.string().describe("its path"),
  version: z.string().describe("its version"),
  sum: z.string().describe("its sum, as in go.sum"),
})).readonly();

const LINES = [
  z.strictObject({
    type: z.literal("stage"),
    image: z.string().describe(
      'import path of the main package; "" for all of them: `listing` before they are known, ' +
        "`done` where a round of `watch` has failed",
    ),
    platform: z.string().describe('`os/arch[/variant]`, or "" while it is not known'),
    stage: STAGES.describe("the stage that began"),
    elapsedMs,
    bytes: count.describe("bytes that the stage before has made").optional(),
  }).meta({ id: "stage", description: "Event: an image of a platform is one stage further." }),
  z.strictObject({
    type: z.literal("bytes"),
    image: importPath,
    platform,
    stage: STAGES.describe("the stage they belong to"),
    bytes: count.describe("bytes so far"),
  }).meta({ id: "bytes", description: "Event: how far a stage is, a few times a second at most." }),
  z.strictObject({
    type: z.literal("compiled"),
    platform,
    packages: count.describe("packages compiled so far; what go has in its cache is not compiled"),
  }).meta({ id: "compiled", description: "Event: go has compiled more packages." }),
  z.strictObject({
    type: z.literal("transfer"),
    image: z.string().describe('name of the image, "" where it has none'),
    digest: z.string().describe("of the blob; of the image where it goes in one piece"),
    bytes: count.describe("bytes that went so far"),
    total: count.describe("bytes of all of it"),
    state: z.enum(["moving", "done", "there"]).describe("`there`: nothing had to be moved"),
  }).meta({ id: "transfer", description: "Event: how far a blob is on its way." }),
  z.strictObject({
    type: z.literal("note"),
    level: z.enum(["verbose", "info", "warning"]).describe("how much it matters"),
    message: z.string().describe("for a person"),
    waitMs: count.describe("milliseconds that the work waits now, as a registry asked").optional(),
  }).meta({ id: "note", description: "Event: something to know that is no failure." }),
  z.strictObject({
    type: z.literal("built"),
    importPath,
    reference: z.string().describe("what the image can be asked for by"),
    elapsedMs: count.describe("milliseconds that it took"),
  }).meta({ id: "built", description: "Event of `watch`: an image was built anew." }),
  z.strictObject({
    type: z.literal("planned"),
    imageName: z.string().describe("`image` of the artifact"),
    reference: z.string().describe("name and tag of the image"),
  }).meta({
    id: "planned",
    description: "Result of `build -f --dry-run`: an image it would build.",
  }),
  z.strictObject({
    type: z.literal("image"),
    name,
    digest,
    size,
    platforms,
    references,
    importPath: importPath.describe(`of a build: ${importPath.description}`).optional(),
    mediaType: mediaType.describe(`of \`ls\`, \`inspect\`: ${mediaType.description}`).optional(),
    complete: z.boolean().describe("of `ls`: whether all its blobs are there").optional(),
    problem,
    subject: z.string()
      .describe("of `ls`: digest of what it refers to, of one without a name").optional(),
    about: z.string().describe(
      "of `ls`, and of `inspect` at the top: what that is, as `app:v1 linux/amd64`; a digest " +
        "where it has no name",
    ).optional(),
    missingSubject: z.string()
      .describe("of `ls`: digest of what it refers to, where that is not there").optional(),
    ...moved,
    mounted: z.array(z.strictObject({
      from: z.string().describe("the repository"),
      blobs: count.describe("how many blobs"),
      bytes: count.describe("their bytes"),
    })).readonly().describe("of `push --dry-run`: what other repositories would give").optional(),
    id: z.string().describe("its id in a daemon").optional(),
    sent: z.boolean().describe("of `load`: false where the daemon had it").optional(),
    faults: texts.describe("of `verify`: what is wrong with it").optional(),
    signatures: texts.describe("of `verify`: digests of the signatures of the keys").optional(),
    ...looked,
    manifests: parts("of `inspect`: what an index names"),
    referrers: parts("of `inspect`: signatures, SBOMs and the like"),
  }).meta({
    id: "image",
    description: "Result: an image that was built, moved, found, named, removed or checked.",
  }),
  z.strictObject({
    type: z.literal("signature"),
    name,
    digest: z.string().describe("of what is signed"),
    references: texts.describe("what it can be asked for by"),
    isRoot: z.boolean().describe("false for a platform of the image, or what refers to it"),
    form: z.enum(["bundle", "legacy"]).describe("form of the signature"),
    predicateType: z.string().describe("of `attest`: type of what is said of it, a URI").optional(),
    signature: z.string().describe("digest of the signature's manifest"),
    isNew: z.boolean().describe("false where the key had signed it already"),
  }).meta({ id: "signature", description: "Result of `sign` and `attest`: what is signed." }),
  z.strictObject({
    type: z.literal("sbom"),
    digest: z.string().describe("of the image that it is of"),
    platform: z.string().describe("of that image; an index has none").optional(),
    form: z.enum(SBOM_FORMS).describe("form of the SBOM"),
    file: z.string().describe("what its file is called, as in ko"),
    text: z.string().describe("the SBOM, where it is neither written nor attached").optional(),
    path: z.string().describe("where it was written").optional(),
    attached: z.string().describe("digest of the manifest that was attached with it").optional(),
  }).meta({ id: "sbom", description: "Result of `sbom`: what an image is made of." }),
  z.strictObject({
    type: z.literal("stray"),
    digest: z.string().describe("what its name says"),
    fault: z.string().describe("what is wrong with it, for a person"),
  }).meta({
    id: "stray",
    description: "Result of `verify`: a damaged blob of a layout that no image has.",
  }),
  z.strictObject({
    type: z.literal("bundle"),
    id: z.string().describe("digest of what it says that it holds"),
    sequence: z.int().describe("counts what was sent to one place"),
    base: z.strictObject({
      sequence: z.int().describe("of what was sent before").optional(),
      id: z.string().describe("of what was sent before").optional(),
      receipt: z.string().describe("digest of the receipt").optional(),
      site: z.string().describe("what the place is called that it is of").optional(),
    }).describe("what has to be there already").optional(),
    images: bundled.describe("its images"),
    bases: bundled.describe("images that others are built on"),
    blobs: count.describe("how many blobs it has"),
    blobBytes: count.describe("their bytes"),
    omitted: count.describe("how many blobs were left out, since they are there already"),
    omittedBytes: count.describe("their bytes"),
    modules: goModules.describe("Go modules").optional(),
    omittedModules: goModules.describe("Go modules that were left out").optional(),
    toolchains: texts.describe("Go toolchains, as `go1.26.8 linux/amd64`").optional(),
    source: z.strictObject({
      path: z.string().describe("the member that has it"),
      folder: z.string().describe("its folder there, where other modules lie beside it").optional(),
      commit: z.string().describe("the commit"),
      dirty: z.boolean().describe("whether files had changed that are not of the commit"),
    }).describe("the source").optional(),
    path: z.string().describe("of `bundle create`: the file that was written").optional(),
    bytes: count.describe("of `bundle create`: how many bytes that has").optional(),
    parts: count.describe(
      "of `bundle create --split`: how many parts, beside the file that lists them",
    )
      .optional(),
    signed: z.boolean().describe("of `bundle verify` and `apply`: whether somebody has signed it")
      .optional(),
    layout: z.string().describe("of `bundle apply`, as the next: the layout with its images")
      .optional(),
    sourceFolder: z.string().describe("the folder with its source").optional(),
    lock: z.string().describe("its kodeno.lock").optional(),
    moduleFolder: z.string().describe("the folder of Go's modules").optional(),
    goFolder: z.string().describe("the folder with the go that it has for this machine").optional(),
    kept: z.string().describe("the folder with files that somebody had changed").optional(),
    changes: z.strictObject({
      images: z.array(z.strictObject({ name, digest, before: digest.optional() })).readonly()
        .describe("images that are new, or other than those of their names were"),
      bases: bundled.describe("images that others are built on"),
      modules: goModules.describe("Go modules that are new"),
      files: z.strictObject({
        written: texts.describe("of source and lock"),
        removed: texts.describe("since the bundle does not have them any more"),
        own: texts.describe("those that somebody had changed"),
      }).describe("files by their paths"),
    }).describe("what was changed, or would be with `--dry-run`").optional(),
    next: texts.describe("what can be done next, as lines of a shell").optional(),
  }).meta({
    id: "bundle",
    description: "Result of `bundle create`, `inspect`, `verify` and `apply`.",
  }),
  z.strictObject({
    type: z.literal("joined"),
    id: z.string().describe("digest of what the bundle says that it holds"),
    path: z.string().describe("the file that was written"),
    bytes: count.describe("how many bytes it has"),
    sha256: z.string().describe("its SHA-256 in hex"),
    parts: count.describe("how many parts it was in"),
  }).meta({ id: "joined", description: "Result of `bundle join`." }),
  z.strictObject({
    type: z.literal("receipt"),
    id: z.string().describe("digest of the receipt"),
    path: z.string().describe("the file that was written"),
    site: z.string().describe("what the place is called").optional(),
    sequence: z.int().describe("of the last bundle that came").optional(),
    blobs: count.describe("how many blobs are there"),
    modules: count.describe("how many Go modules came in bundles"),
    signed: z.boolean().describe("whether it was signed"),
  }).meta({ id: "receipt", description: "Result of `bundle receipt`." }),
  z.strictObject({
    type: z.literal("rebuild"),
    name,
    digest: z.string().describe("of the image that was to be built again"),
    references: texts.describe("what it can be asked for by"),
    rebuilt: z.string().describe("digest of the one that was built"),
    isSame: z.boolean().describe("whether both are the same"),
    difference: z.string().describe("what differs first, where they are not").optional(),
  }).meta({ id: "rebuild", description: "Result of `rebuild`." }),
  z.strictObject({
    type: z.literal("lock"),
    path: z.string().describe("path of the file"),
    images: texts.describe("import paths, or names of artifacts, that were looked at"),
    differences: z.array(z.strictObject({
      image: z.string().describe("its import path, or the name of the artifact"),
      what: z.string().describe("what differs: `base digest`, `module PATH`, `image` itself"),
      locked: z.string().describe("what is locked, or was; left out where that is nothing")
        .optional(),
      found: z.string().describe("what a build has; left out where that is nothing").optional(),
    })).readonly().describe("what a build has otherwise, or what has changed in the file"),
    written: z.boolean().describe("whether the file was written; not with `--check`"),
  }).meta({ id: "lock", description: "Result of `lock`: what images are built from." }),
  z.strictObject({
    type: z.literal("plan"),
    images: z.array(z.strictObject({
      image: z.string().describe("its import path, or the name of the artifact"),
      name: z.string().describe("of the image, without tag"),
      references: texts.describe("`NAME:TAG` each"),
      importPath,
      platforms,
      base: z.strictObject({
        name: z.string().describe("as it is named"),
        digest: z.string().describe("what that stands for, where it is known without a registry")
          .optional(),
      }).describe("base image"),
      inputs: z.string().describe("hash of all that shapes the image"),
    })).readonly().describe("those that would be built, sorted"),
    matrix: z.strictObject({
      include: z.array(map).readonly().describe(
        "of each part `shard` (`1/4`), `index`, `images` (with blanks between) and `inputs`; without " +
          "`--shards` of each image `image`, `name`, `platforms` (with commas between) and `inputs`",
      ),
    }).describe("matrix of a job of GitHub Actions"),
  }).meta({ id: "plan", description: "Result of `plan`: what would be built." }),
  z.strictObject({
    type: z.literal("affected"),
    image: z.string().describe("its import path, or the name of the artifact"),
    why: z.string().describe("the first reason that was found"),
  }).meta({ id: "affected", description: "Result of `affected`: an image that has changed." }),
  z.strictObject({
    type: z.literal("base"),
    name,
    digest: z.string().describe("of the image"),
    references,
    status: z.enum(["same", "newer", "unknown"]).describe("of its base"),
    base: z.strictObject({
      name: z.string().describe("its name").optional(),
      digest: z.string().describe("what that stood for when the image was built").optional(),
    }).describe("as the image says it; empty where it does not"),
    newest: z.string().describe("what the name stands for now, where that is another digest")
      .optional(),
    platforms: texts.describe("platforms of the image that stand on something else"),
    why: z.string().describe("why it is `unknown`").optional(),
  }).meta({ id: "base", description: "Result of `check-base`: whether a newer base is there." }),
  z.strictObject({
    type: z.literal("diff"),
    isEqual: z.boolean().describe("whether they are the same, byte by byte"),
    a: z.string().describe("digest of the first image or index"),
    b: z.string().describe("digest of the other one"),
    onlyA: z.array(alone).readonly().describe("what only the first index has"),
    onlyB: z.array(alone).readonly().describe("what only the other index has"),
    index: changes.describe("what the indexes say otherwise"),
    images: z.array(imagePair).readonly()
      .describe("the images for each platform that both have"),
  }).meta({ id: "diff", description: "Result of `diff`: in what two images differ." }),
  z.strictObject({
    type: z.literal("report"),
    place: z.string().describe("as it was named"),
    demanded: z.string().describe("who has to have signed, where that was asked").optional(),
    images: z.array(reportImage).readonly().describe("its images, each digest once"),
    layers: z.array(reportLayer).readonly().describe("their layers, each once"),
    since: z.strictObject({
      place: z.string().describe("the place of `--since`"),
      changes: z.array(z.strictObject({
        name: z.string().describe("of the image"),
        kind: z.enum(["added", "changed", "removed"]).describe("what has happened to it"),
        digest: z.string().describe("as it is, or was"),
        lines: texts.describe("what differs, for a person"),
      })).readonly().describe("images that are not as they were"),
    }).describe("what has changed, with `--since`").optional(),
  }).meta({ id: "report", description: "Result of `report`." }),
  z.strictObject({
    type: z.literal("gc"),
    dryRun: z.boolean().describe("whether nothing was deleted"),
    removed: z.array(stored).readonly().describe("blobs that were deleted, or would be"),
    removedBytes: count.describe("their bytes"),
    dropped: texts.describe("digests of entries that referred to images that are gone"),
    young: z.array(stored).readonly().describe("blobs of the last hour that were kept"),
    future: count.describe("how many of these have a time that is yet to come"),
    busy: z.array(stored).readonly().describe("blobs kept since others work in the layout"),
    used: count.describe("how many blobs images use"),
  }).meta({ id: "gc", description: "Result of `gc`." }),
  z.strictObject({
    type: z.literal("cache"),
    directory: z.string().describe("where it is"),
    baseBytes: count.describe("bytes of base images"),
    layers: count.describe("how many layers"),
    layerBytes: count.describe("their bytes"),
    binaries: count.describe("how many binaries"),
    binaryBytes: count.describe("their bytes"),
    maxBytes: count.describe("bytes of layers and binaries that are kept"),
    freedBytes: count.describe("of `cache clean`: bytes that it freed").optional(),
  }).meta({ id: "cache", description: "Result of `cache info`; of `cache clean`, as it was." }),
  z.strictObject({
    type: z.literal("config"),
    workingDirectory: z.string().describe("folder that paths are relative to").optional(),
    file: z.string().describe("path of the .ko.yaml").optional(),
    baseImageOverrides: map.describe("base images by import path").optional(),
    publish: settings.describe("where images go, and how the work is done").optional(),
    image: settings.describe("settings of images that `builds` has no entry for").optional(),
    builds: z.array(z.strictObject({
      id: z.string().describe("its `id`").optional(),
      directory: z.string().describe("folder of its module"),
      main: z.string().describe("its main package"),
      image: settings.describe("its settings"),
    })).readonly().describe("entries of .ko.yaml").optional(),
    artifacts: z.array(z.strictObject({
      imageName: z.string().describe("its `image`"),
      reference: z.string().describe("name and tag"),
      workingDirectory: z.string().describe("folder of its module"),
      main: z.string().describe("its main package"),
      image: settings.describe("its settings"),
    })).readonly().describe("with `-f`, and alone: artifacts of a skaffold.yaml").optional(),
  }).meta({ id: "config", description: "Result of `config`." }),
  z.strictObject({
    type: z.literal("init"),
    directory: z.string().describe("the repository"),
    packages: texts.describe("import paths of its main packages"),
    present: texts.describe("configuration files that are there, and stay as they are"),
    notes: texts.describe("what was left alone, and what to look at"),
    files: z.array(z.strictObject({
      path: z.string().describe("relative to the repository"),
      text: z.string().describe("what it holds"),
      generated: z.boolean().describe("whether nothing of it is a decision"),
    })).readonly().describe("files that are proposed"),
    written: texts.describe("paths of those that were written"),
  }).meta({ id: "init", description: "Result of `init`." }),
  z.strictObject({
    type: z.literal("finding"),
    check: z.string().describe("what was looked at"),
    status: z.enum(["ok", "warning", "wrong"]).describe("with a `warning` some work can be done"),
    found: z.string().describe("for a person"),
    mend: z.string().describe("the next step").optional(),
  }).meta({ id: "finding", description: "Result of `doctor`: what a check has found." }),
  z.strictObject({
    type: z.literal("digest"),
    place: z.string().describe("the image, as it was said"),
    digest,
    mediaType,
    size: count.describe("bytes of the manifest or index itself"),
    platform: platform.optional(),
  }).meta({ id: "digest", description: "Result of `digest`: what a name means now." }),
  z.strictObject({
    type: z.literal("version"),
    version: z.string().describe("of kodeno"),
    deno: z.string().describe("version of Deno"),
    go: z.string().describe("version and platform of Go").optional(),
    problem: z.string().describe("why there is no version of Go").optional(),
  }).meta({ id: "version", description: "Result of `version`." }),
  z.strictObject({
    type: z.literal("error"),
    code: z.enum([...Object.keys(EXIT_CODES), "UNEXPECTED"])
      .describe("what kind of failure; `UNEXPECTED` is a fault of kodeno"),
    message: z.string().describe("for a person, as on stderr"),
    exitCode: z.int().describe("of the command"),
  }).meta({
    id: "error",
    description:
      "The last line of a command that has failed; of `watch`, also of a round that has.",
  }),
] as const;

const line = z.discriminatedUnion("type", LINES);

/** A line that `--json` prints. */
export type JsonLine = z.input<typeof line>;

/** The JSON Schema (draft 2020-12) of a line. */
export function lineSchema(): Readonly<Record<string, unknown>> {
  return { title: "a line of kodeno's --json", ...z.toJSONSchema(line) };
}
