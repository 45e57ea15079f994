/**
 * kodeno as a library: builds container images from Go main packages, without a Dockerfile or a
 * daemon, and moves them between places.
 *
 * @example Building an image into a layout
 * ```ts
 * import { newBuilder, newPublisher, publishImages } from "@kodeno/kodeno";
 * const out = await Deno.makeTempDir();
 * const builder = newBuilder({ workingDirectory: "examples/hello", platforms: ["linux/amd64"] });
 * const publisher = newPublisher({ ociLayout: `${out}/layout`, tags: ["v1"] });
 * for (const [importPath, reference] of await publishImages(["."], publisher, builder)) {
 *   console.log(importPath, reference);
 * }
 * await builder.close();
 * await Deno.remove(out, { recursive: true });
 * ```
 * @module
 */
export {
  type BuildCallOptions,
  type Builder,
  newBuilder,
  type PreparedBuild,
  type PrepareOptions,
} from "./src/build/builder.ts";
export {
  type CloseOptions,
  type NamedTarget,
  newPublisher,
  type PublishCallOptions,
  type PublishedImage,
  type Publisher,
  publishImages,
  type PublishImagesOptions,
  type PublishPlaces,
} from "./src/build/publisher.ts";
export type { ReusedImage, TakeReused } from "./src/build/reuse.ts";
export { loadConfig } from "./src/config/config.ts";
export type {
  BuildOptions,
  ImageSource,
  ImageValues,
  KoBuild,
  KoFile,
  PublishOptions,
  TransferOptions,
  TrustOptions,
} from "./src/config/options.ts";
export type { PolicyFile } from "./src/config/policy_file.ts";
export { copy, type CopyOptions, type TransferMeter } from "./src/content/copy.ts";
export type {
  Blobs,
  CallOptions,
  ImageStore,
  ListOptions,
  OpenBlob,
  Place,
  ResolveCall,
  Source,
  Target,
} from "./src/content/places.ts";
export {
  type Checked,
  type CheckOptions,
  ContentCheck,
  type Verified,
  verify,
} from "./src/content/check.ts";
export { successors } from "./src/content/walk.ts";
export { type ErrorCode, EXIT_CODES, KodenoError } from "./src/errors.ts";
export type {
  BytesEvent,
  CompiledEvent,
  Emit,
  ImageEvent,
  KodenoEvent,
  NoteEvent,
  Stage,
  StageEvent,
  TransferEvent,
  WorkOptions,
} from "./src/events.ts";
export type { BuiltImage } from "./src/image/assemble.ts";
export type { Descriptor, Digest, DigestAlgorithm } from "./src/oci/descriptor.ts";
export { oddity } from "./src/oci/manifest.ts";
export type { Platform, PlatformSpec } from "./src/oci/platform.ts";
export { Layout, openLayout } from "./src/place/layout/layout.ts";
export { type ArchiveSource, openArchive } from "./src/place/archive/archive_source.ts";
export type { OpenArchiveOptions } from "./src/place/archive/tar_file.ts";
export type { ArchiveCollector } from "./src/place/archive/collector.ts";
export { ArchiveTarget } from "./src/place/archive/archive_target.ts";
export { openRegistry, type RegistryStore } from "./src/place/registry/registry.ts";
export type { Credential, CredentialProvider } from "./src/place/registry/credentials.ts";
export type { Attachment, TrustBlob } from "./src/trust/attachment.ts";
export type { VerificationKey } from "./src/trust/keys.ts";
export {
  type Demand,
  type DemandedStatement,
  openPolicy,
  type Policy,
} from "./src/trust/policy.ts";
export type { FoundSignature, SignatureForm } from "./src/trust/signatures.ts";
export type { Statement, UnsignedStatement } from "./src/trust/statement.ts";
export type { ToSign } from "./src/trust/to_sign.ts";
export {
  type Claimed,
  refuseUnverified,
  type Verdict,
  verified,
  type VerifiedOptions,
} from "./src/trust/verified.ts";
export type { Environment } from "./src/place/registry/proxy.ts";
export type { RegistryError, RetryPolicy } from "./src/place/registry/failure.ts";
export type { RegistryOptions } from "./src/place/registry/transport.ts";
export type { DaemonEndpoint, DaemonTls } from "./src/place/daemon/endpoint.ts";
export { type Daemon, type DaemonOptions, openDaemon } from "./src/place/daemon/daemon.ts";
export type { DaemonChoice, DaemonPlace, TakeArchive } from "./src/place/daemon/daemon_place.ts";
export { MemoryStore } from "./src/place/memory.ts";
