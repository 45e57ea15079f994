/**
 * What a registry says that it wants: the `WWW-Authenticate` header (RFC 9110, 11.6.1) and the
 * scopes of the distribution project's token specification.
 * @module
 */

/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In small letters: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What is done to a repository. */
export type Action = "pull" | "push";

/** Actions on a repository, or on several. */
export interface Scope {
  /** The repository's path in its registry. */
  readonly path: string;
  readonly actions: readonly Action[];
}

const MAX_HEADER = 16 * 1024;
/** `scheme`, or `name=value` with a token or a quoted value. */
const PART =
  /\s*,*\s*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$))/y;

/** The challenges of a header, in its order; what is malformed ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  const text = header.slice(0, MAX_HEADER);
  PART.lastIndex = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    const [, name, quoted, plain, scheme] = part;
    if (scheme !== undefined) {
      // Without a prototype: the names come from outside.
      found.push({ scheme: scheme.toLowerCase(), parameters: Object.create(null) });
    } else if (name !== undefined) {
      const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
      const last = found.at(-1);
      if (last === undefined) break;
      last.parameters[name.toLowerCase()] = value;
    }
  }
  return found;
}

/** A scope as a token server reads it: `repository:PATH:pull,push`. */
export function scopeText({ path, actions }: Scope): string {
  return `repository:${path}:${[...actions].join(",")}`;
}
