import assert from "node:assert/strict";
import { concat } from "../../test/archive/images.ts";
import { failsWith } from "../../test/support/fails.ts";
import { names, tempDir } from "../../test/support/temp.ts";
import { digestOf } from "../io/hash.ts";
import { checkPartSize, explainParts, findParts, partsChunks, writeParts } from "./parts.ts";

const SIZE = 65_536;

function content(bytes: number): Uint8Array {
  const found = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += SIZE) crypto.getRandomValues(found.subarray(at, at + SIZE));
  return found;
}

async function write(path: string, bytes: Uint8Array): Promise<number> {
  const { parts } = await writeParts(path, { size: SIZE, what: `bundle ${path}` }, async (take) => {
    for (let at = 0; at < bytes.length; at += 50_000) await take(bytes.subarray(at, at + 50_000));
    return { document: { id: digestOf(bytes) } };
  });
  return parts;
}

async function read(...paths: string[]): Promise<Uint8Array> {
  const found = await findParts(paths);
  assert.ok(found);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of partsChunks(found, {})) chunks.push(Uint8Array.from(chunk));
  } catch (error) {
    throw await explainParts(found, error, {});
  }
  return concat(...chunks);
}

Deno.test("parts: what is written in parts is read whole, by any of their names", async () => {
  await using dir = await tempDir();
  const file = dir.join("x.tar");
  const bytes = content(3 * SIZE + 7);
  assert.equal(await write(file, bytes), 4);
  assert.deepEqual(await names(dir.path), [0, 1, 2, 3, 4].map((n) => `x.tar.00${n}`));
  assert.equal((await Deno.stat(`${file}.001`)).size, SIZE);
  for (const given of [["000"], ["002"], ["003", "000", "001"]]) {
    assert.deepEqual(await read(...given.map((one) => `${file}.${one}`)), bytes);
  }
  // From several media.
  await Deno.mkdir(dir.join("disc"));
  await Deno.rename(`${file}.002`, dir.join("disc/x.tar.002"));
  assert.deepEqual(await read(`${file}.000`, dir.join("disc/x.tar.002")), bytes);
  const header = JSON.parse(await Deno.readTextFile(`${file}.000`));
  assert.deepEqual([header.bytes, header.parts.length], [bytes.length, 4]);
  assert.equal(`sha256:${header.sha256}`, digestOf(bytes));
  // A shorter one leaves nothing of the longer one, nor of any that was interrupted.
  await Deno.rename(dir.join("disc/x.tar.002"), `${file}.002`);
  await Deno.remove(dir.join("disc"));
  for (const name of ["x.tar.b001", "x.tar.b002"]) await dir.write(name, "of one that was killed");
  for (const first of ["b001", "001", "b001"]) {
    assert.equal(await write(file, bytes.subarray(0, SIZE)), 1);
    assert.deepEqual(await names(dir.path), ["x.tar.000", `x.tar.${first}`]);
    assert.deepEqual(await read(`${file}.${first}`), bytes.subarray(0, SIZE));
  }
});

Deno.test("parts: those that are missing, damaged or of another bundle are named, and no others", async () => {
  await using dir = await tempDir();
  const [one, two] = [dir.join("x.tar"), dir.join("y/x.tar")];
  await Deno.mkdir(dir.join("y"));
  const bytes = content(4 * SIZE);
  await write(one, bytes);
  await write(two, content(4 * SIZE));
  const bad = (why: RegExp, ...paths: string[]) =>
    failsWith("BAD_CONTENT", () => read(...paths), why);
  await bad(/y\/x.tar.000 is of another bundle/, `${one}.000`, `${two}.000`);
  await bad(
    /x.tar.000: x.tar.002 is damaged, or a part of another bundle; bring that part again/,
    `${one}.000`,
    `${two}.002`,
  );
  await bad(/other is none of its 4 parts/, `${one}.000`, await dir.write("other", "x"));
  const damaged = Uint8Array.from(bytes.subarray(SIZE, 2 * SIZE));
  damaged[9] = (damaged[9] ?? 0) ^ 1;
  await Deno.writeFile(`${one}.002`, damaged);
  await Deno.writeFile(`${one}.004`, damaged);
  await bad(/: x.tar.002 is damaged, .*, x.tar.004 is damaged, .*; bring those/, `${one}.000`);
  await Deno.truncate(`${one}.002`, 5);
  await Deno.remove(`${one}.003`);
  await bad(
    /: x.tar.002 has 5 bytes, not 65536, x.tar.003 is missing \(65536 bytes\);/,
    `${one}.000`,
  );
  const header = await Deno.readTextFile(`${one}.000`);
  const changed = async (from: RegExp | string, to: string, why: RegExp) => {
    await Deno.writeTextFile(`${one}.000`, header.replace(from, to));
    await bad(why, `${one}.000`);
  };
  await changed('"version":1', '"version":7', /its parts are of version 7/);
  await changed("x.tar.001", "../x.tar.001", /damaged or was changed: parts.0.name/);
  await changed("x.tar.001", "x.tar.002", /do not add up/);
  await changed('"bytes":262144', '"bytes":262145', /do not add up/);
  await failsWith("BAD_OPTION", () => checkPartSize(100), /too small; say 65536 at least/);
});

Deno.test("parts: work that fails leaves what was there", async () => {
  await using dir = await tempDir();
  const file = dir.join("x.tar");
  const bytes = content(2 * SIZE);
  await write(file, bytes);
  const failing = writeParts(file, { size: SIZE, what: "bundle x" }, async (take) => {
    await take(content(3 * SIZE));
    throw new Error("no more");
  });
  await failsWith("IO_FAILED", () => failing, /no more/);
  assert.deepEqual(await read(`${file}.000`), bytes);
  assert.equal((await names(dir.path)).length, 3);
});

Deno.test("parts: while one bundle takes the place of another, one of them is whole", async () => {
  await using dir = await tempDir();
  const file = dir.join("x.tar");
  const [old, next] = [content(3 * SIZE), content(4 * SIZE)];
  await write(file, old);
  const { rename, remove } = Deno;
  let steps = 0;
  const look = async () => {
    steps++;
    const bytes = await read(`${file}.000`);
    assert.ok(bytes.length === old.length || bytes.length === next.length);
  };
  try {
    Object.assign(Deno, {
      rename: async (...paths: Parameters<typeof rename>) => {
        await rename(...paths);
        await look();
      },
      remove: async (...how: Parameters<typeof remove>) => {
        await remove(...how);
        await look();
      },
    });
    await write(file, next);
  } finally {
    Object.assign(Deno, { rename, remove });
  }
  // Each of the parts and the header got its name, and each old part went.
  assert.equal(steps, 5 + 3);
  assert.deepEqual(await read(`${file}.000`), next);
});
