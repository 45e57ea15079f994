/**
 * The two interfaces everything hangs on: a place to read a graph of blobs from, and one to write
 * it to. A layout, a registry, a daemon, an archive and memory are all such places.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";

/** Opens the bytes of a blob; may be called again, so that a failed transfer can start over. */
export type OpenBlob = () => Promise<ReadableStream<Uint8Array>>;

/** What every call may be given. */
export interface CallOptions {
  /** Ends the call early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How something is asked for by its name. */
export interface ResolveCall extends CallOptions {
  /** Its document is read next: a place that would be asked twice gives both at once. */
  readonly willRead?: boolean | undefined;
}

/** A place that has blobs. */
export interface Source {
  /** The place, for messages: `layout out`. */
  readonly what?: string | undefined;
  /**
   * The descriptor behind a tag, a full name or a digest.
   *
   * @throws {KodenoError} `NOT_FOUND`
   */
  resolve(ref: string, options?: ResolveCall): Promise<Descriptor>;
  /**
   * The bytes of a blob. They are as the place has them: whoever keeps them checks them.
   *
   * @throws {KodenoError} `NOT_FOUND`
   */
  fetch(descriptor: Descriptor, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** The manifests whose subject is this one, where the place lists them: a registry does. */
  referrers?(subject: Descriptor, options?: ListOptions): Promise<readonly Descriptor[]>;
  /** All its tags, where it has tags and no entries, and can tell them in one answer. */
  fewTags?(options?: CallOptions): Promise<ReadonlySet<string> | undefined>;
  /** As {@link resolve} of a tag; nothing where that is not there, or is no image. */
  findTag?(tag: string, options?: CallOptions): Promise<Descriptor | undefined>;
}

/** What those who ask for lists know. */
export interface ListOptions extends CallOptions {
  /** What {@link Source.fewTags} tells: what is not among them need not be asked for. */
  readonly tags?: (() => Promise<ReadonlySet<string> | undefined>) | undefined;
}

/** What gives the bytes of blobs. */
export type Blobs = Pick<Source, "what" | "fetch">;

/** A place with a list of images: a layout or an archive. */
export interface ImageStore extends Source {
  /** The repository of images that have a tag alone: the name of the folder or archive. */
  readonly ownName?: string | undefined;
  /** Its images, as in an `index.json`; of one that cannot be used `oddity` tells why. */
  entries(): Promise<readonly Descriptor[]>;
  /** All blobs that it has, those of no image, too, with their sizes. */
  allBlobs?(): Promise<readonly Descriptor[]>;
}

/** Whether a place has a list of images that tells all there is to know of them. */
export function isStore(place: object): place is ImageStore {
  return "entries" in place && typeof place.entries === "function";
}

/** A place that takes blobs. */
export interface Target {
  /** What it has can be run: no foreign layer is missing, as it may be elsewhere. */
  readonly hasWholeImages?: boolean;
  /** Whether the place has the blob, whole; for a manifest or index, with all it points to. */
  has(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  /**
   * Stores a blob. The bytes are checked while they stream: a wrong digest or size is never
   * visible. Pushing what is already there is no error.
   *
   * @throws {KodenoError} `BAD_CONTENT` when the bytes are not what the descriptor says
   */
  push(descriptor: Descriptor, open: OpenBlob, options?: CallOptions): Promise<void>;
  /**
   * Gives a manifest or index that is in the place a name.
   *
   * @throws {KodenoError} `NOT_FOUND` when it is not there, `BAD_REFERENCE` for an unusable name
   */
  tag(descriptor: Descriptor, ref: string, options?: CallOptions): Promise<void>;
  /**
   * {@link push} and {@link tag} of a manifest or index at once, where the place can do that in one
   * step.
   *
   * @throws {KodenoError} as the two
   */
  pushNamed?(d: Descriptor, open: OpenBlob, ref: string, options?: CallOptions): Promise<void>;
  /** Lists a manifest that is there already under its subject, where the place keeps such lists. */
  listReferrer?(descriptor: Descriptor, bytes: Uint8Array, options?: CallOptions): Promise<void>;
}

/** A place that commands write to: looked at before the work, closed after it. */
export interface Place extends Target {
  /**
   * Says before anything is built or moved that the place cannot be written; leaves nothing there.
   *
   * @throws {KodenoError} what a write would fail with: `BAD_PLACE`, a missing login, no daemon
   */
  check(options?: CallOptions): Promise<void>;
  /** Ends the work well: what was collected is written, connections are closed. */
  close(options?: CallOptions): Promise<unknown>;
  /** Ends failed work: what it has left for nothing is taken back, connections are closed. */
  undo(): Promise<void>;
}

/**
 * Holds a place that others may remove blobs from at the same time, where that means something:
 * keeps them from that till what it gives is disposed of.
 */
export async function holdPlace(place: object, options?: CallOptions): Promise<Disposable> {
  const holdable = place as { hold?(options?: CallOptions): Promise<Disposable> };
  return await holdable.hold?.(options) ?? { [Symbol.dispose]: () => {} };
}
