/**
 * Rows of `docs/interop.md` of tools that no test can run: what they write is made here, member for
 * member as they do it.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { readDocument } from "../../src/content/walk.ts";
import { type Descriptor, digestHex, MediaType } from "../../src/oci/descriptor.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { member, tar } from "../archive/images.ts";
import { type Blob, blob, image, imageGraph, index, jsonBlob } from "../support/image_graph.ts";
import { entriesOf } from "../support/layout.ts";
import type { Lab } from "./lab.ts";
import { writeOddArchive, writeOddLayout } from "./odd_layout.ts";
import { givesBack, type Row } from "./row.ts";

const NAME = "reg.local/team/app:v1";
const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };

/** A small image of one layer. */
function small(platform = AMD64): { readonly manifest: Blob; readonly blobs: readonly Blob[] } {
  const layer = blob(tar(member(`for-${platform.architecture}`, "here")));
  const { manifest, config } = image(platform, [layer]);
  return { manifest, blobs: [layer, config, manifest] };
}

/** An artifact as ORAS pushes one: an empty config, whose bytes stand in the descriptor. */
function artifact(artifactType: string, layer: Blob, title: string, config?: Blob) {
  const empty = blob("{}", "application/vnd.oci.empty.v1+json");
  const data = { ...empty.descriptor, data: Buffer.from(empty.bytes).toString("base64") };
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType,
    config: config?.descriptor ?? data,
    layers: [{
      ...layer.descriptor,
      annotations: { "org.opencontainers.image.title": title },
    }],
    annotations: { "org.opencontainers.image.created": "2026-01-02T03:04:05Z" },
  }, MediaType.manifest);
  return { manifest, blobs: [config ?? empty, layer, manifest] };
}

/** `index.json` with entries. */
const listing = (...manifests: readonly unknown[]) => ({ schemaVersion: 2, manifests });

/** An entry with annotations. */
const entry = (
  { descriptor }: Blob,
  annotations?: Readonly<Record<string, string>>,
  more = {},
) => ({
  ...descriptor,
  ...more,
  ...(annotations ? { annotations } : {}),
});

/** Copies an image of a place into a layout, which has to be sound; gives its entry. */
async function copied(lab: Lab, place: string, ...flags: readonly string[]): Promise<Descriptor> {
  await lab.kodeno(["copy", place, "oci:back:given:back", ...flags]);
  await lab.blobs("back", "given:back");
  const [found] = await entriesOf(lab.dir.join("back"));
  assert.ok(found);
  return found;
}

/** The members of the archive in which a tool of Docker's time keeps the lab's image. */
async function classic(
  lab: Lab,
  names: { readonly config: (hex: string) => string; readonly layer: (hex: string) => string },
  isPlain: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const { manifest, config } = lab.image.amd64;
  const layers = await Promise.all(
    parseManifest(manifest.bytes, "it").layers.map(async (d) => {
      const packed = await readDocument(lab.image.store, d);
      return {
        name: names.layer(digestHex(d.digest)),
        bytes: isPlain ? gunzipSync(packed) : packed,
      };
    }),
  );
  const configName = names.config(digestHex(config.descriptor.digest));
  const list = [{
    Config: configName,
    RepoTags: [NAME],
    Layers: layers.map(({ name }) => name),
  }];
  return tar(
    member(configName, config.bytes),
    ...layers.map(({ name, bytes }) => member(name, bytes)),
    member("manifest.json", JSON.stringify(list)),
  );
}

const reads = { reader: "kodeno" as const };

/** All rows, tool by tool. */
export const fixtureRows: readonly Row[] = [
  {
    ...reads,
    tool: "oras",
    version: "1.3",
    what: "`oras push --oci-layout DIR:v1 FILE`: an artifact with an empty config",
    outcome: "it is listed, and copied with its digest",
    async run(lab) {
      const { manifest, blobs } = artifact(
        "application/vnd.acme.rocket.config",
        blob("a file", "text/plain"),
        "file.txt",
      );
      const artifactType = "application/vnd.acme.rocket.config";
      const names = { "org.opencontainers.image.ref.name": "v1" };
      await writeOddLayout(lab.dir.join("oras"), {
        index: listing(entry(manifest, names, { artifactType })),
        blobs,
      });
      assert.match(await lab.kodeno(["ls", "oras"]), /v1/);
      const found = await copied(lab, "oci:oras:v1");
      assert.equal(found.digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "Helm",
    version: "3.18",
    what: "a chart as OCI artifact, in a layout that `oras copy --to-oci-layout` made",
    outcome: "it is copied with its digest",
    async run(lab) {
      const config = jsonBlob(
        { name: "app", version: "0.1.0", apiVersion: "v2" },
        "application/vnd.cncf.helm.config.v1+json",
      );
      const chart = blob(
        new Uint8Array(gzipSync(tar(member("app/Chart.yaml", "name: app\n")))),
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
      );
      const manifest = jsonBlob({
        schemaVersion: 2,
        config: config.descriptor,
        layers: [chart.descriptor],
      }, MediaType.manifest);
      const names = { "org.opencontainers.image.ref.name": "0.1.0" };
      const blobs = [config, chart, manifest];
      await writeOddLayout(lab.dir.join("helm"), { index: listing(entry(manifest, names)), blobs });
      assert.equal((await copied(lab, "oci:helm:0.1.0")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "BuildKit",
    version: "0.32",
    what: "`docker buildx build --output type=oci,dest=app.tar`, with attestations",
    outcome: "one image with all its platforms under its whole name; attestations are carried",
    async run(lab) {
      const [one, two] = [small(AMD64), small(ARM64)];
      const attestations = [one, two].map(({ manifest }) => {
        const statement = blob("{}", "application/vnd.in-toto+json");
        const made = image({ os: "unknown", architecture: "unknown" }, [statement]);
        const annotations = {
          "vnd.docker.reference.digest": manifest.descriptor.digest,
          "vnd.docker.reference.type": "attestation-manifest",
        };
        return { ...made, statement, annotations };
      });
      const root = jsonBlob({
        schemaVersion: 2,
        mediaType: MediaType.index,
        manifests: [
          entry(one.manifest, undefined, { platform: AMD64 }),
          entry(two.manifest, undefined, { platform: ARM64 }),
          ...attestations.map(({ manifest, annotations }) =>
            entry(manifest, annotations, {
              platform: { os: "unknown", architecture: "unknown" },
            })
          ),
        ],
      }, MediaType.index);
      const names = {
        "io.containerd.image.name": NAME,
        "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
        "org.opencontainers.image.ref.name": "v1",
      };
      const others = attestations.flatMap((each) => [each.statement, each.config, each.manifest]);
      await writeOddArchive(lab.dir.join("app.tar"), {
        index: { ...listing(entry(root, names)), mediaType: MediaType.index },
        blobs: [...one.blobs, ...two.blobs, ...others, root],
      });
      const listed = await lab.kodeno(["ls", "archive:app.tar"]);
      assert.ok(listed.includes(NAME), listed);
      assert.equal((await copied(lab, "archive:app.tar")).digest, root.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "nerdctl",
    version: "2.1",
    what: "`nerdctl save -o app.tar NAME`",
    outcome: "the image under its whole name",
    async run(lab) {
      const { manifest, blobs } = small();
      const names = {
        "io.containerd.image.name": NAME,
        "org.opencontainers.image.ref.name": "v1",
      };
      await writeOddArchive(lab.dir.join("app.tar"), {
        index: listing(entry(manifest, names)),
        blobs,
      });
      const listed = await lab.kodeno(["ls", "archive:app.tar"]);
      assert.ok(listed.includes(NAME), listed);
      assert.equal((await copied(lab, "archive:app.tar")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "hauler",
    version: "2.0",
    what: "a store (`hauler store add image`), whose entries have a `kind`",
    outcome: "the images under their whole names",
    async run(lab) {
      const { manifest, blobs } = small();
      const names = {
        "io.containerd.image.name": NAME,
        "kind": "dev.cosignproject.cosign/image",
        "org.opencontainers.image.ref.name": "team/app:v1",
      };
      await writeOddLayout(lab.dir.join("store"), {
        index: { ...listing(entry(manifest, names)), mediaType: MediaType.index },
        blobs,
      });
      const listed = await lab.kodeno(["ls", "store"]);
      assert.ok(listed.includes(NAME), listed);
      assert.equal((await copied(lab, `oci:store:${NAME}`)).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "Bazel's rules_oci",
    version: "2.2",
    what: "`oci_image`: a layout of one image without a name",
    outcome: "it is taken as the only image",
    async run(lab) {
      const { manifest, blobs } = small();
      const index = { ...listing(entry(manifest)), mediaType: MediaType.index };
      await writeOddLayout(lab.dir.join("bazel"), { index, blobs });
      assert.equal((await copied(lab, "oci:bazel")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "a layout whose `index.json` lists the platforms of one image",
    outcome: "one image with all its platforms; `--platform` chooses",
    async run(lab) {
      const [one, two] = [small(AMD64), small(ARM64)];
      await writeOddLayout(lab.dir.join("flat"), {
        index: listing(
          entry(one.manifest, undefined, { platform: AMD64 }),
          entry(two.manifest, undefined, { platform: ARM64 }),
        ),
        blobs: [...one.blobs, ...two.blobs],
      });
      const found = await copied(lab, "oci:flat", "--platform", "linux/arm64");
      assert.equal(found.digest, two.manifest.descriptor.digest);
      await lab.kodeno(["copy", "oci:flat", "oci:whole:app:v1"]);
      const [whole] = await entriesOf(lab.dir.join("whole"));
      assert.equal(whole?.mediaType, MediaType.index);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "an index of which only some platforms are there",
    outcome: "what is there is copied with `--platform`",
    async run(lab) {
      const [one, two] = [small(AMD64), small(ARM64)];
      const root = index([[one.manifest, AMD64], [two.manifest, ARM64]]);
      const names = { "org.opencontainers.image.ref.name": "v1" };
      await writeOddLayout(lab.dir.join("sparse"), {
        index: listing(entry(root, names)),
        blobs: [...one.blobs, root],
      });
      const found = await copied(lab, "oci:sparse:v1", "--platform", "linux/amd64");
      assert.equal(found.digest, one.manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "members that are `null` where they may be left out",
    outcome: "the same as left out; the digest stays",
    async run(lab) {
      const { manifest, blobs } = small();
      const nulls = { annotations: null, urls: null, platform: null, artifactType: null };
      const odd = jsonBlob(
        { ...JSON.parse(new TextDecoder().decode(manifest.bytes)), subject: null, ...nulls },
        MediaType.manifest,
      );
      await writeOddLayout(lab.dir.join("nulls"), {
        index: { ...listing({ ...odd.descriptor, ...nulls }), annotations: null, subject: null },
        blobs: [...blobs, odd],
      });
      assert.equal((await copied(lab, "oci:nulls")).digest, odd.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "digests of sha512",
    outcome: "checked, and copied as they are",
    async run(lab) {
      const { root, blobs } = imageGraph("long", "sha512");
      const names = { "org.opencontainers.image.ref.name": "v1" };
      await writeOddLayout(lab.dir.join("long"), { index: listing(entry(root, names)), blobs });
      assert.equal((await copied(lab, "oci:long:v1")).digest, root.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "an entry that cannot be used, beside others",
    outcome: "`ls` shows what is wrong; the others are taken",
    async run(lab) {
      const { manifest, blobs } = small();
      const names = { "org.opencontainers.image.ref.name": "v1" };
      await writeOddLayout(lab.dir.join("odd"), {
        index: listing({ ...manifest.descriptor, digest: "md5:0" }, entry(manifest, names)),
        blobs,
      });
      assert.match(await lab.kodeno(["ls", "odd"]), /md5:0.*digest/);
      assert.equal((await copied(lab, "oci:odd:v1")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "foreign (non-distributable) layers, as Windows bases have them",
    outcome: "left out, and taken along by `--foreign`; the digest stays",
    async run(lab) {
      const foreign = blob("nano", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
      const urls = ["https://maker.test/layer"];
      const described = { ...foreign, descriptor: { ...foreign.descriptor, urls } };
      const { manifest, config } = image({ os: "windows", architecture: "amd64" }, [described]);
      const windows = { index: listing(entry(manifest)), blobs: [config, manifest] };
      await writeOddLayout(lab.dir.join("windows"), windows);
      assert.equal((await copied(lab, "oci:windows")).digest, manifest.descriptor.digest);
      await writeOddLayout(lab.dir.join("whole"), {
        ...windows,
        blobs: [foreign, config, manifest],
      });
      await copied(lab, "oci:whole", "--foreign");
      using back = await openLayout(lab.dir.join("back"));
      assert.ok(await back.has(foreign.descriptor));
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "content that descriptors carry themselves (`data`), without a blob",
    outcome: "the same as a blob; the digest stays",
    async run(lab) {
      const { manifest, blobs } = artifact("application/x.test", blob("a", "text/plain"), "a.txt");
      const data = Buffer.from(manifest.bytes).toString("base64");
      const isPresent = ({ bytes }: Blob) => bytes !== manifest.bytes && bytes.length !== 2;
      await writeOddLayout(lab.dir.join("inline"), {
        index: listing(entry(manifest, undefined, { data })),
        blobs: blobs.filter(isPresent),
      });
      assert.equal((await copied(lab, "oci:inline")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "any tool",
    version: "-",
    what: "a plain blob as an entry (`application/xml` of the specification's example)",
    outcome: "taken as it is, with what its entry says; it is no image, and not pushed",
    async run(lab) {
      const { manifest, blobs } = small();
      const xml = blob("<component/>", "application/xml");
      const about = { "org.freedesktop.specifications.metainfo.version": "1.0" };
      await writeOddLayout(lab.dir.join("spec"), {
        index: listing(entry(xml, about), entry(manifest)),
        blobs: [...blobs, xml],
      });
      await lab.kodeno(["merge", "merged", "spec"]);
      assert.deepEqual((await entriesOf(lab.dir.join("merged")))[0], entry(xml, about));
      assert.equal((await copied(lab, "oci:spec")).digest, manifest.descriptor.digest);
    },
  },
  {
    ...reads,
    tool: "kaniko",
    version: "1.24",
    what: "`--tar-path app.tar`",
    outcome: "the same configuration and layers",
    async run(lab) {
      const names = {
        config: (hex: string) => `sha256:${hex}`,
        layer: (hex: string) => `${hex}.tar.gz`,
      };
      await Deno.writeFile(lab.dir.join("app.tar"), await classic(lab, names, false));
      await givesBack(lab, "archive:app.tar", "one", { packsAnew: true });
    },
  },
  {
    ...reads,
    tool: "Jib",
    version: "3.5",
    what: "`jibBuildTar`",
    outcome: "the same configuration and layers",
    async run(lab) {
      const names = { config: () => "config.json", layer: (hex: string) => `${hex}.tar.gz` };
      await Deno.writeFile(lab.dir.join("app.tar"), await classic(lab, names, false));
      await givesBack(lab, "archive:app.tar", "one", { packsAnew: true });
    },
  },
  {
    ...reads,
    tool: "Nix's dockerTools",
    version: "25.11",
    what: "`buildLayeredImage`: an archive in gzip",
    outcome: "the same configuration and layers",
    async run(lab) {
      const names = {
        config: (hex: string) => `${hex}.json`,
        layer: (hex: string) => `${hex}/layer.tar`,
      };
      await Deno.writeFile(lab.dir.join("app.tar.gz"), gzipSync(await classic(lab, names, true)));
      await givesBack(lab, "archive:app.tar.gz", "one", { packsAnew: true });
    },
  },
];
