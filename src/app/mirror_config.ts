/**
 * The recipe of `kodeno mirror-config`: what clients of a registry put in place for images of a layout,
 * archive or bundle, and lists of these.
 * @module
 */
import { dirname, join } from "node:path";
import {
  type ConsumerFile,
  type ConsumerForm,
  imageList,
  isMirrorForm,
  LIST_FORMS,
  type ListedImage,
  MIRROR_FORMS,
  mirrorFiles,
  parseMirrorHost,
  registryOf,
} from "../airgap/consumers.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { ioFailure, isFile } from "../io/files.ts";
import { writeTextOutput } from "../io/output.ts";
import { calledName, entryName } from "../oci/entries.ts";
import { pathOf } from "../place/open.ts";
import { openChosen } from "../place/open_image.ts";

interface MirrorRequest extends WorkOptions {
  /** Path of a layout, archive or bundle; default none, which a form for all registries needs none of. */
  readonly place?: string | undefined;
  /** Names, tags or digests of its images; default all. */
  readonly images?: readonly string[] | undefined;
  readonly form?: ConsumerForm | undefined;
  /** `[http://]HOST[:PORT][/PATH]` that has the images. */
  readonly host?: string | undefined;
  /** Has the files of containerd written below it. */
  readonly certsDir?: string | undefined;
}

/** Gives the files, as they are below their folder; those that were written as they are from here. */
export async function mirrorConfig(request: MirrorRequest): Promise<readonly ConsumerFile[]> {
  const { place, form, certsDir, signal } = request;
  if (form === undefined) {
    throw bad(`say --format with one of ${[...MIRROR_FORMS, ...LIST_FORMS].join(", ")}`);
  }
  if (certsDir !== undefined && form !== "containerd") {
    throw bad(`--certs-dir is a folder of containerd, and does not go with --format ${form}`);
  }
  const host = request.host === undefined ? undefined : parseMirrorHost(request.host);
  if (isMirrorForm(form)) {
    if (host === undefined) throw bad("say with --host HOST:PORT who has the images");
    const images = place === undefined ? [] : await listed(place, request);
    const registries = [...new Set(images.map(({ name }) => registryOf(name)))].sort();
    const files = mirrorFiles(form, registries, host);
    return certsDir === undefined ? files : await written(files, certsDir, signal);
  }
  if (place === undefined) throw bad("say the layout, archive or bundle whose images are listed");
  const path = await pathOf(place);
  const images = await listed(place, request);
  return [imageList(form, images, host, isFile(path) ? path : undefined)];
}

function bad(why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot write what clients need: ${why}`);
}

/** The images that have a name, without what only refers to them. */
async function listed(
  place: string,
  { images = [], signal, emit }: MirrorRequest,
): Promise<readonly ListedImage[]> {
  const choice = { images, verb: "list", imagesOnly: true, leaveBases: true, signal, emit };
  using chosen = await openChosen(place, choice);
  const found = chosen.images.flatMap((entry) => {
    const { digest } = entry;
    const name = calledName(entry, chosen.source.ownName);
    if (name !== undefined) return { name, entryName: entryName(entry) ?? name, digest };
    const message = `Left out ${digest} of ${place}: it has no name; give it one (kodeno tag)`;
    emit?.({ type: "note", level: "warning", message });
    return [];
  });
  if (found.length > 0) return found;
  throw new KodenoError("NOT_FOUND", `Cannot list ${place}: none of its images has a name`);
}

async function written(
  files: readonly ConsumerFile[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<readonly ConsumerFile[]> {
  return await Array.fromAsync(files, async ({ path, text }) => {
    const file = join(folder, path);
    await Deno.mkdir(dirname(file), { recursive: true }).catch((error) => {
      throw ioFailure(`write ${file}`, error);
    });
    await writeTextOutput(file, { what: file, signal }, text);
    return { path: file, text };
  });
}
