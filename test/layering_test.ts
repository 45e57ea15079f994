/**
 * The architecture: which folder may import which, and what only some of them may do. The table is
 * that of ARCHITECTURE.md; where the design should change, it is changed first, and says why.
 * @module
 */
import assert from "node:assert/strict";
import { posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "./support/kodeno.ts";
import { scan, type Scanned } from "./support/source_scan.ts";
import { succeed } from "./support/process.ts";
import { filesBelow } from "./support/temp.ts";

/** What each row may import beside itself and what is shared: the table of ARCHITECTURE.md. */
const ROWS = readTable(await Deno.readTextFile(`${ROOT}ARCHITECTURE.md`));
const SHARED = ["src/errors.ts", "src/events.ts", "src/signals.ts", "src/npm/"];
/** What "all" leaves out: nobody works for the command line. */
const NEVER = ["cli.ts", "mod.ts", "src/cli/"];

const PLACES_ON_A_WIRE = ["src/place/http_client.ts", "src/place/", "src/serve/"];

/** What only some rows may do, as it looks in code where each string is `"node:..."` or `""`. */
const POWERS: readonly {
  readonly what: string;
  readonly rows: readonly string[];
  readonly seen: RegExp;
}[] = [
  {
    what: "runs a program",
    rows: ["src/exec/"],
    seen: /\bDeno\s*\.\s*Command\b|"node:(?:child_process|cluster)"/,
  },
  {
    what: "uses the network",
    rows: PLACES_ON_A_WIRE,
    seen: new RegExp(
      [
        // A call of the global; not a method's definition, whose first parameter has a type.
        /(?<![.\w#$])fetch\s*\((?!\s*(?:\w+\??\s*:|\)))/,
        /\bglobalThis\s*(?:\.\s*fetch\b|\[)/,
        /(?:[=(?&|]|\breturn)\s*fetch\b(?!\s*[:(=])/,
        /\bDeno\s*\.\s*(?:connect|listen|serve|startTls|createHttpClient|resolveDns)/,
        /\bnew\s+(?:WebSocket|EventSource|WebTransport|XMLHttpRequest)\b/,
        /"node:(?:http|https|http2|net|dgram|dns)(?:\/\w+)?"/,
        // The root certificates are a value that the runtime carries.
        /(?<!\{\s*rootCertificates\s*\}\s*(?:from|=\s*await\s+import\s*\()\s*)"node:tls"/,
      ].map(({ source }) => source).join("|"),
    ),
  },
  {
    what: "reads the environment",
    rows: ["src/config/", "src/place/http_client.ts"],
    seen: /\bDeno\s*\.\s*env\b|\bprocess\s*(?:\.\s*env\b|\[)|\benv\b[^;]*"node:process"/,
  },
  {
    what: "prints",
    rows: ["src/cli/"],
    seen: /\bconsole\b|\b(?:Deno|process)\s*\.\s*stderr\b/,
  },
  {
    what: "prints",
    // An archive goes there where the user says so; what a command found is printed by src/cli.
    rows: ["src/cli/", "src/io/"],
    seen: /\b(?:Deno|process)\s*\.\s*stdout\b/,
  },
  {
    what: "calls the system's libraries",
    rows: ["src/io/"],
    seen: /\bDeno\s*\.\s*(?:dlopen|Unsafe\w+)\b/,
  },
  { what: "ends the process", rows: ["cli.ts"], seen: /\b(?:Deno|process)\s*\.\s*exit(?:Code)?\b/ },
  // Otherwise the rules above would see nothing.
  { what: "takes Deno apart", rows: [], seen: /\bDeno\b(?!\s*\.\s*\w)/ },
  { what: "imports what is not written out", rows: [], seen: /\bimport\s*\(\s*(?!")/ },
];

/** A graph is walked by `content/walk.ts`, which has the bounds, and by nothing else. */
const WALKS = ["src/content/walk.ts"];
const WALKING = new RegExp(
  [
    // What a node leads to, and how far one may go, is the business of the walk.
    /\bsuccessors\s*\(/,
    /\bGraphBounds\b/,
    // A queue of children, and a function that calls itself for each of them.
    /\.\s*push\s*\(\s*\.\.\.[^;]*\b(?:manifests|successors)\b/,
    /\bof\s+[\w.?]*\b(?:manifests|successors)(?:\s*\?\?\s*\[\])?\s*\)\s*\{?\s*(?:await\s+)?[\w.#]*(?:walk|visit)\w*\s*\(/,
  ].map(({ source }) => source).join("|"),
);

const DECLARED =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\b\s*\*?|const|let|class|interface|type|enum)\s+(\w+)/gm;

/** Exported names that two files declare: nobody could tell which one a text means. */
function namesTwice(codes: ReadonlyMap<string, string>): readonly string[] {
  const declared = [...codes].flatMap(([file, code]) =>
    [...code.matchAll(DECLARED)].map(([, name = ""]) => ({ file, name }))
  );
  return [...Map.groupBy(declared, ({ name }) => name)].flatMap(([name, at]) => {
    const files = [...new Set(at.map(({ file }) => file))];
    return files.length < 2 ? [] : [`${name} is declared by ${files.join(" and ")}`];
  });
}

/** Rows of the form "| `src/room/` | what lives there | `src/other/`, ... |", by room. */
function readTable(markdown: string): Readonly<Record<string, readonly string[] | "all">> {
  const rows = markdown.matchAll(/^\| `([^`]+)`[^|]*\|[^|]*\|([^|]*)\|$/gm);
  return Object.fromEntries(
    [...rows].map(([, room = "", may = ""]) => [
      room,
      /^\s*all\b/.test(may) ? "all" : [...may.matchAll(/`([^`]+)`/g)].map(([, to = ""]) => to),
    ]),
  );
}

const rowOf = (file: string): string | undefined =>
  Object.keys(ROWS).find((row) => row.endsWith("/") ? file.startsWith(row) : file === row);

/** Files that a file names: each literal that is a relative path to TypeScript, wherever it stands. */
function edgesOf(file: string, { strings }: Scanned): readonly string[] {
  const found = strings.filter((text) => /^\.{1,2}\/.*\.ts$/.test(text));
  return [...new Set(found.map((text) => posix.join(posix.dirname(file), text)))];
}

function mayImport(from: string, to: string | undefined): boolean {
  if (to === undefined) return false;
  const allowed = ROWS[from] ?? [];
  // One recipe for each command: what two of them share lies in the room of its subject.
  if (from === "src/app/" && to === from) return false;
  if (from === to || from === "mod.ts") return true;
  if (allowed === "all") return !NEVER.includes(to);
  return allowed.includes(to) || (from.endsWith("/") && SHARED.includes(to));
}

/** Files that lead back to themselves, as `a -> b -> a`; one of each cycle. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push(`import cycle ${[...path.slice(at), file].join(" -> ")}`);
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/** Everything in these sources that the design does not allow, a line each. */
function violations(sources: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  const graph = new Map<string, readonly string[]>();
  const codes = new Map<string, string>();
  for (const [file, source] of sources) {
    const scanned = scan(source);
    codes.set(file, scanned.code);
    const row = rowOf(file);
    if (row === undefined) found.push(`${file} is in no row of the table`);
    graph.set(file, edgesOf(file, scanned));
    for (const to of graph.get(file) ?? []) {
      if (!mayImport(row ?? "", rowOf(to))) found.push(`${file} imports ${to}`);
    }
    const text = scanned.code.replaceAll(/"(\d+)"/g, (_, at) => {
      const literal = scanned.strings[at] ?? "";
      return literal.startsWith("node:") ? `"${literal}"` : '""';
    });
    for (const { what, rows, seen } of POWERS) {
      const match = seen.exec(text);
      if (match !== null && !rows.includes(row ?? "")) found.push(`${file} ${what}: ${match[0]}`);
    }
    if (row !== "src/npm/" && scanned.strings.some((text) => text.startsWith("npm:"))) {
      found.push(`${file} imports a package by itself`);
    }
    const walking = WALKS.includes(file) ? null : WALKING.exec(scanned.code);
    if (walking !== null) found.push(`${file} walks a graph by itself: ${walking[0]}`);
    if (!/^\/\*\*(?:(?!\*\/)[^])*\n \* @module\n \*\/\n/.test(source)) {
      found.push(`${file} does not open with a @module comment`);
    }
  }
  return [...found, ...cyclesIn(graph), ...namesTwice(codes)];
}

async function readSources(): Promise<ReadonlyMap<string, string>> {
  const below = (await filesBelow(`${ROOT}src`)).map((name) => `src/${name.replaceAll("\\", "/")}`);
  const files = below.filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts"));
  const names = ["cli.ts", "mod.ts", ...files];
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await Deno.readTextFile(ROOT + name)] as const),
    ),
  );
}

Deno.test("layering: the sources keep to the table", async () => {
  assert.deepEqual(violations(await readSources()), []);
});

interface GraphModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

Deno.test("layering: the scan sees the imports that the compiler sees", async () => {
  const sources = await readSources();
  const local = (url = ""): string =>
    url.startsWith("file:") ? relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/") : "";
  // Those two lead to all others, but for what is not used yet.
  const left = new Set(sources.keys());
  for (const [entry] of sources) {
    if (!left.has(entry)) continue;
    const json = await succeed(Deno.execPath(), ["info", "--json", entry], { cwd: ROOT });
    for (const { specifier, dependencies = [] } of JSON.parse(json).modules as GraphModule[]) {
      const file = local(specifier);
      if (!left.delete(file)) continue;
      const theirs = dependencies.flatMap(({ code, type }) => [code, type])
        .map((one) => local(one?.specifier)).filter((name) => name.endsWith(".ts"));
      const ours = edgesOf(file, scan(sources.get(file) ?? ""));
      assert.deepEqual([...ours].sort(), [...new Set(theirs)].sort(), file);
    }
  }
});

Deno.test("layering: a build into a layout waits for no library that it does not need", async () => {
  const libraries: string[] = [];
  // The command imports its recipe only when it runs.
  for (const file of ["src/cli/build.ts", "src/app/build.ts"]) {
    const json = await succeed(Deno.execPath(), ["info", "--json", file], { cwd: ROOT });
    const { roots, modules } = JSON.parse(json) as { roots: string[]; modules: GraphModule[] };
    const byName = new Map(modules.map((one) => [one.specifier, one]));
    const loaded = new Set(roots);
    for (const name of loaded) {
      for (const { code, isDynamic } of byName.get(name)?.dependencies ?? []) {
        if (code?.specifier && !isDynamic) loaded.add(code.specifier);
      }
    }
    libraries.push(...[...loaded].filter((name) => name.startsWith("npm:")));
  }
  assert.deepEqual(libraries.map((name) => /[a-z]+/.exec(name.slice(4))?.[0]), ["commander"]);
});

Deno.test("layering: what is planted is found", () => {
  const head = "/**\n * A file.\n * @module\n */\n";
  const planted: readonly (readonly [file: string, body: string, found: RegExp | undefined])[] = [
    ["src/oci/a.ts", 'import { x } from "../errors.ts";', undefined],
    ["src/oci/a.ts", 'import { x } from "../io/x.ts";', /^src\/oci\/a.ts imports src\/io\/x.ts$/],
    ["src/oci/a.ts", 'import type { X } from "../io/x.ts";', /imports/],
    ["src/oci/a.ts", 'export * from "../io/x.ts";', /imports/],
    ["src/oci/a.ts", "export type { X } from '../io/x.ts';", /imports/],
    ["src/oci/a.ts", 'const x = await import("../io/x.ts");', /imports/],
    ["src/oci/a.ts", "const x = await import(`../io/x.ts`);", /imports/],
    ["src/oci/a.ts", 'type X = import("../io/x.ts").X;', /imports/],
    ["src/oci/a.ts", "const x = await import(name);", /not written out/],
    ["src/oci/a.ts", '// import { x } from "../io/x.ts";', undefined],
    ["src/oci/a.ts", 'const r = /"/; import { x } from "../io/x.ts";', /imports/],
    ["src/oci/a.ts", "const t = `${`a ${'b'}`} // `; import '../io/x.ts';", /imports/],
    ["src/errors.ts", 'import { x } from "./events.ts";', /imports/],
    ["src/app/a.ts", 'import { x } from "../place/layout/x.ts";', undefined],
    ["src/app/a.ts", 'import { x } from "../cli/x.ts";', /imports/],
    ["src/app/a.ts", 'import { x } from "./x.ts";', /^src\/app\/a.ts imports src\/app\/x.ts$/],
    ["src/cli/a.ts", 'import { x } from "../oci/x.ts";', /imports/],
    ["src/place/daemon/a.ts", 'import { x } from "../archive/x.ts";', undefined],
    ["src/place/archive/a.ts", 'import { x } from "../../build/x.ts";', /imports/],
    ["src/image/a.ts", 'import { x } from "../../test/x.ts";', /imports/],
    ["cli.ts", 'import { x } from "./src/app/x.ts";', /imports/],
    ["src/new/a.ts", "", /in no row/],
    ["src/npm/a.ts", 'export { z } from "npm:zod@4";', undefined],
    ["src/io/a.ts", 'import { z } from "../npm/zod.ts";', undefined],
    ["src/io/a.ts", 'import { z } from "npm:zod@4";', /imports a package/],
    ["src/io/a.ts", "new Deno.Command(x);", /runs a program/],
    ["src/io/a.ts", 'import { spawn } from "node:child_process";', /runs a program/],
    ["src/exec/a.ts", "new Deno.Command(x);", undefined],
    ["src/go/a.ts", "new Deno.Command(x);", /runs a program/],
    ["src/io/a.ts", "await fetch(url);", /network/],
    ["src/io/a.ts", "const get = fetch;", /network/],
    ["src/io/a.ts", "await globalThis.fetch(url);", /network/],
    ["src/io/a.ts", "const text = `${await fetch(url)}`;", /network/],
    ["src/io/a.ts", "class A { async fetch(d: D) { return await this.b.fetch(d); } }", undefined],
    ["src/io/a.ts", 'const a = await Deno.connectTls({ port: 1 }); "fetch(x)";', /network/],
    ["src/io/a.ts", 'import { request } from "node:https";', /network/],
    ["src/io/a.ts", 'import { connect } from "node:tls";', /network/],
    ["src/io/a.ts", 'import { rootCertificates } from "node:tls";', undefined],
    ["src/io/a.ts", 'const { rootCertificates } = await import("node:tls");', undefined],
    ["src/place/registry/a.ts", "await fetch(url);", undefined],
    ["src/serve/a.ts", "new Deno.Command(x);", /runs a program/],
    ["src/app/a.ts", 'Deno.env.get("HOME");', /environment/],
    ["src/app/a.ts", "const home = process.env.HOME;", /environment/],
    ["src/app/a.ts", 'import { env } from "node:process";', /environment/],
    ["src/app/a.ts", 'import process from "node:process"; process.kill(1, 0);', undefined],
    ["src/app/a.ts", "const { env } = Deno;", /takes Deno apart/],
    ["src/config/a.ts", "Deno.env.toObject();", undefined],
    ["src/app/a.ts", "console.log(1);", /prints/],
    ["src/app/a.ts", "Deno.stdout.writeSync(x);", /prints/],
    ["src/app/a.ts", '/** console.log(1) */ const a = "console"; // console', undefined],
    ["src/cli/a.ts", "console.error(1);", undefined],
    ["src/cli/a.ts", "Deno.exit(1);", /ends the process/],
    ["cli.ts", "Deno.exit(1);", undefined],
    ["src/place/a.ts", "const next = successors(d, bytes);", /walks a graph/],
    ["src/place/a.ts", "const bounds = new GraphBounds();", /walks a graph/],
    ["src/app/a.ts", "queue.push(...index.manifests);", /walks a graph/],
    [
      "src/app/a.ts",
      "for (const one of index.manifests) await visit(one, n + 1);",
      /walks a graph/,
    ],
    ["src/app/a.ts", "for (const d of x?.manifests ?? []) { this.#walk(d); }", /walks a graph/],
    ["src/app/a.ts", "await walk.from(d); await below(document.index.manifests);", undefined],
    ["src/content/walk.ts", "new GraphBounds().enter(d, 0);", undefined],
  ];
  for (const [file, body, expected] of planted) {
    const found = violations(new Map([[file, `${head}${body}\n`]]));
    if (expected === undefined) assert.deepEqual(found, [], body);
    else assert.ok(found.length === 1 && expected.test(found[0] ?? ""), `${body}: ${found}`);
  }
  assert.match(violations(new Map([["src/io/a.ts", "const a = 1;\n"]]))[0] ?? "", /@module/);
  const both = new Map([
    ["src/oci/a.ts", `${head}export interface Twice {}\nexport const once = 1;\nconst own = 1;\n`],
    ["src/io/a.ts", `${head}export async function Twice() {}\nconst own = 2;\n`],
    ["src/io/b.ts", `${head}export { Twice } from "./a.ts";\n// export class once\n`],
  ]);
  assert.deepEqual(violations(both), ["Twice is declared by src/oci/a.ts and src/io/a.ts"]);
  const circle = new Map([
    ["src/io/a.ts", `${head}import type { B } from "./b.ts";\n`],
    ["src/io/b.ts", `${head}import { c } from "./c.ts";\n`],
    ["src/io/c.ts", `${head}import { a } from "./a.ts";\n`],
  ]);
  const found = ["import cycle src/io/a.ts -> src/io/b.ts -> src/io/c.ts -> src/io/a.ts"];
  assert.deepEqual(violations(circle), found);
});
