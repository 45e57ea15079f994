/**
 * The recipe of `kodeno report`: what is in images, on one page for the person who decides whether they may
 * cross a gap.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { VERSION } from "../config/version.ts";
import { isStore } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { checkOutput, writeOutput } from "../io/output.ts";
import { giveUpNetwork, placeToRead } from "../place/open.ts";
import { openToRead } from "../place/open_image.ts";
import { openSigned } from "../place/signed.ts";
import { type ReportChange, reportChanges } from "../report/changes.ts";
import { type PlacedImage, type ReportFacts, reportFacts } from "../report/facts.ts";
import { LayerLooker } from "../report/layers.ts";
import { pagePieces } from "../report/page.ts";
import { openPolicy, type Policy } from "../trust/policy.ts";

interface ReportRequest extends TransferOptions, TrustOptions, WorkOptions {
  /** A layout, archive or bundle, an image of the Docker daemon or of a registry. */
  readonly place: string;
  /** What was carried across before; what differs is told. */
  readonly since?: string | undefined;
}

/** What was found. */
interface Report extends ReportFacts {
  readonly place: string;
  readonly since?:
    | { readonly place: string; readonly changes: readonly ReportChange[] }
    | undefined;
  /** Who has to have signed, for a person; nothing where that was not asked. */
  readonly demanded?: string | undefined;
}

/** Looks at all images of a place, and at those of another. What cannot be read is told in its place. */
export async function report(request: ReportRequest): Promise<Report> {
  const { place, since, verifyKeys = [], policy: file, signal } = request;
  const policy = await openPolicy(request);
  await using looker = new LayerLooker({ signal });
  // What both have is read once.
  const before = since === undefined
    ? undefined
    : await factsOf({ ...request, place: since }, undefined, looker);
  const facts = await factsOf(request, policy, looker);
  const demanded = policy &&
    (file ?? `the key${verifyKeys.length > 1 ? "s" : ""} ${verifyKeys.join(", ")}`);
  return {
    ...facts,
    place,
    ...(demanded === undefined ? {} : { demanded }),
    ...(before && since ? { since: { place: since, changes: reportChanges(before, facts) } } : {}),
  };
}

async function factsOf(
  request: ReportRequest,
  policy: Policy | undefined,
  looker: LayerLooker,
): Promise<ReportFacts> {
  const { place: where, offline, signal, emit } = request;
  const config = resolveTransferConfig(request);
  const place = await placeToRead(where);
  if (place.kind === "daemon") {
    await using image = await openToRead(place, { config, from: where, signal, emit });
    const { source, root, name } = image;
    const none = { referrers: [], legacyOf: () => Promise.resolve(undefined) };
    const only: PlacedImage = { place: source, root, name, ...none };
    return await reportFacts(source, [only], policy, looker);
  }
  const images = "ref" in place && place.ref !== "" ? [place.ref] : [];
  const path = "path" in place ? place.path : where;
  await using opened = await openSigned(path, { config, images, verb: "report", signal, emit });
  if (offline && isStore(opened.source)) await giveUpNetwork();
  return await reportFacts(opened.source, opened.images, policy, looker);
}

/** Refuses a path that a page cannot be written to, before images are read. */
export async function checkPage(path: string): Promise<void> {
  await checkOutput(path, `report ${path}`);
}

/** Writes a report as a page; a file is there when it is whole. Gives its bytes. */
export async function writePage(
  path: string,
  found: Report,
  { signal }: WorkOptions = {},
): Promise<number> {
  const encoder = new TextEncoder();
  return await writeOutput(path, { what: `report ${path}`, signal }, async (take) => {
    let size = 0;
    for (const piece of pagePieces({ ...found, version: VERSION })) {
      const bytes = encoder.encode(piece);
      size += bytes.length;
      await take(bytes);
    }
    return size;
  });
}

/** A report as JSON has it. */
export function jsonOf({ place, demanded, images, layers, since }: Report) {
  return {
    place,
    demanded,
    images: images.map(({ documents, ...image }) => ({
      ...image,
      documents: documents.map(({ modules: _, ...one }) => one),
    })),
    layers: [...layers.values()],
    since,
  };
}

/** Refuses what cannot be trusted or read, when all of it was told. */
export function refuseReported({ place, images }: Report): void {
  const faults = images.flatMap(({ names: [name], digest, trust, problems }) => {
    const why = problems[0] ?? (trust.state === "refused" ? trust.why : undefined);
    return why === undefined ? [] : [{ name: name ?? digest, digest, why }];
  });
  const [first] = faults;
  if (first === undefined) return;
  const more = faults.length > 1 ? `, and ${faults.length - 1} more; the report names them` : "";
  const message = `Cannot trust ${first.name} of ${place}: ${first.why}${more}`;
  throw new KodenoError("NOT_TRUSTED", message, { digest: first.digest });
}
