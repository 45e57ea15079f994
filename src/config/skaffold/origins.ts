/**
 * Where the values of a skaffold.yaml stand, also once profiles were applied, and what is wrong with
 * them.
 * @module
 */
import { valueAt } from "../yaml/check.ts";
import type { YamlDocument } from "../yaml/document.ts";
import { type Fault, faultsError, type FilePlace, type Path } from "../yaml/faults.ts";

interface Origin {
  readonly document: YamlDocument;
  readonly path: Path;
}

/** Places of maps and lists by their identity, which putting together keeps or tells of. */
export class Origins {
  readonly faults: Fault[] = [];
  /** How many values patches have put in, of all files. */
  put = 0;
  readonly #containers = new WeakMap<object, Origin>();
  readonly #fields = new WeakMap<object, Map<string, Origin>>();

  /** Remembers a value of a document and everything in it. */
  remember(document: YamlDocument, value: unknown, path: Path = []): void {
    if (value === null || typeof value !== "object") return;
    this.#containers.set(value, { document, path });
    const isList = Array.isArray(value);
    for (const [key, child] of Object.entries(value)) {
      this.remember(document, child, [...path, isList ? Number(key) : key]);
    }
  }

  /** A copy stands where its original stands, and so do its fields. */
  readonly copied = (from: object, to: object): void => {
    const origin = this.#containers.get(from);
    if (origin !== undefined) this.#containers.set(to, origin);
    const fields = this.#fields.get(from);
    if (fields !== undefined) this.#fields.set(to, new Map(fields));
  };

  /** A field that was put into a map or list from elsewhere. */
  moved(container: object, key: string, from: object, step: string): void {
    const origin = this.#find(from, [step]);
    if (origin === undefined) return;
    const fields = this.#fields.get(container) ?? new Map<string, Origin>();
    this.#fields.set(container, fields.set(key, origin));
  }

  /** Notes a fault at a container, or at what leads from it. */
  bad(container: object, below: Path, message: string, part?: "key" | "value"): void {
    this.faults.push(this.fault(container, below, message, part));
  }

  /** Notes a fault of a field: what was found there, and behind it why that cannot be. */
  refuse(container: object, below: Path, field: string, found: unknown, why: string): void {
    this.bad(container, below, `${field}: found ${JSON.stringify(found)}${why}`);
  }

  /** @throws {KodenoError} `BAD_CONFIG` with all faults so far, where there are some */
  throwFaults(): void {
    if (this.faults.length > 0) throw faultsError(this.faults);
  }

  /** A fault at a container, or at what leads from it, which is not noted. */
  fault(container: object, below: Path, message: string, part?: "key" | "value"): Fault {
    return { ...this.place(container, below, part), message };
  }

  /** The place of a container, or of what leads from it. */
  place(container: object, below: Path, part?: "key" | "value"): FilePlace {
    const origin = this.#find(container, below);
    if (origin === undefined) throw new Error("a value of no document was asked for its place");
    const { document, path } = origin;
    return { file: document.name, ...document.position(path, part) };
  }

  #find(container: object, below: Path): Origin | undefined {
    const [key, ...rest] = below;
    const field = this.#fields.get(container)?.get(String(key));
    const origin = field ?? this.#containers.get(container);
    return origin && { ...origin, path: [...origin.path, ...(field ? rest : below)] };
  }

  /** Notes a fault at a path from a root, wherever what is there came from. */
  badAt(root: object, path: Path, message: string, part?: "key" | "value"): void {
    let [container, below] = [root, path];
    for (const depth of path.keys()) {
      const value = valueAt(root, path.slice(0, depth + 1));
      if (typeof value !== "object" || value === null || !this.#containers.has(value)) continue;
      [container, below] = [value, path.slice(depth + 1)];
    }
    this.bad(container, below, message, part);
  }
}
