/**
 * `--format` of commands that print results: as JSON, YAML, and by templates that hold or fail.
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "../../src/npm/yaml.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, kodeno, ROOT } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("format: results as JSON, YAML and by templates, one after the other", async (t) => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const formatted = (format: string, ...args: string[]) => done(dir, [...args, "--format", format]);
  await t.step("of a build, without its events", async () => {
    const reference = await formatted(
      '{{range .references}}{{.}}{{end}} {{join "," .platforms}}',
      ...["build", "-t", "v1,v2"],
    );
    assert.match(reference, /^app:v1@sha256:\w{64}.* linux\/amd64$/m);
    assert.doesNotMatch(reference, /"type"/);
  });
  await t.step("as --json has them", async () => {
    const lines = (await done(dir, ["ls", "out", "--json"])).split("\n");
    assert.equal(lines.length, 2);
    assert.equal(await formatted("json", "ls", "out"), lines.join("\n"));
    const documents = parseAllDocuments(await formatted("yaml", "ls", "out"));
    assert.ok(Array.isArray(documents));
    const plain = documents.map((one) => one.toJS());
    assert.deepEqual(plain, lines.map((line) => JSON.parse(line)));
    assert.equal(
      await formatted("{{json .}}", "tag", "out", "app:v1", "app:v3"),
      await formatted("{{toJson .}}", "tag", "out", "app:v1", "app:v3"),
    );
    const digest = await done(dir, ["digest", "out:app:v1"]);
    const names = "{{range $i, $image := .platforms}}{{if $i}},{{end}}{{$image}}{{end}}";
    assert.equal(
      await formatted(`{{printf "%.12s" .digest}} ${names}`, "inspect", "out", "app:v1"),
      `${digest.slice(0, 12)} linux/amd64`,
    );
  });
  await t.step("lists, too", async () => {
    assert.deepEqual(
      parseAllDocuments(await formatted("yaml", "deps"))[0]?.toJS(),
      JSON.parse(
        await done(dir, ["deps", "--json"]),
      ),
    );
    assert.equal(await formatted("{{index . 0}}", "deps"), "go.mod");
  });
  await t.step("what a result does not have is no value, as in Go", async () => {
    assert.equal(await formatted("{{if .nothing}}x{{else}}y{{end}}", "version"), "y");
  });
  await t.step("a template that cannot be parsed is refused before anything is done", async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["{{.name", /^Error: Cannot read \{\{\.name in --format: it has no "\}\}"\n$/],
      ["{{none .}}", /--format/],
      ["xml", /^Error: Cannot use --format "xml": say json, yaml, or a Go template such as/],
    ];
    for (const [format, words] of wrong) {
      const args = ["build", "--oci-layout", "never", "--format", format];
      const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
      assert.deepEqual([code, stdout], [2, ""], format);
      assert.match(stderr, words);
      assert.match(stderr, /^Error: [^\n]*\n$/);
    }
    assert.equal((await dir.list()).includes("never"), false);
    const both = await kodeno(["ls", "out", "--json", "--format", "json"], { cwd: dir.path });
    assert.deepEqual([both.code, both.stdout.split("\n").length], [2, 2]);
    assert.match(both.stderr, /^Error: Cannot use --json with --format/);
  });
  await t.step("one that fails half-way prints nothing of that result", async () => {
    const format = 'begun {{.name}} {{if eq .name "app:v2"}}{{.name.nothing.more}}{{end}}';
    const { code, stdout, stderr } = await kodeno(["ls", "out", "--format", format], {
      cwd: dir.path,
    });
    assert.deepEqual([code, stdout], [2, "begun app:v1 \n"]);
    assert.match(
      stderr,
      /^Error: Cannot read \{\{\.name\.nothing\.more\}\} in --format: [^\n]*\n$/,
    );
  });
});

Deno.test("format: whatever prints JSON has it, or one of its own", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/commands.md`);
  const sections = page.split(/^(?=## )/m).slice(1).filter((section) =>
    /^\W*--json/m.test(section)
  );
  assert.ok(sections.length > 20);
  for (const section of sections) {
    assert.ok(/^\W*--format/m.test(section), section.slice(0, 40));
  }
});
