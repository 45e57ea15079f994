/**
 * What a binary needs of the system that starts it: the program that loads it, and libraries. Only the
 * few bytes that say so are read (System V ABI, chapters 4 and 5).
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
/** More than a binary of Go has of program headers, of what is linked, and of their names. */
const MOST_BYTES = 1024 * 1024;
const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_NULL, DT_NEEDED, DT_STRTAB] = [0, 1, 5];

/** Reads what a binary needs; nothing for one that needs nothing, or is none of ELF. */
export async function needsOf(path: string): Promise<Needs | undefined> {
  try {
    using file = await Deno.open(path);
    const { size } = file.statSync();
    return readNeeds((offset, length) => {
      if (length > MOST_BYTES || offset > size) {
        throw new RangeError(`${offset} is not in the file`);
      }
      file.seekSync(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(length);
      return new DataView(bytes.buffer, 0, file.readSync(bytes) ?? 0);
    });
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
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    const count = file.readSync(new Uint8Array(header.buffer)) ?? 0;
    if (count < HEADER_BYTES || header.getUint32(0) !== MAGIC) return undefined;
    // A program, or one that may stand anywhere (ET_EXEC, ET_DYN), of little endian.
    const isProgram = header.getUint8(5) === 1 && [2, 3].includes(header.getUint16(16, true));
    return isProgram ? MACHINES[header.getUint16(18, true)] : undefined;
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** Gives bytes of a file, fewer at its end. */
type Read = (offset: number, length: number) => DataView;

function readNeeds(read: Read): Needs | undefined {
  const header = read(0, HEADER_BYTES);
  if (header.byteLength < HEADER_BYTES || header.getUint32(0) !== MAGIC) return undefined;
  const wide = header.getUint8(4) === 2;
  const little = header.getUint8(5) === 1;
  const half = (view: DataView, at: number): number => view.getUint16(at, little);
  /** A number of the width of the class: its place in 32 and in 64 bits. */
  const number = (view: DataView, narrowAt: number, wideAt: number): number =>
    wide ? Number(view.getBigUint64(wideAt, little)) : view.getUint32(narrowAt, little);

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
    return textIn(read(names - segment.address + segment.offset + at, 256));
  });
  return { interpreter, libraries };
}

/** The text up to a zero. */
function textIn({ buffer, byteOffset, byteLength }: DataView): string {
  const [text = ""] = new TextDecoder().decode(new Uint8Array(buffer, byteOffset, byteLength))
    .split("\0", 1);
  return text;
}
