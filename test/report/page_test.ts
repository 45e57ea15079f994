/**
 * The page of a report in a real browser: read by everybody, on whatever screen and on paper, whatever
 * somebody has written into images; and of very many of them. Pictures are left in
 * `dist/report-screenshots`.
 * @module
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { openLayout } from "../../src/place/layout/layout.ts";
import { axe } from "../parts/axe.ts";
import { type Page, startBrowser } from "../parts/browser.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { blob, image, jsonBlob, pushAll } from "../support/image_graph.ts";
import { done, kodeno, ROOT } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const PICTURES = `${ROOT}dist/report-screenshots`;
const AMD64 = { os: "linux", architecture: "amd64" };
const EVIL = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;
/** It would turn round what stands behind it. */
const TURNED = "safe\u202egpj.exe";

/** What keeps people from reading the page as it is shown now. */
async function faultsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate("axe.run().then(({ violations }) => violations)") as {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
  return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

Deno.test({
  name: "report: a browser shows all of it, narrow, wide, dark and on paper, and runs nothing",
  ...needs("chromium"),
  async fn() {
    await using dir = await tempDir();
    await goModule(dir, "example.com/app", { "main.go": printer("app") });
    await done(dir, ["build", "--sbom", "spdx", "--platform", "linux/amd64,linux/arm64"]);
    const layer = blob("no tar");
    const run = { User: EVIL, Entrypoint: [EVIL], Env: [`A=${TURNED}`], Labels: { [EVIL]: EVIL } };
    const { manifest, config } = image(AMD64, [layer], { config: run });
    {
      using layout = await openLayout(dir.join("out"));
      await pushAll(layout, [layer, config, manifest]);
    }
    const index = JSON.parse(await Deno.readTextFile(dir.join("out/index.json")));
    const name = { "org.opencontainers.image.ref.name": EVIL };
    index.manifests.push({ ...manifest.descriptor, annotations: name });
    await dir.write("out/index.json", JSON.stringify(index));
    const outcome = await kodeno(["report", "out", "--since", "out:app:latest"], { cwd: dir.path });
    assert.equal(outcome.code, 0, outcome.stderr);

    // What looks for faults has to run in a page that allows no script.
    await using browser = await startBrowser(dir.join("profile"), true);
    const { page, said } = browser;
    await page.goto(pathToFileURL(dir.join("report.html")).href);
    const open = `document.querySelectorAll("details").forEach((one) => { one.open = true; })`;
    await Deno.mkdir(PICTURES, { recursive: true });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate(open);
        assert.deepEqual(await faultsOf(page), [], `${colorScheme} ${width}`);
        const shown = await page.evaluate("document.scrollingElement.scrollWidth");
        assert.ok(Number(shown) <= width, `${shown}`);
        await page.screenshot({ path: `${PICTURES}/${width}-${colorScheme}.png`, fullPage: true });
      }
    }
    assert.equal(await page.title(), "Images of out");
    const text = String(await page.evaluate("document.body.innerText"));
    assert.ok(text.includes(EVIL), text);
    assert.ok(text.includes("safe\\u{202e}gpj.exe") && !text.includes(TURNED));
    // By the keyboard alone: past the head, and what is folded opens.
    await page.reload();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.match(page.url(), /#images$/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.parentElement.open"), true);

    await page.reload();
    await page.emulateMedia({ media: "print" });
    const paper = String(
      await page.evaluate(`
      [...document.querySelectorAll("details.image dd")].every((one) => one.checkVisibility())
    `),
    );
    assert.equal(paper, "true");
    await page.screenshot({ path: `${PICTURES}/paper.png`, fullPage: true });
    assert.deepEqual(said, []);
  },
});

Deno.test({
  name: "report: of 2,000 images the page stays below 20 MB, and opens",
  ...needs("chromium"),
  async fn() {
    await using dir = await tempDir();
    await goModule(dir, "example.com/app", { "main.go": printer("app") });
    await done(dir, ["build"]);
    const read = async (digest: string) =>
      JSON.parse(await Deno.readTextFile(dir.join("out/blobs/sha256", digest.slice(7))));
    const index = JSON.parse(await Deno.readTextFile(dir.join("out/index.json")));
    const [entry] = index.manifests;
    const manifest = await read(entry.digest);
    const config = await read(manifest.config.digest);
    const write = async ({ descriptor, bytes }: ReturnType<typeof blob>) => {
      await Deno.writeFile(dir.join("out/blobs/sha256", descriptor.digest.slice(7)), bytes);
      return descriptor;
    };
    const tar = await Deno.readFile(
      dir.join("out/blobs/sha256", manifest.layers[1].digest.slice(7)),
    );
    for (let i = 1; i < 2000; i++) {
      // A layer of its own each: of the same file, packed at another time (RFC 1952, MTIME).
      new DataView(tar.buffer).setUint32(4, i);
      const own = await write(blob(tar.slice(), manifest.layers[1].mediaType));
      const env = [...config.config.Env, `NUMBER=${i}`];
      const made = await write(
        jsonBlob({ ...config, config: { ...config.config, Env: env } }, manifest.config.mediaType),
      );
      const layers = [manifest.layers[0], own, manifest.layers[2]];
      const root = await write(jsonBlob({ ...manifest, config: made, layers }, manifest.mediaType));
      const annotations = { "org.opencontainers.image.ref.name": `v${i}` };
      index.manifests.push({ ...root, annotations });
    }
    await dir.write("out/index.json", JSON.stringify(index));
    const outcome = await kodeno(["report", "out"], { cwd: dir.path });
    assert.equal(outcome.code, 0, outcome.stderr);
    const { size } = await Deno.stat(dir.join("report.html"));
    assert.ok(size < 20_000_000 && size > 2_000_000, `${size}`);
    await using browser = await startBrowser(dir.join("profile"), true);
    await browser.page.goto(pathToFileURL(dir.join("report.html")).href);
    const count = await browser.page.evaluate(`document.querySelectorAll("details.image").length`);
    assert.equal(count, 2000);
    assert.deepEqual(browser.said, []);
  },
});
