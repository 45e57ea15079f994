/**
 * Behind `deno task dead`: names what is exported and nobody imports. What only tests import, and
 * its own file does not use either, is dead, too: nothing but its test keeps it.
 * @module
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../test/support/kodeno.ts";
import { succeed } from "../test/support/process.ts";
import { filesBelow } from "../test/support/temp.ts";

const ROOT_URL = new URL("..", import.meta.url);

/** What `deno doc --json` tells of a file. */
interface DocumentedFile {
  readonly imports?: readonly { readonly originalName?: string; readonly src: string }[];
  readonly symbols: readonly DocumentedSymbol[];
}

interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly declarationKind: string;
    readonly location: { readonly line: number };
    readonly def?: { readonly target?: { readonly filename: string; readonly line: number } };
  }[];
}

const isTest = (file: string): boolean => file.startsWith("test/") || file.endsWith("_test.ts");

/** Files that a file imports as a whole: as a namespace, or while it runs. */
function importedWhole(file: string, text: string): readonly string[] {
  const found = text.matchAll(
    /\bimport(?:\(\s*| \* as \w+ from )"(\.[^"]*)"/g,
  );
  return [...found].map(([, path = ""]) => local(new URL(path, new URL(file, ROOT_URL)).href));
}

const local = (url: string): string =>
  url.startsWith("file:") ? relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/") : url;

const files = ["cli.ts", "mod.ts"];
for (const folder of ["src", "tasks", "bench", "test"]) {
  // In bench/work are the files of a benchmark, which may be making and removing them now.
  const found = await filesBelow(ROOT + folder, "", "work");
  files.push(...found.map((path) => `${folder}/${path}`).filter((path) => path.endsWith(".ts")));
}
const documented = await succeed(Deno.execPath(), ["doc", "--json", ...files], { cwd: ROOT });
const { nodes } = JSON.parse(documented) as {
  nodes: Readonly<Record<string, DocumentedFile>>;
};
const texts = new Map<string, string>();
for (const file of files) texts.set(file, await Deno.readTextFile(ROOT + file));

/** By `FILE NAME`: the files that import it. */
const importers = new Map<string, string[]>();
const note = (file: string, name: string, by: string): void => {
  const key = `${file} ${name}`;
  importers.set(key, [...importers.get(key) ?? [], by]);
};
const declared = new Map<string, string>();
for (const [url, { symbols }] of Object.entries(nodes)) {
  for (const { name, declarations } of symbols) {
    for (const { location } of declarations) declared.set(`${url} ${location.line}`, name);
  }
}
for (const [url, { imports = [], symbols }] of Object.entries(nodes)) {
  const by = local(url);
  for (const { originalName, src } of imports) note(local(src), originalName ?? "*", by);
  for (const { declarations } of symbols) {
    for (const { def } of declarations) {
      if (def?.target === undefined) continue;
      const { filename, line } = def.target;
      note(local(filename), declared.get(`${filename} ${line}`) ?? "*", by);
    }
  }
  const text = texts.get(by) ?? "";
  for (const file of importedWhole(by, text)) {
    for (const { name } of nodes[new URL(file, ROOT_URL).href]?.symbols ?? []) {
      if (new RegExp(`\\b${name}\\b`).test(text)) note(file, name, by);
    }
  }
}

const dead: string[] = [];
for (const [url, { symbols }] of Object.entries(nodes)) {
  const file = local(url);
  if (!file.startsWith("src/") || isTest(file)) continue;
  for (const { name, declarations } of symbols) {
    const [first] = declarations;
    if (first?.declarationKind !== "export" || first.kind === "reference") continue;
    const users = importers.get(`${file} ${name}`) ?? [];
    if (users.some((user) => !isTest(user))) continue;
    const uses = texts.get(file)?.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0;
    if (users.length === 0) dead.push(`${file}: nobody imports ${name}`);
    else if (uses < 2) dead.push(`${file}: only tests use ${name}`);
  }
}
for (const line of dead.sort()) console.log(line);
if (dead.length > 0) console.error(`${dead.length} exports are dead: delete them`);
Deno.exitCode = dead.length > 0 ? 1 : 0;
