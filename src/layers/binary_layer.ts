/**
 * The layer with the program: `/ko-app/NAME`, in the bytes ko would write; and its Linux
 * capabilities, as the kernel keeps them in `security.capability` (capabilities(7), "File
 * capability extended attribute versioning", and cap_from_text(3)).
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Digest } from "../oci/descriptor.ts";
import type { LayerEntry, LayerPlan } from "./layer.ts";

/**
 * Security descriptor (owner and group BUILTIN\Users) without which Windows does not run a file of
 * a layer; the value is part of the image format ko writes.
 */
export const WINDOWS_SECURITY: Readonly<Record<string, string>> = {
  "MSWINDOWS.rawsd": "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==",
};

/** Plans the layer of a binary, a file that nobody may change until the layer is written. */
export function planBinaryLayer(
  { path, size, digest }: { readonly path: string; readonly size: number; readonly digest: Digest },
  appName: string,
  os: string,
  capabilities: readonly string[] = [],
): LayerPlan {
  const windows = os === "windows";
  const granted = os === "linux" ? capabilityAttribute(capabilities) : undefined;
  const directories = windows ? ["Hives", "Files", "Files/ko-app"] : ["ko-app"];
  const entries: LayerEntry[] = directories.map((name) => ({
    entry: { type: "dir", name, mode: 0o555 },
  }));
  entries.push({
    entry: {
      type: "file",
      name: `${windows ? "Files" : ""}/ko-app/${appName}`,
      mode: 0o555,
      size,
      ...(windows ? { pax: WINDOWS_SECURITY } : {}),
      ...(granted ? { pax: { "SCHILY.xattr.security.capability": granted } } : {}),
    },
    content: path,
    digest,
  });
  const key = ["binary", windows, appName, digest, ...(granted ? [granted.toHex()] : [])];
  return { key, entries, bytes: size, settled: true };
}

/** All there are, at the place of their number (linux/capability.h). */
const NAMES: readonly string[] = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
  NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
  SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG
  MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
  BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
`.trim().split(/\s+/);

const ALL_BITS = (1n << 64n) - 1n;
/** Version of the attribute with two words for each set, and no user namespace. */
const REVISION_2 = 0x02000000;
const EFFECTIVE = 1;

/**
 * The value of a file's `security.capability` attribute, 20 bytes; nothing where nothing is
 * granted. Terms are names in any case, with or without `CAP_`, or numbers, which are permitted; or
 * clauses of cap_from_text(3), such as `net_raw,net_admin=pe` or `=p`.
 */
export function capabilityAttribute(terms: readonly string[]): Uint8Array | undefined {
  const sets = { p: 0n, i: 0n, e: 0n };
  for (const term of terms) {
    const at = term.search(/[+\-=]/);
    if (at < 0) sets.p |= bitOf(term, term);
    else apply(sets, term, at);
  }
  if (sets.p === 0n && sets.i === 0n) return undefined;
  const bytes = new DataView(new ArrayBuffer(20));
  const words = [
    BigInt(REVISION_2 | (sets.e === 0n ? 0 : EFFECTIVE)),
    sets.p,
    sets.i,
    sets.p >> 32n,
    sets.i >> 32n,
  ];
  words.forEach((word, i) => bytes.setUint32(4 * i, Number(word & 0xffffffffn), true));
  return new Uint8Array(bytes.buffer);
}

/** One clause: names, then operators, each with the sets it changes. */
function apply(sets: Record<"p" | "i" | "e", bigint>, term: string, at: number): void {
  const names = term.slice(0, at) || (term[0] === "=" ? "all" : "");
  const mask = names.split(",").reduce((bits, name) => bits | bitOf(name, term), 0n);
  let kept = 0n;
  for (const letter of term.slice(at)) {
    if (letter === "+") kept = ALL_BITS;
    else if (letter === "-") kept = ALL_BITS & ~mask;
    else if (letter === "=") {
      kept = ALL_BITS;
      for (const set of ["p", "i", "e"] as const) sets[set] &= ~mask;
    } else if (letter === "p" || letter === "i" || letter === "e") {
      sets[letter] = (sets[letter] | mask) & kept;
    } else throw bad(term, `it has no set ${JSON.stringify(letter)}; say p, i or e`);
  }
}

function bitOf(text: string, term: string): bigint {
  if (/^\d+$/.test(text) && Number(text) < 64) return 1n << BigInt(text);
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (text.toUpperCase() === "ALL") return (1n << BigInt(NAMES.length)) - 1n;
  const number = NAMES.indexOf(name);
  if (number >= 0) return 1n << BigInt(number);
  throw bad(term, `there is no capability ${JSON.stringify(text)}; see capabilities(7)`);
}

function bad(term: string, why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot use capability ${JSON.stringify(term)}: ${why}`);
}
