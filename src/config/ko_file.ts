/**
 * What a `.ko.yaml` says, read and checked; see `readKoFile` for how.
 * @module
 */
import type { ImageValues } from "./image_config.ts";

/** A `.ko.yaml`. Frozen. */
export interface KoFile {
  /** As a person would name it. */
  readonly path: string;
  /** The `default...` keys. */
  readonly defaults: ImageValues;
  /** Base images by import path in lower case. */
  readonly baseImageOverrides: Readonly<Record<string, string>>;
  /** Settings of single main packages. */
  readonly builds: readonly KoBuild[];
  /** `HOST=MIRROR` each. */
  readonly mirrors: readonly string[];
  /** Line of each key that is there, counted from 1: `defaultFlags`, `builds[0].flags`. */
  readonly lines: Readonly<Record<string, number>>;
  /** A line each for what is there and not read. */
  readonly notes: readonly string[];
}

/** An entry of `builds`. */
export interface KoBuild {
  /** Its own `id`, or `#INDEX`. */
  readonly id: string;
  /** Folder that `go` runs in, relative to the working directory. */
  readonly dir: string;
  /** Main package, or one of its files, relative to `dir`. */
  readonly main: string;
  /** What it says of its image. */
  readonly values: ImageValues;
}

/** `labels` as a default is `defaultLabels`. */
export function defaultKey(field: string): string {
  return `default${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}
