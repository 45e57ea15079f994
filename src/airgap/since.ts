/**
 * What a bundle can leave out: what a receipt, or a bundle that was sent before, says is there.
 * @module
 */
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { ioFailure, openIfFile } from "../io/files.ts";
import { fileStream, readAll } from "../io/streams.ts";
import { type Descriptor, parseDigest } from "../oci/descriptor.ts";
import type { VerificationKey } from "../trust/keys.ts";
import { escapedModule } from "../go/module_zips.ts";
import { type BundleDocument, type BundleModule, MAX_DOCUMENT_BYTES } from "./document.ts";
import { openBundle } from "./input.ts";
import { documentOf } from "./reader.ts";
import { isReceiptJson, isReceiptText, parseReceipt, refuseReceipt } from "./receipt.ts";
import { GOMOD } from "./sources.ts";
import type { BundleContent } from "./writer.ts";

interface SinceOptions extends CallOptions {
  /** What the place has to be called. */
  readonly site?: string | undefined;
  /** One of which has to have signed the receipt; none where nobody has to. */
  readonly keys: readonly VerificationKey[];
}

/** What is there, and what a bundle says of that. */
interface Since extends Pick<BundleDocument, "sequence"> {
  readonly base: NonNullable<BundleDocument["base"]>;
  readonly isThere: (d: Pick<Descriptor, "digest">) => boolean;
  readonly hasModule: (module: BundleModule) => boolean;
  /** What a person is told. */
  readonly note: string | undefined;
}

/** Reads a receipt, or what an older bundle says of itself. */
export async function openSince(
  path: string,
  { site, keys, signal }: SinceOptions,
): Promise<Since> {
  const bytes = await receiptIn(path);
  if (bytes !== undefined) {
    const receipt = parseReceipt(bytes, path);
    refuseReceipt(receipt, path, { site, keys });
    const { id, sequence, bundle } = receipt;
    return {
      sequence: (sequence ?? 0) + 1,
      base: {
        ...(sequence === undefined ? {} : { sequence }),
        ...(bundle === undefined ? {} : { id: bundle }),
        receipt: id,
        ...(receipt.site === undefined ? {} : { site: receipt.site }),
      },
      isThere: ({ digest }) => receipt.hasBlob(parseDigest(digest)),
      hasModule: receipt.hasModule,
      note: receipt.signature !== undefined && keys.length === 0
        ? `Receipt ${path} is signed; say with --since-key FILE who has to have signed it`
        : undefined,
    };
  }
  if (site !== undefined || keys.length > 0) {
    const why =
      `${path} is a bundle, and no receipt, which says of which site it is and who signed it`;
    const next = "leave out --site and --since-key, or name a receipt";
    throw new KodenoError("BAD_OPTION", `Cannot use --since: ${why}; ${next}`);
  }
  const { id, sequence, blobs, omitted, gomod } = await documentOf(
    await openBundle(path, { signal }),
    { signal },
  );
  const there = new Set<string>([...blobs, ...omitted].map(({ digest }) => digest));
  const key = ({ path, version, sum }: BundleModule): string => `${path}@${version} ${sum}`;
  const modules = new Set([...gomod?.modules ?? [], ...gomod?.omitted ?? []].map(key));
  return {
    sequence: sequence + 1,
    base: { sequence, id },
    isThere: ({ digest }) => there.has(digest),
    hasModule: (module) => modules.has(key(module)),
    note: `What is in ${path} is left out as if that had arrived; ` +
      "only a receipt of the other side says that it has",
  };
}

/** The bytes of a receipt; nothing where a file is anything else, which is a bundle then. */
async function receiptIn(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await openIfFile(path);
    if (file === undefined) return undefined;
    const { size } = await file.stat();
    const stream = fileStream(file);
    if (size > MAX_DOCUMENT_BYTES) {
      await stream.cancel();
      return undefined;
    }
    const bytes = await readAll(stream, MAX_DOCUMENT_BYTES, `receipt ${path}`);
    return isReceiptText(bytes) || isReceiptJson(bytes) ? bytes : undefined;
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** What a bundle has beside images, without the modules that are there. */
export function withoutModules<T extends Pick<BundleContent, "files" | "gomod">>(
  content: T,
  { hasModule }: Pick<Since, "hasModule">,
): T {
  const { gomod, files = [] } = content;
  const omitted = gomod?.modules.filter(hasModule) ?? [];
  if (gomod === undefined || omitted.length === 0) return content;
  const left = new Set(
    omitted.flatMap(({ path, version }) =>
      ["info", "mod", "zip"].map((one) => `${GOMOD}/${escapedModule(path, version)}.${one}`)
    ),
  );
  return {
    ...content,
    files: files.filter(({ path }) => !left.has(path)),
    gomod: { ...gomod, modules: gomod.modules.filter((one) => !hasModule(one)), omitted },
  };
}
