/**
 * The Go modules that are built: crane as it is published, thirty small programs, many that do
 * nothing, and one program with a lot of data beside it. They are made in `bench/work`, and stay there for the next time.
 * @module
 */
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { environment, output } from "./process.ts";

/** Names of the modules. */
export type Module = "crane" | "mains" | "many" | "kodata";

const CRANE_MODULE = "github.com/google/go-containerregistry@v0.22.1";
const MAINS = 30;
/** So many that what each of them costs outweighs what all cost together. */
const MANY_MAINS = 240;
const CHANGED_MAIN = 7;
const DATA_FILES = 4;
const DATA_BYTES = 250_000_000;

const numbersTo = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => i + 1);

/** The folder of a small program in its module. */
const mainFolder = (number: number): string => `cmd/app${String(number).padStart(2, "0")}`;

const mainPatterns = (count: number): readonly string[] =>
  numbersTo(count).map((number) => `./${mainFolder(number)}`);

/**
 * What the programs are asked to build, in the folder of their module. All are named, since ko takes
 * no pattern that stands for several.
 */
export const PATTERNS: Readonly<Record<Module, readonly string[]>> = {
  crane: ["./cmd/crane"],
  mains: mainPatterns(MAINS),
  many: mainPatterns(MANY_MAINS),
  kodata: ["."],
};

/** The folder of a module. */
export function moduleFolder(work: string, module: Module): string {
  return join(work, "modules", module);
}

/** Makes a module, unless it is there. */
export async function makeModule(work: string, module: Module): Promise<void> {
  const folder = moduleFolder(work, module);
  if (await Deno.stat(folder).catch(() => undefined)) return;
  // Under another name first, so that an interrupted bench leaves no half of one.
  const half = `${folder}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  await Deno.mkdir(half, { recursive: true });
  if (module === "crane") await copyCrane(half);
  else if (module === "mains") await writeMains(half);
  else if (module === "many") await writeMany(half);
  else await writeKodata(half);
  await commit(half);
  await Deno.rename(half, folder);
}

/** As in real life, a module lies in a repository; ko looks into that for each build. */
async function commit(folder: string): Promise<void> {
  const git = (...args: string[]): Promise<string> =>
    output({ program: "git", args, env: environment(), cwd: folder });
  const user = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
  await git("init", "--quiet");
  await git("add", ".");
  await git(...user, "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "fixture");
}

async function copyCrane(folder: string): Promise<void> {
  const go = { program: "go", env: environment(), cwd: folder };
  const printed = await output({ ...go, args: ["mod", "download", "-json", CRANE_MODULE] });
  const { Dir } = JSON.parse(printed) as { Dir: string };
  await copyFolder(Dir, folder);
  // What it depends on is fetched here, not while somebody's time is taken.
  await output({ ...go, args: ["mod", "download"] });
}

/** Go's module cache is read-only; the copy is not. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else if (isFile) await Deno.writeFile(join(to, name), await Deno.readFile(join(from, name)));
  }
}

async function writeMains(folder: string): Promise<void> {
  await writeGoMod(folder, "mains");
  for (const number of numbersTo(MAINS)) await writeMain(folder, number, "unchanged");
}

/** Programs that are linked at once; each is another one, so that no two share a layer. */
async function writeMany(folder: string): Promise<void> {
  await writeGoMod(folder, "many");
  for (const number of numbersTo(MANY_MAINS)) {
    const own = join(folder, mainFolder(number));
    await Deno.mkdir(own, { recursive: true });
    const source = `package main\n\nfunc main() { println(${number}) }\n`;
    await Deno.writeTextFile(join(own, "main.go"), source);
  }
}

async function writeKodata(folder: string): Promise<void> {
  await writeGoMod(folder, "kodata");
  await Deno.writeTextFile(join(folder, "main.go"), "package main\n\nfunc main() {}\n");
  await Deno.writeTextFile(join(folder, ".gitignore"), "/kodata/\n");
  await Deno.mkdir(join(folder, "kodata"));
  const chunk = new Uint8Array(10_000_000);
  for (let number = 1; number <= DATA_FILES; number++) {
    using file = await Deno.create(join(folder, "kodata", `random-${number}`));
    for (let bytes = 0; bytes < DATA_BYTES; bytes += chunk.length) {
      randomFillSync(chunk);
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    }
  }
}

async function writeGoMod(folder: string, name: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "go.mod"), `module example.com/${name}\n\ngo 1.24\n`);
}

/** Changes the constant of one of the thirty programs; without a value, back to what it was. */
export async function changeMain(work: string, value = "unchanged"): Promise<void> {
  await writeMain(moduleFolder(work, "mains"), CHANGED_MAIN, value);
}

async function writeMain(module: string, number: number, value: string): Promise<void> {
  const folder = join(module, mainFolder(number));
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "main.go"), mainSource(number, value));
}

const mainSource = (number: number, value: string): string =>
  `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

const number = ${number}
const value = ${JSON.stringify(value)}

type answer struct {
	Number int    \`json:"number"\`
	Value  string \`json:"value"\`
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(answer{number, value}); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:8080", nil))
}
`;
