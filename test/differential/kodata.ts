/**
 * A kodata folder with everything that a tree can hold and a tar has to name: links, long names,
 * names beyond ASCII, and names whose order is another one in UTF-16 than in bytes.
 * @module
 */
import { dirname, join } from "node:path";

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "greeting.txt": "hello\n",
  "empty.txt": "",
  // A block, a block less and a block more than a tar's.
  "sizes/511": "x".repeat(511),
  "sizes/512": "x".repeat(512),
  "sizes/513": "x".repeat(513),
  "sizes/large": Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251),
  ".hidden/.file": "hidden\n",
  "with blank/a b": "blank\n",
  "nested/one/two/three/file.txt": "deep\n",
  // "a" comes before "a-b" and "a.b", and its own files before theirs.
  "a/x": "1",
  "a-b/x": "2",
  "a.b": "3",
  "A": "4",
  "\u00fcml\u00e4ut/\u65e5\u672c\u8a9e.txt": "beyond ASCII\n",
  "order/\uff5e": "before in bytes, behind in UTF-16\n",
  "order/\u{1f600}": "behind in bytes, before in UTF-16\n",
  // Behind "/var/run/ko/" the first one just fits; others need a prefix or a pax record.
  [`long/${"f".repeat(83)}`]: "100 bytes\n",
  [`long/${"f".repeat(84)}`]: "101 bytes\n",
  [`long/${"g".repeat(150)}`]: "one long name\n",
  [`long/${"d".repeat(60)}/${"e".repeat(60)}/${"h".repeat(90)}`]: "a long path that can be split\n",
  [`long/${"d".repeat(100)}/${"e".repeat(100)}/i`]: "a long path that cannot\n",
  [`long/${"\u00e4".repeat(60)}.txt`]: "long and beyond ASCII\n",
};

const LINKS: Readonly<Record<string, string>> = {
  "links/file": "../greeting.txt",
  "links/folder": "../nested",
  "links/link": "file",
  "links/into": "../nested/one/two",
  "links/beyond": "../\u00fcml\u00e4ut",
  "current": "links/folder/one",
};

/** Adds the folder to a package. */
export async function addKodata(packageFolder: string): Promise<void> {
  const root = join(packageFolder, "kodata");
  for (const [name, content] of Object.entries(FILES)) {
    const path = join(root, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  await Deno.mkdir(join(root, "empty"));
  // Neither modes nor times of files may show in a layer.
  await Deno.chmod(join(root, "greeting.txt"), 0o600);
  await Deno.chmod(join(root, "a.b"), 0o755);
  for (const [name, target] of Object.entries(LINKS)) {
    const path = join(root, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.symlink(target, path);
  }
}
