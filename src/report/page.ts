/**
 * A report as one page that needs nothing beside it: no script, no font, no picture. First what has to be
 * decided, then where the bytes are, then each image; what many images share is named once.
 * @module
 */
import { counted, formatBytes } from "../io/sizes.ts";
import type { ReportChange } from "./changes.ts";
import { isProvenance, isSbom, type ReportDocument } from "./documents.ts";
import type { ReportFacts, ReportImage, ReportPlatform } from "./facts.ts";
import { Html, html } from "./html.ts";
import type { ReportModule, ReportProgram } from "./layers.ts";
import { STYLE } from "./style.ts";
import { type Area, areasOf, rectanglesOf } from "./treemap.ts";

/** What a page is made of. */
interface ReportPage extends ReportFacts {
  /** The place, as it was named. */
  readonly place: string;
  /** Version of kodeno. */
  readonly version: string;
  /** Since another place, where one was named. */
  readonly since?:
    | { readonly place: string; readonly changes: readonly ReportChange[] }
    | undefined;
  /** Who has to have signed: the policy, in a person's words; nothing where that was not asked. */
  readonly demanded?: string | undefined;
}

/** More images are not unfolded on paper. */
const LONG = 100;
/** Names in a list of what is to be looked at. */
const NAMED = 10;

/** Pieces of the page, one after the other. */
export function* pagePieces(page: ReportPage): Generator<string> {
  const { place, version, images } = page;
  const title = `Images of ${place}`;
  const isLong = images.length > LONG;
  yield html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'">
        <title>${title}</title>
        <style>${new Html(STYLE)}</style>
      </head>
      <body${new Html(isLong ? ' class="long"' : "")}>
        <a class="skip" href="#images">To the list of images</a>
        <header>
          <h1>${title}</h1>
          <p
            class="quiet">What is in them, where it comes from and who has signed it, read from the bytes
    themselves; kodeno ${version} connects to nobody to make this page.</p>
        </header>
        <main>
    ${numbers(page)}
    ${attention(page)}
    ${changed(page)}
    ${space(page)}
    ${modules(page)}
    ${bases(page)}
    <h2 id="images">Images</h2>
  `.text;
  const sets = new ModuleSets();
  for (const image of images) yield imagePart(image, page, sets).text;
  yield sets.part()?.text ?? "";
  yield html`
    </main>
    <footer>Sizes are decimal, of blobs as they are carried; each blob counts once. Code is what functions of a
    package take in a program.</footer>
    </body>
    </html>
  `.text;
}

const labelOf = ({ names: [name], digest }: ReportImage): string => name ?? digest;

function numbers({ images, layers, demanded }: ReportPage): Html {
  const count = (is: (image: ReportImage) => boolean): number => images.filter(is).length;
  const platforms = new Set(images.flatMap((one) => one.platforms.map((p) => p.platform ?? "?")));
  const bytes = [...layers.values()].reduce((sum, { size }) => sum + size, 0);
  const trusted = count(({ trust: { state } }) => state === "trusted" || state === "signed");
  const cards: readonly (readonly [what: string, value: string, tone?: "doubt" | "words" | ""])[] =
    [
      ["Images", String(images.length)],
      ["Platforms", [...platforms].sort().join(", ") || "none", "words"],
      ["Layers", `${layers.size}, ${formatBytes(bytes)}`],
      [
        demanded === undefined ? "Signed (keys not checked)" : "Signatures that hold",
        `${trusted} of ${images.length}`,
        trusted < images.length ? "doubt" : "",
      ],
      [
        "With an SBOM",
        `${count(hasSbom)} of ${images.length}`,
        count(hasSbom) < images.length ? "doubt" : "",
      ],
      ["With provenance", `${count(hasProvenance)} of ${images.length}`],
    ];
  return html`<dl class="numbers">${
    cards.map(([what, value, tone = ""]) =>
      html`
        <div>
          <dt>${what}</dt>
          <dd class="${tone}">${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

const hasSbom = ({ documents }: ReportImage): boolean => documents.some(isSbom);
const hasProvenance = ({ documents }: ReportImage): boolean => documents.some(isProvenance);

/** What somebody has to decide about, the worst first. */
function attention(page: ReportPage): Html {
  const { images, demanded, since } = page;
  const sets: readonly (readonly [what: string, found: readonly string[], tone: string])[] = [
    [
      "cannot be read as a whole",
      images.flatMap((image) => {
        const [first] = image.problems;
        return first === undefined ? [] : [`${labelOf(image)}: ${first}`];
      }),
      "bad",
    ],
    [
      "not signed as it is demanded",
      images.flatMap((image) => {
        const { trust } = image;
        return trust.state === "refused" ? [`${labelOf(image)}: ${trust.why}`] : [];
      }),
      "bad",
    ],
    ["not signed", images.filter((one) => one.trust.state === "unsigned").map(labelOf), "doubt"],
    ["without an SBOM", images.filter((one) => !hasSbom(one)).map(labelOf), "doubt"],
    [
      "with modules that their SBOM does not list",
      images.filter((one) => one.unlisted.length > 0)
        .map((one) => `${labelOf(one)}: ${one.unlisted.slice(0, 3).join(", ")}`),
      "bad",
    ],
    [
      "built from more than a commit",
      images.flatMap((image) =>
        programsOf(image, page).some(({ isDirty }) => isDirty) ? [labelOf(image)] : []
      ),
      "doubt",
    ],
    [
      "run as root",
      images.filter(({ platforms }) =>
        platforms.some(({ run }) => /^(?:root\b|0(?::|$))/.test(run["user"] ?? ""))
      ).map(labelOf),
      "doubt",
    ],
  ];
  const items = sets.filter(([, found]) => found.length > 0).map(([what, found, tone]) => {
    const shown = found.slice(0, NAMED).map((one) => html`<li>${one}</li>`);
    const more = found.length - NAMED;
    return html`
      <details>
        <summary><span class="${tone}">${counted(found.length, "image")} ${what}</span></summary>
        <ul>${shown}${more > 0
          ? html`<li>and ${more} more, marked in the list of images</li>`
          : undefined}</ul>
      </details>
    `;
  });
  const how = demanded === undefined
    ? html`<p class="quiet">Whether signatures hold was not asked: --verify-key FILE or --policy FILE does.</p>`
    : html`<p class="quiet">Signatures were checked with ${demanded}.</p>`;
  const none = since === undefined || since.changes.length > 0
    ? "Nothing of what is looked for was found."
    : "Nothing of what is looked for was found, and nothing has changed.";
  return html`<h2>To decide about</h2>${how}${
    items.length > 0 ? items : html`<p class="good">${none}</p>`
  }`;
}

function changed({ since }: ReportPage): Html | undefined {
  if (since === undefined) return undefined;
  const { place, changes } = since;
  const count = (kind: ReportChange["kind"]): number =>
    changes.filter((one) => one.kind === kind).length;
  const said = `${count("added")} added, ${count("changed")} changed, ${count("removed")} removed`;
  return html`<h2>Since ${place}</h2><p>${
    changes.length === 0 ? "Nothing has changed." : said
  }</p>${
    changes.map(({ name, kind, digest, lines }) =>
      lines.length === 0
        ? html`<p><span class="name">${name}</span><span class="tag">${kind}</span> <span
class="digest quiet">${digest}</span></p>`
        : html`
          <details>
            <summary><span class="name">${name}</span><span class="tag">${counted(
              lines.length,
              "difference",
            )}</span></summary>
            <ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>
          </details>
        `
    )
  }`;
}

const KINDS: readonly (readonly [kind: Area["kind"], what: string])[] = [
  ["main", "the program itself"],
  ["module", "modules"],
  ["standard", "Go's standard library"],
  ["rest", "data, tables, symbols and others"],
  ["data", "files"],
  ["base", "base image"],
];

function space(page: ReportPage): Html {
  const areas = areasOf(page);
  const total = areas.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return html``;
  const percent = (bytes: number): string => `${(100 * bytes / total).toFixed(1)} %`;
  const number = (value: number): string => `${value.toFixed(2)}%`;
  const boxes = rectanglesOf(areas).map(({ name, kind, bytes, depth, x, y, width, height }) => {
    const hasText = width > 5 && height > 4;
    const place = `left:${number(x)};top:${number(y)};width:${number(width)};height:${
      number(height)
    }`;
    return html`
      <div class="k-${kind}${depth === 1 ? " outer" : ""}" style="${place}"
        title="${name}, ${formatBytes(bytes)}">${hasText ? name : undefined}</div>
    `;
  });
  const largest = areas.slice(0, 3).map(({ name, bytes }) => `${name} ${percent(bytes)}`).join(
    ", ",
  );
  return html`
    <h2>What takes the space</h2>
    <div class="map" role="img" aria-label="Areas of layers; the largest: ${largest}">${boxes}</div>
    <ul class="key">${KINDS.map(([kind, what]) =>
      html`<li><span class="k-${kind}"></span>${what}</li>`
    )}</ul>
    <details>
      <summary>The same as a table</summary>
      <div class="scroll" tabindex="0" role="group" aria-label="Sizes of layers">
        <table>
          <thead>
            <tr>
              <th>Layer, and what is in it</th>
              <th class="number">Bytes</th>
              <th class="number">Share</th>
            </tr>
          </thead>
          <tbody>${areas.map((area) => [
            row(area, percent, true),
            ...(area.parts ?? []).map((part) => row(part, percent, false)),
          ])}</tbody>
        </table>
      </div>
    </details>
  `;
}

function row({ name, bytes }: Area, percent: (bytes: number) => string, isLayer: boolean): Html {
  const called = isLayer ? html`<span class="name">${name}</span>` : html`&ndash; ${name}`;
  return html`
    <tr>
      <td>${called}</td>
      <td class="number">${formatBytes(bytes)}</td>
      <td class="number">${percent(bytes)}</td>
    </tr>
  `;
}

/** All programs of an image. */
function programsOf(
  image: ReportImage,
  { layers }: Pick<ReportFacts, "layers">,
): readonly ReportProgram[] {
  const digests = new Set(image.platforms.flatMap((one) => one.layers.map(({ digest }) => digest)));
  return [...digests].flatMap((digest) => layers.get(digest)?.programs ?? []);
}

const moduleName = ({ path, version, by }: ReportModule): string =>
  `${path}${version ? ` ${version}` : ""}${by ? ` => ${by}` : ""}`;

function modules(page: ReportPage): Html {
  const used = new Map<string, UsedModule>();
  const versions = new Map<string, Set<string>>();
  const gos = new Map<string, Set<string>>();
  const seen = new Set<ReportProgram>();
  for (const image of page.images) {
    for (const program of programsOf(image, page)) {
      const images = gos.get(program.goVersion) ?? new Set();
      gos.set(program.goVersion, images.add(image.digest));
      for (const module of program.modules) {
        const key = moduleName(module);
        let one = used.get(key);
        if (one === undefined) used.set(key, one = { module, images: new Set(), bytes: 0 });
        one.images.add(image.digest);
        if (!seen.has(program)) {
          one.bytes += program.code.find((code) => code.module === module.path)?.bytes ?? 0;
        }
        const all = versions.get(module.path) ?? new Set();
        versions.set(module.path, all.add(key));
      }
      seen.add(program);
    }
  }
  if (gos.size === 0) {
    return html`
      <h2>Go modules</h2>
      <p>No program in these images was built by Go.</p>
    `;
  }
  const rows = [...used.values()].sort((a, b) =>
    moduleName(a.module) < moduleName(b.module) ? -1 : 1
  );
  const several = [...versions.values()].filter(({ size }) => size > 1).length;
  const go = [...gos].sort().map(([version, { size }]) =>
    `${version} in ${counted(size, "image")}`
  );
  return html`
    <h2>Go modules</h2>
    <p>Built with ${go.join(", ")}. ${counted(rows.length, "module")}${several > 0
      ? `, ${several} of them in several versions`
      : ""}.</p>
    ${rows.length > 0 ? moduleTable(rows, versions) : undefined}
  `;
}

/** A module, and what has it. */
interface UsedModule {
  readonly module: ReportModule;
  readonly images: Set<string>;
  bytes: number;
}

function moduleTable(
  rows: readonly UsedModule[],
  versions: ReadonlyMap<string, ReadonlySet<string>>,
): Html {
  return html`
    <details>
      <summary>All modules</summary>
      <div class="scroll" tabindex="0" role="group" aria-label="Go modules">
        <table>
          <thead>
            <tr>
              <th>Module</th>
              <th>Version</th>
              <th class="number">Images</th>
              <th class="number">Code</th>
            </tr>
          </thead>
          <tbody>${rows.map(({ module: { path, version, by }, images, bytes }) => {
            const is = (versions.get(path)?.size ?? 0) > 1;
            return html`
              <tr>
                <td>${path}</td>
                <td${new Html(is ? ' class="doubt"' : "")}>${version}${by
                  ? ` => ${by}`
                  : ""}</td><td class="number">${images.size}</td><td class="number">${formatBytes(
                    bytes,
                  )}</td></tr>
            `;
          })}</tbody>
        </table>
      </div>
    </details>
  `;
}

function bases({ images }: ReportPage): Html {
  const found = new Map<string, { name: string; digest: string; images: Set<string> }>();
  for (const { digest: image, platforms } of images) {
    for (const { base } of platforms) {
      const { name = "not said", digest = "" } = base ?? {};
      const key = `${name} ${digest}`;
      const one = found.get(key) ?? { name, digest, images: new Set() };
      one.images.add(image);
      found.set(key, one);
    }
  }
  const rows = [...found].sort(([a], [b]) => a < b ? -1 : 1);
  return html`
    <h2>Base images</h2>
    <div class="scroll" tabindex="0" role="group" aria-label="Base images">
      <table>
        <thead>
          <tr>
            <th>Base image</th>
            <th>Digest for the platform</th>
            <th class="number">Images</th>
          </tr>
        </thead>
        <tbody>${rows.map(([, { name, digest, images }]) =>
          html`
            <tr>
              <td>${name}</td>
              <td class="digest">${digest}</td>
              <td class="number">${images.size}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

const TRUST: Readonly<
  Record<ReportImage["trust"]["state"], readonly [words: string, tone: string]>
> = {
  trusted: ["signature holds", "good"],
  refused: ["not signed as demanded", "bad"],
  signed: ["signed, not checked", "quiet"],
  unsigned: ["not signed", "doubt"],
};

function imagePart(image: ReportImage, page: ReportPage, sets: ModuleSets): Html {
  const { names, digest, size, platforms, documents, trust, problems, unlisted } = image;
  const [words, tone] = TRUST[trust.state];
  const tag = (text: string, tone: string) => html`<span class="tag ${tone}">${text}</span>`;
  const [first = digest, ...others] = names;
  return html`
    <details
      class="image"><summary><span class="name">${first}</span> <span class="quiet">${formatBytes(
        size,
      )}</span>${tag(words, tone)}${hasSbom(image)
        ? undefined
        : tag("no SBOM", "doubt")}${problems.length > 0
        ? tag("damaged", "bad")
        : undefined}</summary>
    <dl class="facts"><dt>Digest</dt><dd class="digest">${digest}</dd>${others.length > 0
      ? fact("Also named", others)
      : undefined}<dt>Signatures</dt><dd>${trustWords(image)}</dd>${problems.length > 0
      ? fact("Not whole", problems, "bad")
      : undefined}${unlisted.length > 0
      ? fact("Not in the SBOM", unlisted, "bad")
      : undefined}${documents.length > 0
      ? fact("Documents", documents.map(documentWords))
      : undefined}</dl>
    ${platforms.map((one) => platformPart(one, page, sets))}
    </details>
  `;
}

function fact(name: string, lines: readonly string[], tone = ""): Html {
  return html`
    <dt>${name}</dt>
    <dd class="${tone}">${lines.map((one) => html`${one}<br>`)}</dd>
  `;
}

function trustWords({ trust }: ReportImage): string {
  switch (trust.state) {
    case "trusted":
      return trust.by.length === 0
        ? "none is demanded"
        : `holds, by the key${trust.by.length === 1 ? "" : "s"} ${trust.by.join(", ")}`;
    case "refused":
      return trust.why;
    case "signed":
      return "there, and not checked";
    case "unsigned":
      return "none";
  }
}

function documentWords({ what, digest, packages, problem }: ReportDocument): string {
  const more = problem ?? (packages === undefined ? "" : `${counted(packages, "package")}`);
  return `${what}${more ? ` (${more})` : ""} ${digest}`;
}

function platformPart(
  { platform, digest, size, base, run, layers }: ReportPlatform,
  page: ReportPage,
  sets: ModuleSets,
): Html {
  const { created, ...said } = run;
  const all = { ...said, ...(created === undefined ? {} : { created }) };
  const digests = new Set(layers.map((one) => one.digest));
  return html`
    <h3>${platform ?? "No platform"} <span class="quiet">${formatBytes(size)}</span></h3>
    <dl
      class="facts"><dt>Manifest</dt><dd class="digest">${digest}</dd>${base
        ? html`
          <dt>Base</dt>
          <dd>${base.name} <span class="digest">${base.digest}</span></dd>
        `
        : undefined}${Object.entries(all).map(([name, text]) => fact(name, text.split("\n")))}${[
        ...digests,
      ].flatMap((one) => page.layers.get(one)?.programs ?? []).map((one) =>
        programPart(one, sets)
      )}</dl>
    <div class="scroll" tabindex="0" role="group" aria-label="Layers">
      <table>
        <thead>
          <tr>
            <th>Layer</th>
            <th class="number">Bytes</th>
            <th>What is in it</th>
          </tr>
        </thead>
        <tbody>${layers.map(({ digest, size, part }) => {
          const { files = 0, largest = [], programs = [], problem } = page.layers.get(digest) ?? {};
          const names = [...programs, ...largest].slice(0, 3).map(({ path }) => path).join(", ");
          return html`
            <tr>
              <td>${part} <span class="digest quiet">${digest.slice(0, 19)}</span></td>
              <td class="number">${formatBytes(size)}</td>
              <td>${problem ?? `${counted(files, "file")}${names ? `: ${names}` : ""}`}</td>
            </tr>
          `;
        })}</tbody>
      </table>
    </div>
  `;
}

function programPart(program: ReportProgram, sets: ModuleSets): Html {
  const { path, package: name, goVersion, main, revision, isDirty, modules, code } = program;
  const commit = revision === undefined ? "" : `, commit ${revision}${isDirty ? " and more" : ""}`;
  const version = main?.version ? ` ${main.version}` : "";
  const most = code.slice(0, 5).map(({ module, bytes }) => `${module} ${formatBytes(bytes)}`);
  return fact(path, [
    `${name}${version}, ${goVersion}${commit}`,
    ...(modules.length > 0 ? [sets.words(modules)] : []),
    ...(most.length > 0 ? [`most code: ${most.join(", ")}`] : []),
  ]);
}

/** Modules of a program that are named in its place. */
const SHORT = 8;

/** Lists of modules, which many programs share: a long one is named once, behind all images. */
class ModuleSets {
  readonly #numbers = new Map<string, number>();

  /** What is said of the modules of a program in its place. */
  words(modules: readonly ReportModule[]): string {
    const names = modules.map(moduleName);
    const count = counted(names.length, "module");
    if (names.length <= SHORT) return `${count}: ${names.join(", ")}`;
    const key = names.join(", ");
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return `${count}: list ${number}, below all images`;
  }

  part(): Html | undefined {
    if (this.#numbers.size === 0) return undefined;
    return html`<h2>Lists of modules</h2>${
      Array.from(this.#numbers, ([names, number]) =>
        html`
          <details>
            <summary>List ${number}</summary>
            <p>${names}</p>
          </details>
        `)
    }`;
  }
}
