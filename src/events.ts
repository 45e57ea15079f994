/**
 * The progress events of kodeno. The work emits them; only `src/cli` (or the caller of the
 * library) shows them.
 * @module
 */

/** What is being done to one image of one platform. */
export type Stage = "listing" | "compiling" | "layering" | "writing" | "done";

/** One row of the live view moved on. */
export interface StageEvent {
  /** Tells the events apart. */
  readonly type: "stage";
  /**
   * Import path of the main package; "" for all of them: `listing` before they are known, `done` where
   * a round of watching has failed.
   */
  readonly image: string;
  /** `os/arch[/variant]`, or "" while it is not known yet. */
  readonly platform: string;
  /** The stage that began. */
  readonly stage: Stage;
  /** Milliseconds since the build began. */
  readonly elapsedMs: number;
  /** Bytes that came into being in the stage that ended, where there are any. */
  readonly bytes?: number;
}

/** Bytes moved within a stage; sent a few times a second at most. */
export interface BytesEvent {
  /** Tells the events apart. */
  readonly type: "bytes";
  /** Import path of the main package. */
  readonly image: string;
  /** `os/arch[/variant]`. */
  readonly platform: string;
  /** The stage they belong to. */
  readonly stage: Stage;
  /** Bytes so far. */
  readonly bytes: number;
}

/** go has compiled more packages; sent a few times a second at most. */
export interface CompiledEvent {
  /** Tells the events apart. */
  readonly type: "compiled";
  /** `os/arch[/variant]`. */
  readonly platform: string;
  /** Packages so far, with those that are imported; what go has in its cache is not compiled. */
  readonly packages: number;
}

/** How far a blob is; while it moves, sent a few times a second at most. */
export interface TransferEvent {
  /** Tells the events apart. */
  readonly type: "transfer";
  /** Name of the image it belongs to, "" where it has none. */
  readonly image: string;
  /** Of the blob; of the whole image where it goes in one piece, as into a daemon. */
  readonly digest: string;
  /** Bytes that went so far; one that has to be sent anew begins again. */
  readonly bytes: number;
  /** Bytes of all of it. */
  readonly total: number;
  /** `there`: nothing had to be moved. */
  readonly state: "moving" | "done" | "there";
}

/** Something a person may want to know that is not a failure. */
export interface NoteEvent {
  /** Tells the events apart. */
  readonly type: "note";
  /** How much it matters. */
  readonly level: "verbose" | "info" | "warning";
  /** Lines for a person. */
  readonly message: string;
  /** Milliseconds that the work now waits, as a registry has asked; where it does. */
  readonly waitMs?: number;
}

/** An image is in its place, under its name. */
export interface ImageEvent {
  /** Tells the events apart. */
  readonly type: "image";
  /** Import path of the main package. */
  readonly importPath: string;
  /** `NAME:TAG`. */
  readonly name: string;
  /** Of its manifest or index. */
  readonly digest: string;
  /** Bytes of all its blobs, each counted once. */
  readonly size: number;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  /** `NAME:TAG@sha256:...`, or `NAME:TAG` where only tags were asked for. */
  readonly references: readonly string[];
}

/** All there is to tell. */
export type KodenoEvent =
  | StageEvent
  | BytesEvent
  | CompiledEvent
  | TransferEvent
  | NoteEvent
  | ImageEvent;

/** Takes events; must not throw. */
export type Emit = (event: KodenoEvent) => void;

/** Takes the notes alone, of work whose progress is not worth telling. */
export function notesTo(emit: Emit | undefined): Emit | undefined {
  return emit && ((event) => event.type === "note" && emit(event));
}

/** What tells that a round of watching has failed: nothing goes on until something changes. */
export const ROUND_FAILED: StageEvent = {
  type: "stage",
  image: "",
  platform: "",
  stage: "done",
  elapsedMs: 0,
};

/** How one piece of work is watched and ended. */
export interface WorkOptions {
  /**
   * Ends the work early: `go` is stopped and temporary files are removed; the call then throws the
   * signal's reason.
   */
  readonly signal?: AbortSignal | undefined;
  /** Told what is being done. */
  readonly emit?: Emit | undefined;
}
