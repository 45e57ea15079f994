/**
 * Which paths of the build context stand where in a container, by what `COPY` has put there. Pure.
 * @module
 */
import { posix } from "node:path";

/** Knows what was copied into a stage. */
export class ContainerPaths {
  /** Container path to context path; "" is the root of the context. */
  readonly #copied = new Map<string, string>();
  /** Folders of copied files, where nothing better is known. */
  readonly #around = new Map<string, string>();

  /** @param isFolder whether a path of the context is a folder */
  constructor(readonly isFolder: (path: string) => boolean) {}

  /**
   * Notes a `COPY`.
   *
   * @param sources as they are written
   * @param target as it is written
   * @param directory of the container that the target is relative to
   */
  copy(sources: readonly string[], target: string, directory: string): void {
    const to = posix.resolve(directory, target);
    const intoFolder = sources.length > 1 || /(?:^|\/)\.{0,2}$/.test(target);
    for (const source of sources) {
      const from = contextPath(source);
      if (/[*?[]/.test(source)) this.#note(to, contextPath(posix.dirname(source)));
      else if (from === "" || this.isFolder(from)) this.#note(to, from);
      else {
        const file = intoFolder ? posix.join(to, posix.basename(from)) : to;
        this.#note(file, from);
        this.#around.set(posix.dirname(file), contextPath(posix.dirname(from)));
      }
    }
  }

  #note(to: string, from: string): void {
    this.#copied.set(to, from);
  }

  /** The path of the context that stands at one of the container; undefined where none does. */
  find(path: string): string | undefined {
    for (const known of [this.#copied, this.#around]) {
      for (let at = path;; at = posix.dirname(at)) {
        const from = known.get(at);
        if (from !== undefined) return contextPath(posix.join(from, posix.relative(at, path)));
        if (at === "/") break;
      }
    }
    return undefined;
  }
}

/** A path of the context without what says nothing: "" is its root. */
export function contextPath(path: string): string {
  const plain = posix.normalize(path).replace(/^\/+|\/+$/g, "");
  return plain === "." ? "" : plain.replace(/^\.\//, "");
}
