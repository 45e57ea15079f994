/**
 * Values that are made when they are first asked for, and kept.
 * @module
 */

/** What a map has for a key; it gets what `make` gives where it has nothing. */
export function getOrSet<V extends object>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
