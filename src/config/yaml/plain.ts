/**
 * Parsed YAML to plain values: keys once each, aliases and merge keys followed within bounds, and a
 * key with nothing as its value counts as absent, as Go's decoder has it.
 * @module
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";

/** Gets each fault with its offset in the text. */
export type ReportFault = (offset: number, message: string) => void;

/** Most values that aliases may add to a document; a bomb adds billions. */
export const MAX_ALIASED_VALUES = 100_000;

interface Anchored {
  readonly value: unknown;
  /** Values in it, itself included. */
  readonly size: number;
}

type Values = Record<string, unknown>;

/** Makes the plain value of a node; what cannot be used is reported and left out. */
export function plainValue(root: Node | null, report: ReportFault): unknown {
  return new Converter(report).value(root);
}

/** The text of a key, or undefined where it is no text. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : key.source ?? String(key.value);
}

/** Whether a pair takes over the keys of another map. */
export function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === "<<" && key.type === "PLAIN";
}

class Converter {
  readonly #report: ReportFault;
  readonly #anchors = new Map<string, Anchored | undefined>();
  #count = 0;
  #aliased = 0;

  constructor(report: ReportFault) {
    this.#report = report;
  }

  value(node: unknown): unknown {
    if (isAlias(node)) return this.#alias(node);
    this.#count++;
    if (isScalar(node)) return this.#scalar(node);
    if (!isMap(node) && !isSeq(node)) return undefined;
    const { anchor } = node;
    const before = this.#count;
    // Known but without a value: an alias in here would hold itself.
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const value = isMap(node) ? this.#map(node) : node.items.map((item) => this.value(item));
    if (anchor !== undefined) {
      this.#anchors.set(anchor, { value, size: this.#count - before + 1 });
    }
    return value;
  }

  #scalar(node: Scalar): unknown {
    const value = node.value ?? undefined;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, { value, size: 1 });
    return value;
  }

  #alias(node: Alias): unknown {
    const at = node.range?.[0] ?? 0;
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      const why = this.#anchors.has(node.source)
        ? "which stands for a value that it is in itself"
        : `but nothing before it is called &${node.source}`;
      this.#report(at, `found alias *${node.source}, ${why}`);
      return undefined;
    }
    const within = this.#aliased <= MAX_ALIASED_VALUES;
    this.#aliased += target.size;
    this.#count += target.size;
    if (this.#aliased <= MAX_ALIASED_VALUES) return target.value;
    if (within) {
      const most = `at most ${MAX_ALIASED_VALUES} are allowed`;
      this.#report(at, `found aliases that stand for ${this.#aliased} values; ${most}`);
    }
    return undefined;
  }

  #map(node: YAMLMap): Values {
    const own: Values = {};
    const merged: Values = {};
    const seen = new Set<string>();
    for (const pair of node.items) {
      const { key, value } = pair;
      const at = offsetOf(key) ?? offsetOf(value) ?? node.range?.[0] ?? 0;
      const name = keyText(key);
      if (name === undefined) {
        this.#report(
          at,
          `found ${isAlias(key) ? "an alias" : "no text"} as a key; text is allowed`,
        );
        this.value(value);
        continue;
      }
      if (seen.has(name)) {
        this.#report(at, `found key ${JSON.stringify(name)} a second time; once is allowed`);
      }
      seen.add(name);
      if (isScalar(key)) this.#scalar(key);
      const plain = this.value(value);
      if (isMerge(pair)) this.#merge(merged, plain, at);
      else if (plain !== undefined) set(own, name, plain);
    }
    for (const [name, value] of Object.entries(merged)) {
      if (!seen.has(name)) set(own, name, value);
    }
    return own;
  }

  /** Of several maps the first one that has a key gives its value. */
  #merge(into: Values, plain: unknown, at: number): void {
    for (const one of Array.isArray(plain) ? plain : [plain]) {
      if (one === null || typeof one !== "object" || Array.isArray(one)) {
        this.#report(
          at,
          'found "<<" with something that is no map; a map or a list of maps is allowed',
        );
        continue;
      }
      for (const [name, value] of Object.entries(one)) {
        if (!Object.hasOwn(into, name)) set(into, name, value);
      }
    }
  }
}

function offsetOf(node: unknown): number | undefined {
  const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return known ? node.range?.[0] : undefined;
}

/** Sets a key, also one called `__proto__`, which would be lost otherwise. */
function set(values: Values, name: string, value: unknown): void {
  if (name !== "__proto__") values[name] = value;
  else {
    Object.defineProperty(values, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
