/**
 * The documentation site, as a browser shows it that opened it as a file. Pictures of pages are left
 * in `dist/site-screenshots`.
 * @module
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { buildSite } from "../../tasks/site/build.ts";
import { type Page, startBrowser } from "../parts/browser.ts";
import { needs } from "../parts/tools.ts";
import { ROOT } from "../support/kodeno.ts";
import { filesBelow, tempDir } from "../support/temp.ts";

const PICTURES = `${ROOT}dist/site-screenshots`;
const PICTURED = ["index.html", "docs/commands.html", "docs/trust.html"];
const SIZES = [[360, 720], [800, 900], [1280, 900]] as const;

Deno.test({
  name:
    "site: a browser shows all pages, narrow and wide, light and dark, and finds what is searched",
  ...needs("chromium"),
  fn: async () => {
    await using dir = await tempDir();
    const site = dir.join("site");
    await buildSite(site);
    await using browser = await startBrowser(dir.join("profile"));
    const { page, said } = browser;

    const urlOf = (path: string) => pathToFileURL(`${site}/${path}`).href;
    await page.setViewportSize({ width: 360, height: 720 });
    const paths = (await filesBelow(site)).filter((path) => path.endsWith(".html"));
    assert.ok(paths.length > 20 && paths.includes("index.html"), `${paths}`);
    const ids = new Map<string, readonly string[]>();
    const links: (readonly [path: string, to: string])[] = [];
    for (const path of paths) {
      await page.goto(urlOf(path));
      const looked = await look(page);
      ids.set(urlOf(path), looked.ids);
      for (const to of looked.links) links.push([path, to]);
      assert.ok(looked.width <= 360, `${path} is ${looked.width} wide`);
      assert.notEqual(looked.heading, "", path);
      assert.equal(new Set(looked.ids).size, looked.ids.length, `${path}: ids of headings`);
    }
    for (const [path, to] of links.filter(([, to]) => !/^https?:/.test(to))) {
      const [url = "", id = ""] = to.split("#");
      const there = ids.get(url);
      assert.ok(there !== undefined, `${path} has a link to ${to}`);
      assert.ok(id === "" || there.includes(decodeURI(id)), `${path} has a link to ${to}`);
    }

    assert.deepEqual(said, []);

    await page.goto(urlOf("docs/trust.html"));
    await page.fill("#search", "kodeno bundle receipt");
    await page.click("#found a");
    await page.waitForURL(`${urlOf("docs/commands.html")}#kodeno-bundle-receipt`);

    await Deno.mkdir(PICTURES, { recursive: true });
    const grounds = new Set<string>();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of PICTURED) {
        await page.goto(urlOf(path));
        grounds.add(`${colorScheme} ${(await look(page)).ground}`);
        for (const [width, height] of SIZES) {
          await page.setViewportSize({ width, height });
          const name = path.replaceAll("/", "-").replace(".html", "");
          await page.screenshot({ path: `${PICTURES}/${name}-${width}-${colorScheme}.png` });
        }
      }
    }
    assert.deepEqual([...grounds], ["light rgb(255, 255, 255)", "dark rgb(17, 21, 27)"]);
    assert.deepEqual(said, []);
  },
});

/** What a page comes to. */
interface Looked {
  readonly heading: string;
  readonly width: number;
  readonly ground: string;
  readonly ids: readonly string[];
  readonly links: readonly string[];
}

async function look(page: Page): Promise<Looked> {
  return await page.evaluate(`({
    heading: document.querySelector("h1").innerText,
    width: document.scrollingElement.scrollWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
    links: [...document.links].map(({ href }) => href),
  })`);
}
