/**
 * Where values of a configuration come from, also after profiles have put them together anew.
 * @module
 */
import type { YamlDocument } from "../yaml/document.ts";
import type { Fault, Path, Position } from "../yaml/faults.ts";

/** Where a map, a list or a field of one stands. */
interface Origin {
  readonly document: YamlDocument;
  readonly path: Path;
}

type Container = object;

/** Remembers the places of maps and lists by their identity, which putting together keeps. */
export class Origins {
  readonly #containers = new WeakMap<Container, Origin>();
  readonly #fields = new WeakMap<Container, Map<string, Origin>>();

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
  copied(from: Container, to: Container): void {
    const origin = this.#containers.get(from);
    if (origin !== undefined && !this.#containers.has(to)) this.#containers.set(to, origin);
    const fields = this.#fields.get(from);
    if (fields !== undefined) this.#fields.set(to, new Map(fields));
  }

  /** A field that was put into a map from elsewhere. */
  moved(container: Container, key: string, from: Container, path: Path): void {
    const origin = this.#containers.get(from);
    if (origin === undefined) return;
    const fields = this.#fields.get(container) ?? new Map<string, Origin>();
    this.#fields.set(container, fields);
    fields.set(key, { document: origin.document, path: [...origin.path, ...path] });
  }

  /** A fault at a container, or at what leads from it. */
  fault(container: Container, below: Path, message: string, part?: "key" | "value"): Fault {
    const { document, path } = this.#find(container, below);
    return document.fault(path, message, part);
  }

  /** A fault at a path from a root, wherever what is there came from. */
  faultAt(root: object, path: Path, message: string, part?: "key" | "value"): Fault {
    let container = root;
    let below = path;
    let value: unknown = root;
    for (const [depth, step] of path.entries()) {
      value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
      if (typeof value !== "object" || value === null || !this.#containers.has(value)) continue;
      [container, below] = [value, path.slice(depth + 1)];
    }
    return this.fault(container, below, message, part);
  }

  /** The place of a container, or of what leads from it, with the name of its file. */
  place(
    container: Container,
    below: Path,
    part?: "key" | "value",
  ): Position & { file: string } {
    const { document, path } = this.#find(container, below);
    return { file: document.name, ...document.position(path, part) };
  }

  #find(container: Container, below: Path): Origin {
    const [key, ...rest] = below;
    const field = key === undefined ? undefined : this.#fields.get(container)?.get(String(key));
    if (field !== undefined) return { ...field, path: [...field.path, ...rest] };
    const origin = this.#containers.get(container);
    if (origin === undefined) throw new Error("a value of no document was asked for its place");
    return { ...origin, path: [...origin.path, ...below] };
  }
}
