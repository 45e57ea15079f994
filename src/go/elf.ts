/**
 * Programs of ELF: what they need of the system that starts them, the program that loads them and
 * libraries; what they are for; and where their sections are. Only the few bytes that say so are read
 * (System V ABI, chapters 4 and 5).
 * @module
 */
import { ioFailure } from "../io/files.ts";

/** What has to be there for a binary to start. */
export interface Needs {
  /** Path of the program that loads it, such as `/lib64/ld-linux-x86-64.so.2`. */
  readonly interpreter: string;
  /** Names of libraries, such as `libc.so.6`. */
  readonly libraries: readonly string[];
}

const MAGIC = 0x7f454c46;
const HEADER_BYTES = 64;
/** More than the name of a section or library has. */
const MOST_NAME = 256;
/** More than a binary of Go has of program headers, of what is linked, and of their names. */
const MOST_BYTES = 1024 * 1024;
const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_NULL, DT_NEEDED, DT_STRTAB] = [0, 1, 5];

/** Reads what a binary needs; nothing for one that needs nothing, or is none of ELF. */
export async function needsOf(path: string): Promise<Needs | undefined> {
  try {
    using file = await Deno.open(path);
    return readNeeds(readerOf(file));
  } catch (error) {
    // It says what it does not hold: whatever it is, the loader will refuse it.
    if (error instanceof RangeError) return undefined;
    throw ioFailure(`read ${path}`, error);
  }
}

/** Architectures by the number of their machine (`e_machine`), where Go's name says all of it. */
const MACHINES: Readonly<Record<number, string>> = { 3: "386", 62: "amd64", 183: "arm64" };

/**
 * The architecture of Linux that a program is for, as Go calls it; nothing for what is no such program, or
 * for another architecture.
 *
 * @throws {KodenoError} where the file cannot be read
 */
export async function elfArchitecture(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const head = headOf(readerOf(file));
    if (!head?.little) return undefined;
    const { header, half } = head;
    // A program, or one that may stand anywhere (ET_EXEC, ET_DYN).
    return [2, 3].includes(half(header, 16)) ? MACHINES[half(header, 18)] : undefined;
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** Gives bytes of a file, fewer at its end or none at all: then it throws `RangeError`. */
type ReadAt = (offset: number, length: number) => DataView;

/** The header of a program, and how its numbers are written; nothing for what is none of ELF. */
function headOf(read: ReadAt) {
  const header = read(0, HEADER_BYTES);
  if (header.byteLength < HEADER_BYTES || header.getUint32(0) !== MAGIC) return undefined;
  const wide = header.getUint8(4) === 2;
  const little = header.getUint8(5) === 1;
  const half = (view: DataView, at: number): number => view.getUint16(at, little);
  /** A number of the width of the class: its place in 32 and in 64 bits. */
  const number = (view: DataView, narrowAt: number, wideAt: number): number =>
    wide ? Number(view.getBigUint64(wideAt, little)) : view.getUint32(narrowAt, little);
  return { header, wide, little, half, number };
}

/** A part of a program, in bytes from the start of its file. */
export interface Section {
  readonly offset: number;
  readonly size: number;
}

/** The sections of a program by their names; none of what is none of ELF. */
export function sectionsOf(read: ReadAt): ReadonlyMap<string, Section> {
  const found = new Map<string, Section>();
  const head = headOf(read);
  if (head === undefined) return found;
  const { header, wide, little, half, number } = head;
  const [each, count, names] = wide
    ? [half(header, 58), half(header, 60), half(header, 62)]
    : [half(header, 46), half(header, 48), half(header, 50)];
  if (!each || !count) return found;
  const table = read(number(header, 32, 40), each * count);
  const section = (i: number) => new DataView(table.buffer, i * each, each);
  const place = (one: DataView): Section => ({
    offset: number(one, 16, 24),
    size: number(one, 20, 32),
  });
  const { offset, size } = place(section(names));
  const texts = read(offset, size);
  for (let i = 0; i < count; i++) {
    const at = section(i).getUint32(0, little);
    const name = textIn(new DataView(texts.buffer, at, Math.min(MOST_NAME, texts.byteLength - at)));
    found.set(name, place(section(i)));
  }
  return found;
}

function readerOf(file: Deno.FsFile): ReadAt {
  const { size } = file.statSync();
  return (offset, length) => {
    if (length > MOST_BYTES || offset > size) throw new RangeError(`${offset} is not in the file`);
    file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    return new DataView(bytes.buffer, 0, file.readSync(bytes) ?? 0);
  };
}

function readNeeds(read: ReadAt): Needs | undefined {
  const head = headOf(read);
  if (head === undefined) return undefined;
  const { header, wide, little, half, number } = head;
  const each = half(header, wide ? 54 : 42);
  const count = half(header, wide ? 56 : 44);
  const table = read(number(header, 28, 32), each * count);
  const segments = Array.from({ length: count }, (_, i) => {
    const one = new DataView(table.buffer, i * each, each);
    const [offset, address, size] = [number(one, 4, 8), number(one, 8, 16), number(one, 16, 32)];
    return { type: one.getUint32(0, little), offset, address, size };
  });
  const content = (type: number): DataView | undefined => {
    const found = segments.find((one) => one.type === type);
    return found && read(found.offset, found.size);
  };
  const loader = content(PT_INTERP);
  const interpreter = loader && textIn(loader);
  if (!interpreter) return undefined;

  const dynamic = content(PT_DYNAMIC);
  const width = wide ? 8 : 4;
  const entries: (readonly [tag: number, value: number])[] = [];
  for (let at = 0; dynamic && at + 2 * width <= dynamic.byteLength; at += 2 * width) {
    const tag = number(dynamic, at, at);
    if (tag === DT_NULL) break;
    entries.push([tag, number(dynamic, at + width, at + width)]);
  }
  const names = entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? 0;
  const segment = segments.find(({ type, address, size }) =>
    type === PT_LOAD && address <= names && names < address + size
  );
  const libraries = entries.filter(([tag]) => tag === DT_NEEDED).map(([, at]) => {
    if (segment === undefined) throw new RangeError("its names are in no segment");
    return textIn(read(names - segment.address + segment.offset + at, MOST_NAME));
  });
  return { interpreter, libraries };
}

/** The text up to a zero. */
function textIn({ buffer, byteOffset, byteLength }: DataView): string {
  const [text = ""] = new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength))
    .split("\0", 1);
  return text;
}
