/**
 * The recipe of `kodeno bundle create`: images become one file that crosses a gap.
 * @module
 */
import { summaryOf } from "../airgap/document.ts";
import { BundleImages } from "../airgap/images.ts";
import { writeBundle } from "../airgap/writer.ts";
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { checkOutput, isStdoutTerminal, writeOutput } from "../io/output.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { calledName, cosignSubject } from "../oci/entries.ts";
import { parsePlace } from "../place/open.ts";
import { openChosen } from "../place/open_image.ts";
import { openSigner } from "../trust/key_files.ts";

interface BundleRequest extends TransferOptions, WorkOptions {
  /** Layouts and archives, by their paths or as `copy` names them. */
  readonly from: readonly string[];
  /** Path of the file; `-` is stdout. */
  readonly output: string;
  /** Whether what refers to the images goes along; default true. */
  readonly referrers?: boolean | undefined;
  /** File of the private key that signs it. */
  readonly key?: string | undefined;
  /** Asks for its password, where no variable has it. */
  readonly askPassword: () => Promise<string>;
}

/** Makes a bundle; a file is there when it is whole. Gives what it holds, and its size. */
export async function createBundle(request: BundleRequest) {
  const { from, output, key, signal, emit } = request;
  const what = output === "-" ? "the bundle on stdout" : `bundle ${output}`;
  await checkOutput(output, what);
  if (output === "-" && isStdoutTerminal()) {
    const why = "it is a terminal; name a file, or say where it goes with > or |";
    throw new KodenoError("BAD_PLACE", `Cannot write a bundle to stdout: ${why}`);
  }
  const { environment } = resolveTransferConfig(request);
  const signer = key === undefined
    ? undefined
    : await openSigner({ key, askPassword: request.askPassword }, environment, request);
  // deno-lint-ignore no-undef -- the linter does not know it yet
  using opened = new DisposableStack();
  const images = new BundleImages();
  for (const place of from) await addImages(place, images, opened, request);
  const made = await writeOutput(output, { what, signal }, async (take) => {
    return await writeBundle({ images, signer }, take, { signal, emit });
  });
  return { summary: summaryOf(made.document), bytes: made.bytes };
}

/** Takes the images of a layout or archive, and what refers to them. */
async function addImages(
  from: string,
  images: BundleImages,
  opened: DisposableStack,
  { referrers = true, signal, emit }: BundleRequest,
): Promise<void> {
  const place = /^(?:oci|archive):/.test(from) ? parsePlace(from) : undefined;
  const [path, ref] = place && "path" in place ? [place.path, place.ref] : [from, ""];
  const named = ref === "" ? [] : [ref];
  const chosen = opened.use(
    await openChosen(path, {
      images: named,
      verb: "bundle",
      referrers,
      signal,
      emit,
    }),
  );
  const { source } = chosen;
  const about = new Map<string, Descriptor>();
  for (const root of chosen.images) {
    const role = cosignSubject(root) === undefined ? "image" : "referrer";
    const name = calledName(root, source.ownName);
    const called = name?.includes("@") ? undefined : name;
    await images.add({ source, root, name: called, role }, { signal });
    if (!referrers) continue;
    for (const one of chosen.referrers.get(root.digest) ?? []) about.set(one.digest, one);
  }
  for (const root of about.values()) {
    await images.add({ source, root, name: undefined, role: "referrer" }, { signal });
  }
}
