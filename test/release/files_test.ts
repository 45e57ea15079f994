/**
 * What lies beside the programs of a release, as those who download it use it: with sha256sum, cosign,
 * openssl, Ruby, and with a reader of SBOMs.
 * @module
 */
import assert from "node:assert/strict";
import { VERSION } from "../../src/config/version.ts";
import { python } from "../parts/python.ts";
import { goTool, needs } from "../parts/tools.ts";
import { done, ROOT } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { names, tempDir } from "../support/temp.ts";
import { brewFormula, scoopManifest } from "../../tasks/release/formulas.ts";
import { notesOf, programName, TARGETS } from "../../tasks/release/targets.ts";
import { OWN, releaseFolder, releaseStep } from "./programs.ts";

const REPOSITORY = ["--repository", "team/kodeno"];
const PASSWORD = { KODENO_KEY_PASSWORD: "of the test" };

Deno.test({
  name: "release: sums, signature and SBOM hold",
  ...needs("binary", "openssl"),
  async fn(t) {
    await using dir = await tempDir();
    const folder = await releaseFolder(dir);
    await done(dir, ["key", "new", "--output", "release"], PASSWORD);
    const key = ["--key", dir.join("release.key")];
    const { code, stderr } = await releaseStep(["files", folder, ...REPOSITORY, ...key], PASSWORD);
    assert.equal(code, 0, stderr);
    const made = await names(folder);
    const beside = ["kodeno.cdx.json", "kodeno.json", "kodeno.pub", "kodeno.rb"];
    const own = ["SHA256SUMS", "SHA256SUMS.sigstore.json"];
    assert.deepEqual(made, [...own, OWN, ...beside]);

    await t.step("sha256sum takes the sums, of all files", async () => {
      const said = await succeed("sha256sum", ["--check", "--strict", "SHA256SUMS"], {
        cwd: folder,
      });
      assert.deepEqual(said.trim().split("\n"), [OWN, ...beside].map((name) => `${name}: OK`));
    });

    await t.step("cosign and openssl take the signature, as docs/releases.md has it", async () => {
      const pub = await Deno.readTextFile(dir.join("release.pub"));
      assert.equal(await Deno.readTextFile(`${folder}/kodeno.pub`), pub);
      await Deno.mkdir(dir.join("bin"));
      await Deno.symlink(await goTool("cosign3"), dir.join("bin/cosign"));
      const env = { ...Deno.env.toObject(), PATH: `${dir.join("bin")}:${Deno.env.get("PATH")}` };
      const page = await Deno.readTextFile(`${ROOT}docs/releases.md`);
      const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = ""]) => text);
      assert.equal(blocks.length, 2);
      const all = () => Promise.all(blocks.map((block) => run("sh", ["-ec", block], how)));
      const how = { cwd: folder, env };
      for (const { code, stderr } of await all()) assert.equal(code, 0, stderr);
      await Deno.writeTextFile(`${folder}/SHA256SUMS`, `${"0".repeat(64)}  x\n`, { append: true });
      for (const { code } of await all()) assert.notEqual(code, 0);
    });

    await t.step("the SBOM is valid, and has what is bundled", async () => {
      const text = await Deno.readTextFile(`${folder}/kodeno.cdx.json`);
      const validate = "import sys; from cyclonedx.schema import SchemaVersion; " +
        "from cyclonedx.validation.json import JsonStrictValidator; " +
        "fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()); " +
        "sys.exit(str(fault) if fault else 0)";
      await python(["-c", validate, `${folder}/kodeno.cdx.json`]);
      const { components, dependencies, metadata } = JSON.parse(text);
      const refs: string[] = components.map((one: { "bom-ref": string }) => one["bom-ref"]);
      // The bundler says above each part of a bundle which file it is of.
      const bundle = ["bundle", "--quiet", "--code-splitting", "--outdir", dir.join("bundle")];
      await succeed(Deno.execPath(), [...bundle, "cli.ts"], { cwd: ROOT });
      const bundled = new Set<string>();
      for (const name of await names(dir.join("bundle"))) {
        const code = await Deno.readTextFile(dir.join("bundle", name));
        const files = /^\s*\/\/ \S*\/npm\/[^/\s]+\/((?:@[^/\s]+\/)?[^/\s]+)\/(\d[^/\s]*)\/\S+$/gm;
        for (const [, name = "", version] of code.matchAll(files)) {
          bundled.add(`pkg:npm/${name.replace("@", "%40")}@${version}`);
        }
      }
      assert.ok(bundled.size > 10, "no packages found in the bundle");
      assert.deepEqual([...bundled].filter((one) => !refs.includes(one)), []);
      assert.deepEqual(refs.filter((one) => /eleventy|playwright/.test(one)), []);
      assert.ok(refs.includes(`file:${OWN}`));
      assert.match(refs.find((one) => one.includes("denoland")) ?? "", /deno@v\d+\.\d+\.\d+$/);
      const known = new Set([...refs, metadata.component["bom-ref"]]);
      for (const { ref, dependsOn = [] } of dependencies) {
        for (const one of [ref, ...dependsOn]) assert.ok(known.has(one), one);
      }
    });
  },
});

Deno.test("release: package managers are told of each program with its sum", async (t) => {
  await using dir = await tempDir();
  const downloads = TARGETS.map((target, i) => ({
    ...target,
    name: programName(target),
    sha256: String(i).repeat(64),
  }));
  const link = `https://github.com/team/kodeno/releases/download/v${VERSION}`;

  await t.step("Homebrew", async () => {
    const text = brewFormula("team/kodeno", downloads);
    const pairs = [...text.matchAll(/url "(.*)"\n\s*sha256 "(.*)"/g)].map(([, ...pair]) => pair);
    const mine = downloads.filter(({ os }) => os !== "windows");
    assert.deepEqual(
      pairs.toSorted(),
      mine.map(({ name, sha256 }) => [`${link}/${name}`, sha256]).toSorted(),
    );
    assert.match(text, new RegExp(`^  version "${VERSION.replaceAll(".", "\\.")}"$`, "m"));
    const opened = text.match(/^.*\b(?:do|class .*|def \w+)$/gm) ?? [];
    assert.equal(opened.length, (text.match(/^ *end$/gm) ?? []).length);
    await Deno.writeTextFile(dir.join("kodeno.rb"), text);
    const ruby = await run("ruby", ["-c", dir.join("kodeno.rb")]).catch(() => undefined);
    if (ruby !== undefined) assert.equal(ruby.code, 0, ruby.stderr);
  });

  await t.step("Scoop", () => {
    const { version, architecture, bin, autoupdate } = JSON.parse(
      scoopManifest("team/kodeno", downloads),
    );
    assert.deepEqual([version, bin], [VERSION, "kodeno.exe"]);
    const hash = (name: string) => downloads.find((one) => one.name === name)?.sha256;
    for (const [machine, arch] of [["64bit", "amd64"], ["arm64", "arm64"]] as const) {
      const name = `kodeno-windows-${arch}.exe`;
      const url = `${link}/${name}#/kodeno.exe`;
      assert.deepEqual(architecture[machine], { url, hash: hash(name) });
      const later = autoupdate.architecture[machine].url;
      assert.equal(later.replaceAll("$version", VERSION), url);
    }
  });
});

Deno.test("release: what does not fit is refused in a line", async (t) => {
  await using dir = await tempDir();
  const refused = async (why: RegExp, args: readonly string[], code = 1) => {
    await t.step(args.join(" "), async () => {
      const outcome = await releaseStep(args, PASSWORD);
      assert.match(outcome.stderr, why);
      assert.equal(outcome.code, code);
      if (code === 1) assert.equal(outcome.stderr.trim().split("\n").length, 1, outcome.stderr);
    });
  };
  const tag = `v${VERSION}`;
  const changelog =
    `# Changes\n\n## Unreleased\n\n## ${VERSION} - 2026-12-01\n\n### Added\n\n- A.\n`;
  assert.equal(notesOf(tag, `${changelog}\n## 0.0.9 - 2026-01-01\n\n- B.\n`), "### Added\n\n- A.");
  const told = await releaseStep(["tag", tag]);
  const isThere = (await Deno.readTextFile(`${ROOT}CHANGELOG.md`)).includes(`\n## ${VERSION} - `);
  assert.equal(told.code, isThere ? 0 : 1, told.stderr);
  if (!isThere) assert.match(told.stderr, /CHANGELOG\.md says nothing of \S+; call what is unrel/);
  const other = /^Cannot release tag v9\.9\.9: deno\.json has version \S+; set the tag v/;
  await refused(other, ["tag", "v9.9.9"]);
  await refused(/^Cannot release tag 9: /, ["tag", "9"]);
  await refused(/^usage:/, ["files", dir.path], 2);
  await refused(/^usage:/, ["image", dir.path, "--base", "x", ...REPOSITORY], 2);
  await refused(/it has no kodeno-linux-amd64, nor another program/, [
    ...["files", dir.path, ...REPOSITORY],
  ]);
  await dir.write(OWN, "#!/bin/sh\necho kodeno 0.0.1\n");
  await Deno.chmod(dir.join(OWN), 0o755);
  await refused(/ as version \S+: it says that it is kodeno 0\.0\.1; compile it again\n$/, [
    ...["files", dir.path, ...REPOSITORY],
  ]);
  await refused(/^Cannot .*none\.key/, [
    ...["files", dir.path, ...REPOSITORY, "--key", dir.join("none.key")],
  ]);
  assert.deepEqual(await names(dir.path), [OWN]);
});
