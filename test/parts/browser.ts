/**
 * Chromium as a package manager brought it, driven by `playwright-core`; needs the part "chromium".
 * @module
 */
import assert from "node:assert/strict";
import { chromium, type Page } from "./playwright.ts";
import { rootTool } from "./tools.ts";

export type { Page };

/** A browser with a page, till it is disposed of. */
export interface Browser extends AsyncDisposable {
  readonly page: Page;
  /** What pages have done beside being shown: said on the console, thrown, asked others for. */
  readonly said: readonly string[];
}

/**
 * Starts a browser with a new profile in a folder.
 *
 * @param bypassCSP whether scripts of tests run in pages that allow none
 */
export async function startBrowser(profile: string, bypassCSP = false): Promise<Browser> {
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: rootTool("chromium") ?? "",
    // There is none for root.
    chromiumSandbox: false,
    bypassCSP,
    args: [
      ...["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update"],
    ],
  });
  const [page] = browser.pages();
  assert.ok(page !== undefined);
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => {
    if (!/^(?:file|data):/.test(request.url())) said.push(`asks for ${request.url()}`);
  });
  page.on("requestfailed", (request) => said.push(`has no ${request.url()}`));
  return { page, said, [Symbol.asyncDispose]: () => browser.close() };
}
