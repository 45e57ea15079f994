/**
 * The one error class of kodeno and the closed list of what can go wrong, with the exit codes of
 * the command line; text as a terminal may show it, without logins; and what a wrong word was meant to be.
 * @module
 */

/**
 * Every code a {@link KodenoError} can carry, with the exit code of the command line:
 * 1 the work failed, 2 the input is wrong (flags, config, references), 130 interrupted.
 */
export const EXIT_CODES = {
  /** A flag, an environment variable or an option of the library has an unusable value. */
  BAD_OPTION: 2,
  /** A configuration file cannot be read, or says what it may not; a line for each fault. */
  BAD_CONFIG: 2,
  /** An image name, tag or digest is not well formed. */
  BAD_REFERENCE: 2,
  /** A platform is not well formed, not known to Go, or not in the base image. */
  BAD_PLATFORM: 2,
  /** A pattern names no main package, or a package that is not main. */
  BAD_PACKAGE: 2,
  /** A place named by the user is not what it has to be (a file, or not a layout). */
  BAD_PLACE: 2,
  /** Content does not match its descriptor, or is not what the OCI image spec allows. */
  BAD_CONTENT: 1,
  /** A blob or reference is not in the place it was asked of. */
  NOT_FOUND: 1,
  /** The go command is missing or failed. */
  GO_FAILED: 1,
  /** The git command is missing or failed. */
  GIT_FAILED: 1,
  /** The kubectl command is missing or failed. */
  KUBECTL_FAILED: 1,
  /** A command that a skaffold.yaml has around a build is missing or failed. */
  HOOK_FAILED: 1,
  /** The program that signs is missing or failed, or what it prints is no signature by its key. */
  SIGNER_FAILED: 1,
  /** A file of the user's tree cannot go into an image (kodata). */
  BAD_SOURCE_FILE: 1,
  /** Reading or writing a file failed (permissions, full disk). */
  IO_FAILED: 1,
  /** A registry did not answer, or not as it should. */
  REGISTRY_FAILED: 1,
  /** A registry wants to know who is asking, or does not let them. */
  UNAUTHORIZED: 1,
  /** A look at everything that work needs has found something wrong. */
  NOT_READY: 1,
  /** No key that was given has signed it, or what is in a place is not what it says. */
  NOT_TRUSTED: 1,
  /** Images would be built from something else than the lock file says; a line for each difference. */
  LOCK_DIFFERS: 1,
  /** Two images that were compared, an image and what was built again, or images and a list differ. */
  DIFFERENT: 1,
  /** Ctrl-C of the command line; a signal of the library throws its own reason. */
  INTERRUPTED: 130,
} as const;

/** Failures whose messages have lines of their own: what other programs and faulty files say. */
const LINES = new Set<ErrorCode>([
  "BAD_CONFIG",
  "BAD_PACKAGE",
  "BAD_SOURCE_FILE",
  "GIT_FAILED",
  "GO_FAILED",
  "LOCK_DIFFERS",
]);
/** Characters of a message that is longer than anybody reads, from its start and its end. */
const MOST_SHOWN = [6000, 1500] as const;

/** One of the keys of {@link EXIT_CODES}. */
export type ErrorCode = keyof typeof EXIT_CODES;

/**
 * What kodeno throws on purpose: what it could not do, to what, why, and the next step.
 *
 * @example Telling a wrong option from failed work
 * ```ts
 * import { KodenoError } from "./errors.ts";
 * const error = new KodenoError("BAD_OPTION", 'Cannot use label "x": it has no "="');
 * if (error.exitCode !== 2) throw error;
 * ```
 */
export class KodenoError extends Error {
  /** Names the class in stack traces. */
  override readonly name = "KodenoError";
  /**
   * Makes an error.
   *
   * @param code what kind of failure this is
   * @param message for a person: one line, in which what a terminal would obey is written as its
   * number, and from which the middle is left out where it is very long; or the compiler's lines. Its
   * URLs lose their logins
   * @param detail values a program may want; never secrets
   * @param options the error behind this one
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly detail: Readonly<Record<string, unknown>> = {},
    options: { cause?: unknown } = {},
  ) {
    const open = withoutLogins(message);
    super(LINES.has(code) ? open : oneLine(open), options);
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** Whether an error is one of certain codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is KodenoError {
  return error instanceof KodenoError && codes.includes(error.code);
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(thrown: unknown): string {
  return withoutLogins(thrown instanceof Error ? thrown.message : String(thrown));
}

/** What stands in the place of what is left out of a text that others get to read. */
export const HIDDEN = "***";
/** What names of secrets have in them. */
export const SECRET = "(?:TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL)";

/**
 * What is behind the scheme of a URL and before its host: all up to the first slash that has an `@` in it;
 * or a name and what is no port, with whatever a password has that nobody has encoded.
 */
const LOGIN =
  /\b([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^/\s?#"]*|[^/\s?#":@[\]]*:(?!\d{0,5}(?:[/?#\s"]|$))(?:(?!:\/\/)[^\s"])*)@/gi;
const PARAMETER = new RegExp(
  `([?&][^=&#\\s]{0,64}${SECRET}[^=&#\\s]{0,64}=)[^&#\\s"']+`,
  "gi",
);

/**
 * A text whose URLs have neither logins nor tokens: the one rule for all that is told to people or written
 * into documents.
 */
export function withoutLogins(text: string): string {
  if (!text.includes("://")) return text;
  return text.replaceAll(LOGIN, `$1${HIDDEN}@`).replaceAll(PARAMETER, `$1${HIDDEN}`);
}

/** Text without what a terminal would obey: control characters come out as their numbers. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}

/** A message as one line; what it quotes may be as long as somebody liked. */
function oneLine(message: string): string {
  const [start, end] = MOST_SHOWN;
  if (message.length <= start + end) return printable(message);
  return printable(`${message.slice(0, start)} ... ${message.slice(-end)}`);
}

/** Longer words are no typing mistakes, and comparing them would take long. */
const LONGEST = 64;

/** The candidate that takes the fewest edits, if it is near enough to be what was meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  // A third of the letters may be wrong: "glags" is "flags", "x" is nothing.
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST || Math.abs(candidate.length - word.length) >= least) continue;
    const distance = edits(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "X"?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined || found === word ? "" : `; did you mean ${JSON.stringify(found)}?`;
}

/** Letters to put in, take out, change, or swap with their neighbour. */
function edits(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (older[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [older, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}
