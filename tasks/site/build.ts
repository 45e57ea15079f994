/**
 * Makes the documentation site of the README, `docs/`, and all that these lead to. Pages lie as their
 * sources do, and each link of a page is relative, so that a site can be read from a folder, from an
 * archive that was carried somewhere, and below any path of a server.
 * @module
 */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../test/support/kodeno.ts";
import { filesBelow, names } from "../../test/support/temp.ts";
import { anchor, Eleventy, hljs, MarkdownIt, slug } from "./npm.ts";

/** Where a reader begins, but for the guides; what is not there is passed over. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Start: ["README.md", "docs/coming-from-ko.md", "examples/README.md"],
  Guides: [],
  Reference: [
    ...["docs/commands.md", "docs/ko-yaml.md", "docs/json.md", "docs/library.md"],
    ...["docs/interop.md", "docs/security.md", "docs/compatibility.md", "bench/RESULTS.md"],
  ],
  Project: [
    ...["CHANGELOG.md", "docs/releases.md", "SECURITY.md", "CONTRIBUTING.md"],
    ...["CODE_OF_CONDUCT.md", "ARCHITECTURE.md", "LICENSE"],
  ],
};
const IMAGE = /\.(?:svg|png)$/;
/** A link to a file of the project, not to a host or into its own page. */
const LOCAL = /^(?![a-z]+:|\/\/)([^#]*)(?:#(.*))?$/;
/** What a page of files may show. */
const MAX_CHARACTERS = 200_000;
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** A page: what it is made of, and what it says of itself. */
interface Page {
  /** Relative to the project. */
  readonly source: string;
  readonly path: string;
  readonly title: string;
  readonly text: string;
  readonly sections: readonly Section[];
  readonly links: readonly Link[];
}

/** What a page leads to: a page, an image, or a part of a page. */
interface Link {
  readonly source: string;
  readonly id: string;
}

/** A page that is read; where its links lead is added to it. */
interface Reading {
  readonly source: string;
  readonly links?: Link[];
}

/** What is used of a token. */
interface Inline {
  readonly children: readonly { readonly type: string; readonly content: string }[] | null;
}

/** What is used of Eleventy's settings, which has no types of its own. */
interface Settings {
  setLibrary(name: string, library: unknown): void;
  setFreezeReservedData(isFrozen: boolean): void;
  addGlobalData(name: string, value: unknown): void;
  addPassthroughCopy(paths: Readonly<Record<string, string>>): void;
  addTemplate(path: string, text: string, data: Readonly<Record<string, unknown>>): void;
}

/** A part of a page, for the search. */
interface Section {
  readonly title: string;
  readonly id: string;
  readonly level: number;
  text: string;
}

const markdown = MarkdownIt({ html: true, highlight })
  .use(anchor, {
    // As GitHub and forges like it have them, since sources are read there, too.
    slugify: slug,
    uniqueSlugStartIndex: 1,
    tabIndex: false,
    permalink: anchor.permalink.headerLink(),
  });
markdown.core.ruler.push("pages", ({ tokens, env }) => {
  const page = env as Reading;
  for (const token of tokens.flatMap((one) => [one, ...one.children ?? []])) {
    for (const name of ["href", "src"]) {
      const to = token.attrGet(name);
      if (to !== null) token.attrSet(name, linkFrom(page, to));
    }
    if (!token.type.startsWith("html_")) continue;
    // What tests say to each other is nothing for readers.
    token.content = token.content.replaceAll(/<!--.*?-->/gs, "").replaceAll(
      /\b(src|srcset|href)="([^"]*)"/g,
      (_, name, to) => `${name}="${linkFrom(page, to)}"`,
    );
  }
});
// A wide table is moved below its page's edge, and not the page.
markdown.renderer.rules.table_open = () => '<div class="wide"><table>\n';
markdown.renderer.rules.table_close = () => "</table></div>\n";

/** Makes the site in a folder, which is emptied before. */
export async function buildSite(folder: string): Promise<void> {
  const pages = await readPages(await beginnings());
  const listed = Object.values(GROUPS).flat();
  const isGuide = (source: string) => /^docs\/[^/]+\.md$/.test(source) && !listed.includes(source);
  const groups = Object.entries(GROUPS).map(([name, sources]) => ({
    name,
    pages: name === "Guides"
      ? [...pages.values()].filter(({ source }) => isGuide(source))
      : sources.flatMap((one) => pages.get(one) ?? []),
  }));
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const config = (settings: Settings) => {
    settings.setLibrary("md", markdown);
    settings.addGlobalData("groups", groups);
    for (const name of ["site.css", "site.js"]) {
      settings.addPassthroughCopy({ [HERE + name]: name });
    }
    for (const { source, path, title, text, sections } of pages.values()) {
      if (IMAGE.test(source)) {
        settings.addPassthroughCopy({ [ROOT + source]: path });
        continue;
      }
      settings.addTemplate(`${source}.md`, text, {
        layout: "page.njk",
        permalink: path,
        // Braces in a page are no template.
        templateEngineOverride: "md",
        ...{ source, title, up: "../".repeat(path.split("/").length - 1) },
        parts: sections.filter(({ level }) => level === 2 || level === 3),
      });
    }
  };
  const eleventy = new Eleventy(HERE, folder, { configPath: null, config });
  eleventy.disableLogger();
  await eleventy.write();
  const index = [...pages.values()].flatMap(({ path, title, sections }) =>
    sections.map((one) => [path, one.id, title, one.title, one.text])
  );
  // A script, and no JSON: a page that is opened as a file may load only these.
  await Deno.writeTextFile(`${folder}/search.js`, `searchIndex(${JSON.stringify(index)});\n`);
}

/** The pages that a reader finds by themselves. */
async function beginnings(): Promise<readonly string[]> {
  const docs = (await names(`${ROOT}docs`)).filter((name) => name.endsWith(".md"));
  const all = [...Object.values(GROUPS).flat(), ...docs.map((name) => `docs/${name}`)];
  return all.filter((source) => existsSync(ROOT + source));
}

/** Reads pages, and all that these lead to, by their sources; a link into nowhere is an error. */
export async function readPages(sources: readonly string[]): Promise<ReadonlyMap<string, Page>> {
  const waiting = [...sources];
  const pages = new Map<string, Page>();
  for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
    if (pages.has(source)) continue;
    const page = await readPage(source);
    pages.set(source, page);
    waiting.push(...page.links.map((link) => link.source));
  }
  for (const { source, links } of pages.values()) {
    for (const { source: target, id } of links) {
      const isThere = id === "" || pages.get(target)?.sections.some((one) => one.id === id);
      if (!isThere) {
        throw new Error(`${source} has a link to #${id} of ${target}, which is not there`);
      }
    }
  }
  return pages;
}

async function readPage(source: string): Promise<Page> {
  const path = pathOf(source);
  const made = (title: string, text: string, links: readonly Link[] = []) => ({
    ...{ source, path, title, text, links },
    sections: sectionsOf(source, text),
  });
  if (IMAGE.test(source)) return made(source, "");
  const { isDirectory } = await Deno.stat(ROOT + source);
  if (!source.endsWith(".md")) {
    const inside = isDirectory ? (await filesBelow(ROOT + source)).map((one) => `/${one}`) : [""];
    const parts = await Promise.all(inside.map((name) => filePart(source + name)));
    const text = [`# ${source}\n`, ...parts].join("\n");
    if (text.length > MAX_CHARACTERS) throw new Error(`${source} is too long for a page`);
    return made(source, text);
  }
  const text = await Deno.readTextFile(ROOT + source);
  const links: Link[] = [];
  const tokens = markdown.parse(text, { source, links } satisfies Reading);
  const heading = tokens.findIndex(({ type }) => type === "heading_open");
  return made(wordsOf(tokens[heading + 1]), text, links);
}

/** A file as it is, below its name. */
async function filePart(source: string): Promise<string> {
  const text = await Deno.readTextFile(ROOT + source);
  const language = posix.extname(source).slice(1);
  return [`## ${source}\n`, `\`\`\`\`${language}`, text.trimEnd(), "````\n"].join("\n");
}

/** A link of a page as the site has it; what leads out of the project's files stays. */
function linkFrom({ source, links }: Reading, to: string): string {
  const [, file, id = ""] = LOCAL.exec(to) ?? [];
  if (file === undefined) return to;
  const named = posix.join(posix.dirname(source), decodeURI(file)).replace(/\/$/, "");
  const isThere = !named.startsWith("..") && existsSync(ROOT + named);
  if (!isThere) throw new Error(`${source} has a link to ${to}, which is not there`);
  const readme = `${named}/README.md`;
  const target = file === "" ? source : existsSync(ROOT + readme) ? readme : named;
  links?.push({ source: target, id });
  const path = file === "" ? "" : posix.relative(posix.dirname(pathOf(source)), pathOf(target));
  return id === "" ? path : `${path}#${id}`;
}

/** Where the page of a source lies. */
function pathOf(source: string): string {
  if (IMAGE.test(source)) return source;
  if (/(?:^|\/)README\.md$/.test(source)) return source.replace(/README\.md$/, "index.html");
  return `${source.replace(/\.md$/, "")}.html`;
}

/** The words of a heading or a paragraph, without what marks them. */
function wordsOf(inline: Inline | undefined): string {
  const parts = inline?.children ?? [];
  return parts.map(({ type, content }) => type === "softbreak" ? " " : content).join("");
}

/** The parts of a page, each with its text. */
function sectionsOf(source: string, text: string): readonly Section[] {
  const found: Section[] = [];
  const tokens = markdown.parse(text, { source } satisfies Reading);
  for (const [i, token] of tokens.entries()) {
    const { type, tag, attrs } = token;
    if (type === "heading_open") {
      const id = attrs?.find(([name]) => name === "id")?.[1] ?? "";
      found.push({ title: wordsOf(tokens[i + 1]), id, level: Number(tag.slice(1)), text: "" });
    } else if (
      /^(?:inline|fence|code_block)$/.test(type) && tokens[i - 1]?.type !== "heading_open"
    ) {
      const last = found.at(-1);
      const words = type === "inline" ? wordsOf(token) : token.content;
      if (last !== undefined) last.text += ` ${words.replaceAll(/\s+/g, " ")}`;
    }
  }
  return found;
}

function highlight(text: string, language: string): string {
  if (!hljs.getLanguage(language)) return "";
  return hljs.highlight(text, { language, ignoreIllegals: true }).value;
}
