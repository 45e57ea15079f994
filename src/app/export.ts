/**
 * The recipe of `kodeno export`: a tar of all files of an image, wherever the image is.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { writeRoot } from "../image/root_archive.ts";
import { RootFiles } from "../image/root_files.ts";
import { checkOutput, findOutput, isStdoutTerminal, writeOutput } from "../io/output.ts";
import { openLayered } from "../place/open_image.ts";

/** What was asked for. */
interface ExportRequest extends TransferOptions, WorkOptions {
  /** The image, as `placeToRead` has it. */
  readonly image: string;
  /** The file to write; `-` is stdout. */
  readonly output: string;
  /** The image of one of several platforms; default a usual one, linux/amd64, or else the first. */
  readonly platform?: string | undefined;
}

/**
 * Writes a tar of the files of an image, as {@link writeRoot} does. A file appears whole or not at all.
 *
 * @throws {KodenoError} `BAD_PLACE` for a terminal, and what reading the image gives
 */
export async function exportImage({ image: from, output, ...request }: ExportRequest) {
  const { signal } = request;
  const what = output === "-" ? "the archive to stdout" : `archive ${output}`;
  await checkOutput(output, what);
  if (isStdoutTerminal() && (await findOutput(output)).kind === "stdout") {
    const why = "it is a terminal; name a file with -o, or say where it goes with > or |";
    throw new KodenoError("BAD_PLACE", `Cannot write an archive to stdout: ${why}`);
  }
  const config = resolveTransferConfig(request);
  await using image = await openLayered({ ...request, config, from });
  const files = new RootFiles(image.source, image.layers, image);
  await writeOutput(output, { what, signal }, (take) => writeRoot(files, take));
}
