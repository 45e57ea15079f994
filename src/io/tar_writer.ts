/**
 * Tar headers, byte for byte those of Go's `archive/tar` Writer with `Format` unset: USTAR when
 * the entry fits, POSIX.1-2001 pax when it does not. Pure: bytes in, bytes out.
 * @module
 */
import { Buffer } from "node:buffer";
import { posix } from "node:path";
import { KodenoError } from "../errors.ts";

/** One member of an archive; names of owners are always empty, and numbers 0 unless given. */
export interface TarEntry {
  readonly type: "dir" | "file" | "symlink" | "link" | "character" | "block" | "pipe";
  /** Slash-separated; kept as it is: a directory gets no slash that is not there. */
  readonly name: string;
  /** Permission, set-id and sticky bits; at most 21 bits. */
  readonly mode: number;
  /** Bytes of content, files only. */
  readonly size?: number;
  /** Target of a symlink, or the member that a hard link is another name of; links only. */
  readonly linkname?: string;
  /** Whole seconds since 1970, may be negative. */
  readonly mtime?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Numbers of a device, devices only; 21 bits each. */
  readonly device?: readonly [major: number, minor: number];
  /** Extended header records beside those of the fields; any at all make the entry a pax one. */
  readonly pax?: Readonly<Record<string, string | Uint8Array>>;
}

const BLOCK_SIZE = 512;
const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
/** Go neither writes nor reads a larger extended header. */
const MAX_PAX_SIZE = 1 << 20;
/** Year 1, Go's zero `time.Time`: its writer takes that instant for "no time given". */
const GO_ZERO_TIME = -62135596800;
const SLASH = 0x2f;
const TYPE_FLAGS = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  dir: "5",
  pipe: "6",
} as const;
/** Where a block has mode, uid, gid, size and mtime, and how wide (ustar, POSIX.1-1988). */
const NUMBER_FIELDS = [[100, 8], [108, 8], [116, 8], [124, 12], [136, 12]] as const;
/** Records that only the entry's own fields may set. */
const OWN_KEY = /^(?:path|linkpath|size|[ug]id|[ug]name|[amc]time|GNU\.sparse\..*)$/s;
const encoder = new TextEncoder();

/** The two zero blocks that end an archive (POSIX.1-2001 ustar). Shared: do not write to it. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_SIZE);

/** Zero bytes after a file's content, so that the next header starts on a block edge. */
export function tarPadding(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`tar: size ${size}`);
  // No bit operators: they would cut the size to 32 bits.
  return (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
}

/**
 * The header block(s) of an entry, before its content and `tarPadding(size)` zeros: as of Go's
 * `archive/tar` Writer with `Format` unset. `BAD_SOURCE_FILE` is what Go refuses, and what would
 * not come out as it went in: modes that only GNU tar can hold, lone surrogates, numbers that are
 * not whole, content or a target on the wrong type.
 */
export function tarHeader(entry: TarEntry): Uint8Array {
  requireSound(entry);
  const { mode, size = 0, linkname = "", uid = 0, gid = 0, pax = {} } = entry;
  const { name } = entry;
  const mtime = entry.mtime === GO_ZERO_TIME ? undefined : entry.mtime;
  const numbers = [mode, uid, gid, size, mtime ?? 0];
  const split = splitName(name);

  const records = new Map<string, Uint8Array>();
  let ustar = Object.keys(pax).length === 0;
  const field = (key: string, value: string, fits: boolean): void => {
    if (!fits) records.set(key, encoder.encode(value));
    // A long path has its record even where a prefix could do: pax blocks never use the prefix.
    if (!fits && !(key === "path" && split)) ustar = false;
  };
  field("path", name, isAscii(name) && name.length <= NAME_SIZE);
  field("linkpath", linkname, isAscii(linkname) && linkname.length <= NAME_SIZE);
  field("uid", String(uid), fitsOctal(uid, 8));
  field("gid", String(gid), fitsOctal(gid, 8));
  field("size", String(size), fitsOctal(size, 12));
  if (mtime !== undefined) field("mtime", String(mtime), fitsOctal(mtime, 12));

  if (ustar) {
    const out = new Uint8Array(BLOCK_SIZE);
    putMember(out, entry, split?.suffix ?? name, numbers, linkname, split?.prefix);
    return out;
  }
  for (const [key, value] of Object.entries(pax)) {
    if (key === "" || OWN_KEY.test(key) || /[=\0]/.test(key) || !isSound(key) || !isSound(value)) {
      refuse(entry, `pax record ${JSON.stringify(key)} cannot be stored`);
    }
    records.set(key, typeof value === "string" ? encoder.encode(value) : value);
  }
  // Go sorts keys by UTF-8 bytes; JS compares UTF-16 units, another order beyond U+FFFF.
  const body = Array.from(records, ([key, value]) => ({ key: encoder.encode(key), value }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ key, value }) => paxRecord(key, value));
  const bodySize = body.reduce((sum, record) => sum + record.length, 0);
  if (bodySize > MAX_PAX_SIZE) refuse(entry, `${bodySize} bytes of pax records, over 1 MiB`);

  const extended = BLOCK_SIZE + bodySize + tarPadding(bodySize);
  const out = new Uint8Array(extended + BLOCK_SIZE);
  putBlock(out, "x", paxHeaderName(name), [0, 0, 0, bodySize, 0]);
  let at = BLOCK_SIZE;
  for (const record of body) {
    out.set(record, at);
    at += record.length;
  }
  putMember(out.subarray(extended), entry, toAscii(name), numbers, toAscii(linkname));
  return out;
}

function refuse(entry: TarEntry, why: string): never {
  const name = entry.name;
  const message = `Cannot put ${JSON.stringify(name)} into a tar archive: ${why}`;
  throw new KodenoError("BAD_SOURCE_FILE", message, { name });
}

/** Refuses what cannot be written, or says two things at once. */
function requireSound(entry: TarEntry): void {
  const { type, name, mode, size = 0, linkname = "", mtime = 0, uid = 0, gid = 0 } = entry;
  if (name === "") refuse(entry, "the name is empty");
  if (type === "file" && name.endsWith("/")) refuse(entry, "a file name cannot end in a slash");
  if (/\0/.test(name + linkname)) refuse(entry, "NUL in a name");
  if (!isSound(name) || !isSound(linkname)) refuse(entry, "lone surrogate in a name");
  if ((type === "symlink" || type === "link") !== (linkname !== "")) {
    refuse(entry, "a link needs a linkname, nothing else has one");
  }
  const isDevice = type === "character" || type === "block";
  if (!(entry.device ?? [0]).every((n) => n === 0 || (isDevice && fitsOctal(n, 8)))) {
    refuse(entry, `a ${type} cannot have the device numbers ${entry.device}`);
  }
  for (const [what, value] of Object.entries({ mode, size, mtime, uid, gid })) {
    if (!Number.isSafeInteger(value)) refuse(entry, `${what} ${value} is not a whole number`);
  }
  if (size < 0 || (size > 0 && type !== "file")) refuse(entry, `a ${type} of size ${size}`);
  // Neither ustar nor pax can hold it; Go would turn to GNU's binary numbers here.
  if (!fitsOctal(mode, 8)) refuse(entry, `mode ${mode} is not one of 21 bits`);
}

/** Lone surrogates would be stored as U+FFFD, where two names may become one. */
function isSound(value: string | Uint8Array): boolean {
  return typeof value !== "string" || value.isWellFormed();
}

/** Fills the zeroed block of a member: what every block has, the link and the device numbers. */
function putMember(
  block: Uint8Array,
  { type, device: [major, minor] = [0, 0] }: TarEntry,
  name: string,
  numbers: readonly number[],
  linkname: string,
  prefix = "",
): void {
  putText(block, 157, NAME_SIZE, linkname);
  putOctal(block, 329, 8, major);
  putOctal(block, 337, 8, minor);
  putText(block, 345, PREFIX_SIZE, prefix);
  putBlock(block, TYPE_FLAGS[type], name, numbers);
}

/** Puts what every block has; last the checksum, over all that the caller put before. */
function putBlock(block: Uint8Array, flag: string, name: string, numbers: readonly number[]): void {
  putText(block, 0, NAME_SIZE, name);
  NUMBER_FIELDS.forEach(([at, width], i) => putOctal(block, at, width, numbers[i] ?? 0));
  putText(block, 156, 1, flag);
  putText(block, 257, 8, "ustar\x0000");
  let sum = 8 * 0x20; // its own field, still empty, counts as spaces
  for (let i = 0; i < BLOCK_SIZE; i++) sum += block[i] ?? 0;
  putOctal(block, 148, 7, sum);
  block[155] = 0x20;
}

/** Puts ASCII text into a zeroed field, cut to the field's width. */
function putText(block: Uint8Array, at: number, width: number, text: string): void {
  encoder.encodeInto(text, block.subarray(at, at + width));
  if (text.length > width && block[at + width - 1] === SLASH) {
    // Some readers take a file whose cut name ends in a slash for a directory. Like Go this ends
    // the name before its last run of slashes, but leaves the rest of that run behind the NUL.
    let end = width - 1;
    while (end > 0 && block[at + end - 1] === SLASH) end--;
    block[at + end] = 0;
  }
}

/** Puts a NUL-ended octal number; one that does not fit reads 0, a pax record has the real one. */
function putOctal(block: Uint8Array, at: number, width: number, value: number): void {
  const digits = fitsOctal(value, width) ? value.toString(8) : "0";
  encoder.encodeInto(digits.padStart(width - 1, "0"), block.subarray(at, at + width - 1));
}

function fitsOctal(value: number, width: number): boolean {
  return value >= 0 && value < 8 ** (width - 1);
}

/** Splits a name too long for its field as ustar can: at the last slash the prefix has room for. */
function splitName(name: string): { prefix: string; suffix: string } | undefined {
  if (name.length <= NAME_SIZE || !isAscii(name)) return undefined;
  let end = name.length;
  if (end > PREFIX_SIZE + 1) end = PREFIX_SIZE + 1;
  else if (name.endsWith("/")) end--;
  const slash = name.lastIndexOf("/", end - 1);
  const suffix = name.slice(slash + 1);
  if (slash <= 0 || suffix.length > NAME_SIZE) return undefined;
  return { prefix: name.slice(0, slash), suffix };
}

/** `DIR/PaxHeaders.0/NAME` cleaned, ASCII and cut as Go does; seen by readers without pax only. */
function paxHeaderName(name: string): string {
  const base = name.lastIndexOf("/") + 1;
  const path = posix.normalize(`${name.slice(0, base)}PaxHeaders.0/${name.slice(base)}`);
  return toAscii(path.replace(/(?<=.)\/+$/, "")).slice(0, NAME_SIZE).replace(/\/+$/, "");
}

/** The record `LENGTH KEY=VALUE\n`; LENGTH counts its own digits too. */
function paxRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3; // space, equals sign, newline
  const guess = rest + String(rest).length; // its digits may carry: 99 becomes 101
  const out = new Uint8Array(rest + String(guess).length);
  const { written } = encoder.encodeInto(`${out.length} `, out);
  out.set(key, written);
  out[written + key.length] = 0x3d;
  out.set(value, written + key.length + 1);
  out[out.length - 1] = 0x0a;
  return out;
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}

/** Drops what a plain block cannot say; the pax record beside it has the whole text. */
function toAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, "");
}
