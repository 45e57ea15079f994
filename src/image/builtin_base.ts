/**
 * The bases kodeno makes itself, without any network: `static` (certificates, time zones, a user
 * without rights) and `scratch` (nothing). They are there for every `linux` platform Go builds for.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../errors.ts";
import { identityOf } from "../io/files.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import type { LayerCache } from "../layers/cache.ts";
import type { Layer, LayerEntry, LayerPlan } from "../layers/layer.ts";
import { MediaType } from "../oci/descriptor.ts";
import type { ImageConfig, Manifest, RunConfig } from "../oci/manifest.ts";
import { LINUX_ARCHITECTURES, type Platform, type PlatformSpec } from "../oci/platform.ts";
import { imageDocument } from "./assemble.ts";
import type { Base, BaseImage, BasePlatforms } from "./base.ts";

/** Whether a base image's name is one of those in this file. */
export function isBuiltinBase(name: string): name is "static" | "scratch" {
  return name === "static" || name === "scratch";
}

const EPOCH = "1970-01-01T00:00:00Z";
const NONROOT = 65532;
const CERTIFICATES = "etc/ssl/certs/ca-certificates.crt";
const ZONEINFO = "usr/share/zoneinfo.zip";
const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function scratchBase(wanted: BasePlatforms): Base {
  const images = builtinPlatforms(wanted, "scratch").map((platform) =>
    builtinImage(platform, [], { Env: [`PATH=${SEARCH_PATH}`] })
  );
  // There is nothing a digest could name: `scratch` stands for the absence of a base.
  return { name: "scratch", images: images.map(({ digest: _, ...image }) => image) };
}

/**
 * The `static` base: `/etc/passwd` and `/etc/group` with root and nonroot (65532), `nsswitch.conf`,
 * `/tmp`, `/home/nonroot`, CA certificates (the Mozilla roots of the runtime) and time zones (of
 * Go's `zoneinfo.zip`). The same bytes for the same kodeno and Go versions.
 */
export async function staticBase(
  wanted: BasePlatforms,
  options: {
    readonly cache: LayerCache;
    readonly level: number;
    readonly goroot: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Base> {
  const platforms = builtinPlatforms(wanted, "static");
  const plan = await planStaticLayer(join(options.goroot, "lib", "time", "zoneinfo.zip"));
  const layer = await options.cache.layer(plan, {
    compression: { type: "gzip", level: options.level },
    signal: options.signal,
  });
  const images = platforms.map((platform) =>
    builtinImage(platform, [layer], {
      Env: [`PATH=${SEARCH_PATH}`, `SSL_CERT_FILE=/${CERTIFICATES}`, `ZONEINFO=/${ZONEINFO}`],
      User: String(NONROOT),
      WorkingDir: "/home/nonroot",
    })
  );
  const [first] = images;
  // Without an index of its own, the digest that names it is the one its only image would have.
  return { name: "static", digest: images.length === 1 ? first?.digest : undefined, images };
}

async function planStaticLayer(zoneinfo: string): Promise<LayerPlan> {
  const { rootCertificates } = await import("node:tls");
  const zones = await identityOf(zoneinfo);
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const certificates = text(rootCertificates.map((c) => `${c.trim()}\n`).join(""));
  const passwd = "root:x:0:0:root:/root:/sbin/nologin\n" +
    `nonroot:x:${NONROOT}:${NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n`;
  const directory = (name: string, mode = 0o755, id = 0): LayerEntry => ({
    entry: { type: "dir", name: `${name}/`, mode, uid: id, gid: id },
  });
  const file = (name: string, content: Uint8Array | string, size = content.length): LayerEntry => ({
    entry: { type: "file", name, mode: 0o644, size },
    content,
  });
  const entries = [
    directory("etc"),
    file("etc/group", text(`root:x:0:\nnonroot:x:${NONROOT}:\n`)),
    file("etc/nsswitch.conf", text("hosts: files dns\n")),
    file("etc/passwd", text(passwd)),
    directory("etc/ssl"),
    directory("etc/ssl/certs"),
    file(CERTIFICATES, certificates),
    directory("home"),
    directory("home/nonroot", 0o700, NONROOT),
    directory("root", 0o700),
    directory("tmp", 0o1777),
    directory("usr"),
    directory("usr/share"),
    file(ZONEINFO, zones.path, zones.size),
  ];
  const bytes = certificates.length + zones.size;
  return { key: ["static", digestOf(certificates), zones], entries, bytes, settled: true };
}

/** `os/arch` for everything that was asked, in that order, each once. */
function builtinPlatforms(wanted: BasePlatforms, base: string): readonly Platform[] {
  const specs: readonly PlatformSpec[] = wanted === "all" ? [{ os: "linux" }] : wanted;
  const platforms = specs.flatMap(({ os, architecture, variant }) => {
    if (os !== "linux") {
      const why = `base image "${base}" has linux/${LINUX_ARCHITECTURES.join(", linux/")}`;
      throw new KodenoError("BAD_PLATFORM", `Cannot build for ${os}: ${why}`);
    }
    return (architecture === undefined ? LINUX_ARCHITECTURES : [architecture]).map((arch) => {
      // Go and Docker both take arm without a variant for version 7.
      const version = variant ?? (arch === "arm" ? "v7" : undefined);
      return { os, architecture: arch, ...(version ? { variant: version } : {}) };
    });
  });
  const name = (p: Platform): string => `${p.architecture}/${p.variant ?? ""}`;
  return platforms.filter((p, i) => platforms.findIndex((q) => name(q) === name(p)) === i);
}

function builtinImage(platform: Platform, layers: readonly Layer[], run: RunConfig): BaseImage {
  const config: ImageConfig = {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant ? { variant: platform.variant } : {}),
    created: EPOCH,
    author: "kodeno",
    config: run,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: EPOCH, created_by: "kodeno static base" })),
  };
  const { descriptor, bytes } = imageDocument(MediaType.config, config);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: descriptor,
    layers: layers.map((layer) => layer.descriptor),
  };
  const open = new Map(layers.map((layer) => [layer.descriptor.digest, layer.open]));
  const fetch: BaseImage["source"]["fetch"] = (d, options) => {
    if (d.digest === descriptor.digest) return Promise.resolve(bytesStream(bytes));
    const missing = new KodenoError("NOT_FOUND", `Cannot find blob ${d.digest} in the base`);
    return open.get(d.digest)?.(options) ?? Promise.reject(missing);
  };
  const { digest } = imageDocument(MediaType.manifest, manifest).descriptor;
  return { platform, manifest, config, digest, source: { fetch } };
}
