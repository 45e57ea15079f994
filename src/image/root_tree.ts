/**
 * The files of an image as its layers leave them when they are unpacked one on top of the other (OCI image
 * spec 1.1, layer.md): whiteouts take away what lower layers have, of entries with one name the last one
 * counts, links lead to files and are followed within the root. Some of the lowest layers may not be known;
 * it then tells what cannot be said without them.
 * @module
 */
import { posix } from "node:path";
import { whiteoutOf } from "./layer_files.ts";
import type { RootEntry } from "./layer_tar.ts";

/** As many as the kernel follows. */
const MAX_LINKS = 40;
/** No link leads to more (Linux, PATH_MAX). */
const LONGEST_TARGET = 4096;
/** Folders that no layer tells of: most images have none. */
const MOST_MADE = 100_000;
/** Names that are passed on the ways to all entries; an image of 400 000 files has some millions. */
const MOST_STEPS = 50_000_000;
/** AUFS keeps its own things under such names, which nobody unpacks. */
const META = /\/\.wh\.\.wh\.(?!\.opq$)/;

/** A file, link or device: one however many names it has. */
export interface Leaf {
  readonly kind: "leaf";
  /** The layer that it is in, from the lowest one, and which of its entries it is. */
  readonly layer: number;
  readonly at: number;
  readonly entry: RootEntry;
}

/** A name that a layer gives to a leaf, which may be in a lower one. */
interface Name {
  readonly kind: "name";
  readonly layer: number;
  readonly leaf: Leaf;
}

/** A folder. */
interface Folder {
  readonly kind: "folder";
  layer: number;
  /** What a layer says of it; nothing where it is only above something else. */
  entry: RootEntry | undefined;
  /** Whether nothing of it comes from layers below those that are known. */
  isClosed: boolean;
  /** The last layer that took away what was in it. */
  clearedBy?: number;
  readonly children: Map<string, Node>;
}

/** What a layer has taken away. */
interface Gone {
  readonly kind: "gone";
  readonly layer: number;
}

/** A hard link to what may be in a layer that is not known. */
interface Pending {
  readonly kind: "pending";
  readonly layer: number;
}

type Node = Name | Folder | Gone | Pending;

/** What there is at a path. */
export type Found =
  | { readonly kind: "leaf"; readonly leaf: Leaf }
  | { readonly kind: "folder" }
  /** `below` is what is no folder on the way there; `beside` has names that may have been meant. */
  | { readonly kind: "missing"; readonly below?: string; readonly beside: readonly string[] }
  | { readonly kind: "gone"; readonly layer: number }
  | { readonly kind: "loop" }
  | { readonly kind: "unknown" };

/** Where a path leads. */
type Way =
  | { readonly folder: Folder; readonly name: string; readonly isClosed: boolean }
  | { readonly end: Folder }
  | { readonly stop: Found };

export class RootTree {
  readonly root = folderOf(0, undefined);
  #made = 0;
  #steps = 0;

  /** @param isWhole whether all layers will be put in, or the lowest are not known */
  constructor(readonly isWhole: boolean) {
    this.root.isClosed = isWhole;
  }

  /**
   * Puts an entry of a layer; layers come from the lowest on, and their entries in their order.
   *
   * @throws {Error} for what nobody could unpack
   */
  put(layer: number, at: number, entry: RootEntry): void {
    const { path, kind } = entry;
    const fail = (why: string): never => {
      throw new Error(`its entry ${JSON.stringify(path.slice(0, 300))} ${why}`);
    };
    if (META.test(path)) return;
    if (path === "/") {
      if (kind !== "folder") fail("is no folder");
      this.root.entry = entry;
      return;
    }
    const whiteout = whiteoutOf(path);
    const way = this.#way(path, { layer, isWhiteout: whiteout !== undefined });
    if ("end" in way) return;
    if ("stop" in way) {
      // Where nothing is, nothing is taken away.
      if (whiteout !== undefined || way.stop.kind === "unknown") return;
      const isLoop = way.stop.kind === "loop";
      return fail(isLoop ? "lies behind links without end" : "lies below what is no folder");
    }
    const { folder, name } = way;
    if (whiteout?.isOpaque) return clear(folder, layer);
    const had = folder.children.get(whiteout ? posix.basename(whiteout.path) : name);
    if (whiteout !== undefined) {
      const gone = name.slice(".wh.".length);
      if (gone === "" || gone === "." || gone === "..") fail("takes nothing away");
      // What the layer itself has there stays.
      if (!had || !staysOf(had, layer)) folder.children.set(gone, { kind: "gone", layer });
    } else if (kind === "folder") {
      if (had?.kind === "folder") [had.layer, had.entry] = [layer, entry];
      else folder.children.set(name, folderOf(layer, entry, had !== undefined));
    } else if (kind === "link") {
      folder.children.set(name, this.#linked(layer, entry) ?? fail(`links to ${quoted(entry)}`));
    } else {
      folder.children.set(name, { kind: "name", layer, leaf: { kind: "leaf", layer, at, entry } });
    }
  }

  /** What is at a path, whose links are followed. */
  find(path: string): Found {
    const way = this.#way(path, { follow: true });
    if ("stop" in way) return way.stop;
    if ("end" in way) return { kind: "folder" };
    const { folder, name, isClosed } = way;
    const node = folder.children.get(name);
    switch (node?.kind) {
      case "name":
        return { kind: "leaf", leaf: node.leaf };
      case "folder":
        return { kind: "folder" };
      case "gone":
        return node;
      case "pending":
        return { kind: "unknown" };
      case undefined:
        if (!isClosed) return { kind: "unknown" };
        return { kind: "missing", beside: namesIn(folder) };
    }
  }

  /**
   * Whether layers that are not known cannot change what is there: one might have a link where only
   * something below it was told of, or the file of a hard link.
   */
  get isSettled(): boolean {
    const isOpen = (folder: Folder): boolean =>
      folder.children.values().some((node) =>
        node.kind === "pending" ||
        (node.kind === "folder" && !node.isClosed && (node.entry === undefined || isOpen(node)))
      );
    return this.isWhole || !isOpen(this.root);
  }

  /** Everything that is there, sorted, folders before what is in them. */
  *all(): Generator<readonly [path: string, node: Folder | Leaf]> {
    const open: [path: string, node: Node][] = [["/", this.root]];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [path, node] = next;
      if (node.kind === "name") yield [path, node.leaf];
      if (node.kind !== "folder") continue;
      yield [path, node];
      const below = [...node.children].map(([name, child]): [string, Node] => [
        posix.join(path, name),
        child,
      ]);
      open.push(...below.sort(([a], [b]) => a < b ? 1 : -1));
    }
  }

  /** What a hard link leads to; nothing where that is not there, or a folder. */
  #linked(layer: number, { target }: RootEntry): Node | undefined {
    const path = posix.normalize(`./${target}`);
    if (target === "" || path.startsWith("..")) return undefined;
    const way = this.#way(path, {});
    const pending = { kind: "pending", layer } as const;
    if ("stop" in way) return way.stop.kind === "unknown" ? pending : undefined;
    if ("end" in way) return undefined;
    const node = way.folder.children.get(way.name);
    if (node?.kind === "name") return { ...node, layer };
    if (node?.kind === "pending" || (node === undefined && !way.isClosed)) return pending;
    return undefined;
  }

  /**
   * Follows a path to its last name, and with `follow` beyond links there, too. For an entry of a layer the
   * folders above it are made; for a whiteout only where a layer that is not known may have them.
   */
  #way(
    path: string,
    { layer, isWhiteout = false, follow = false }: {
      readonly layer?: number;
      readonly isWhiteout?: boolean;
      readonly follow?: boolean;
    },
  ): Way {
    let folders = [this.root];
    const isClosed = (): boolean => folders.some((one) => one.isClosed);
    const ahead = stepsOf(path);
    for (let links = 0;;) {
      const name = ahead.pop();
      const folder = folders.at(-1) ?? this.root;
      if (name === undefined) return { end: folder };
      if (++this.#steps > MOST_STEPS) throw new Error("its links lead on and on");
      if (name === "..") {
        if (folders.length > 1) folders.pop();
        continue;
      }
      const isLast = ahead.length === 0;
      const node = folder.children.get(name);
      const target = node?.kind === "name" && node.leaf.entry.kind === "symlink"
        ? node.leaf.entry.target
        : undefined;
      if (isLast && (target === undefined || !follow)) {
        return { folder, name, isClosed: isClosed() };
      }
      if (target !== undefined) {
        if (++links > MAX_LINKS || target.length > LONGEST_TARGET) {
          return { stop: { kind: "loop" } };
        }
        if (target.startsWith("/")) folders = [this.root];
        ahead.push(...stepsOf(target));
      } else if (node?.kind === "folder") {
        folders.push(node);
      } else if (node?.kind === "name") {
        const below = posix.join("/", ...namesOf(this.root, folders), name);
        return { stop: { kind: "missing", below, beside: [] } };
      } else if (node?.kind === "pending") {
        return { stop: { kind: "unknown" } };
      } else if (layer !== undefined && !(isWhiteout && (node !== undefined || isClosed()))) {
        if (++this.#made > MOST_MADE) throw new Error("it is in more folders than anybody has");
        const made = folderOf(layer, undefined, node?.kind === "gone");
        folder.children.set(name, made);
        folders.push(made);
      } else if (node?.kind === "gone") {
        return { stop: node };
      } else {
        if (!isClosed()) return { stop: { kind: "unknown" } };
        return { stop: { kind: "missing", beside: [] } };
      }
    }
  }
}

function folderOf(layer: number, entry: RootEntry | undefined, isClosed = false): Folder {
  return { kind: "folder", layer, entry, isClosed, children: new Map() };
}

/** Takes what lower layers have in a folder away. */
function clear(folder: Folder, layer: number): void {
  if (folder.clearedBy === layer) return;
  folder.clearedBy = layer;
  folder.isClosed = true;
  for (const [name, node] of folder.children) {
    if (!staysOf(node, layer)) folder.children.delete(name);
  }
}

/** Whether something of a layer itself is there, when that of those below is taken away. */
function staysOf(node: Node, layer: number): boolean {
  if (node.kind !== "folder") return node.layer === layer;
  clear(node, layer);
  if (node.layer === layer) return true;
  [node.layer, node.entry] = [layer, undefined];
  return node.children.size > 0;
}

/** The names of a path, the first one last. */
function stepsOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".").reverse();
}

function namesIn({ children }: Folder): readonly string[] {
  return [...children].flatMap(([name, { kind }]) => kind === "gone" ? [] : [name]);
}

/** The names of folders that are each in the one before. */
function namesOf(root: Folder, folders: readonly Folder[]): readonly string[] {
  return folders.slice(1).map((folder, i) => {
    const { children } = folders[i] ?? root;
    return children.entries().find(([, node]) => node === folder)?.[0] ?? "";
  });
}

function quoted({ target }: RootEntry): string {
  return `${JSON.stringify(target.slice(0, 300))}, which is not there, or a folder`;
}
