/**
 * What a template says when it cannot be read, what it may read, and where it is stopped.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { koData } from "./ko_data.ts";
import { compileTemplate } from "./template.ts";

const GIT = { Branch: "main", Tag: "v1.2.3", IsDirty: false };
const WHERE = "ldflags[0] of .ko.yaml";

const run = (template: string, data: unknown = { Git: GIT, Env: { HOME: "/h" } }): string =>
  compileTemplate(template, WHERE).run(data);

Deno.test("template: errors say what cannot be read, where, why, and what may be meant", async () => {
  const cases: readonly (readonly [template: string, message: string])[] = [
    [
      "-X main.b={{.Git.Brunch}}",
      "Cannot read {{.Git.Brunch}} in ldflags[0] of .ko.yaml: .Git has no field Brunch; " +
      "it has Branch, IsDirty, Tag; did you mean Branch?",
    ],
    [
      "{{.git.Tag}}",
      "Cannot read {{.git.Tag}} in ldflags[0] of .ko.yaml: there is no field git; " +
      "there are Env, Git; did you mean Git?",
    ],
    [
      "{{.Env.HOEM | print}}",
      "Cannot read {{.Env.HOEM | print}} in ldflags[0] of .ko.yaml: .Env has no field HOEM; " +
      "it has HOME; did you mean HOME?",
    ],
    [
      "{{.Git.Tag.Major}}",
      "Cannot read {{.Git.Tag.Major}} in ldflags[0] of .ko.yaml: " +
      ".Git.Tag is a string, and has no field Major",
    ],
    [
      "{{.Env.x.y}}",
      "Cannot read {{.Env.x.y}} in ldflags[0] of .ko.yaml: .Env has no field x; it has HOME",
    ],
    [
      "{{range .Env}}{{.HOME}}{{end}}",
      "Cannot read {{.HOME}} in ldflags[0] of .ko.yaml: . is a string, and has no field HOME",
    ],
    ["a {{.Git", 'Cannot read {{.Git in ldflags[0] of .ko.yaml: it has no "}}"'],
    [
      "{{upper .Git.Tag}}",
      'Cannot read {{upper .Git.Tag}} in ldflags[0] of .ko.yaml: there is no function "upper"',
    ],
    ["{{if .Git}}", "Cannot read {{if .Git}} in ldflags[0] of .ko.yaml: the block has no {{end}}"],
    ["a{{end}}", "Cannot read {{end}} in ldflags[0] of .ko.yaml: {{end}} belongs to no block"],
    [
      "{{$x}}",
      "Cannot read {{$x}} in ldflags[0] of .ko.yaml: there is no variable $x here",
    ],
    [
      "{{.Git-Tag}}",
      'Cannot read {{.Git-Tag}} in ldflags[0] of .ko.yaml: "-" cannot follow ".Git"; ' +
      'read a name with a hyphen by {{index . "a-b"}}',
    ],
    [
      '{{printf "%s"}}{{len 5}}',
      "Cannot read {{len 5}} in ldflags[0] of .ko.yaml: len: a int has no length",
    ],
    [
      "{{len}}",
      "Cannot read {{len}} in ldflags[0] of .ko.yaml: len wants 1 argument, and has 0",
    ],
  ];
  for (const [template, message] of cases) {
    const error = await failsWith("BAD_CONFIG", () => run(template));
    assert.equal(error.message, message);
    assert.equal(error.exitCode, 2);
  }
});

Deno.test("template: nil has no fields", async () => {
  const error = await failsWith("BAD_CONFIG", () => run("{{.no.x}}", { no: null }));
  assert.equal(
    error.message,
    "Cannot read {{.no.x}} in ldflags[0] of .ko.yaml: .no is nil, and has no field x",
  );
});

Deno.test("template: the place is told by line and column, in one line of message", async () => {
  const template = "first\n  {{if .Git}}\u{1f600} {{.Git.Nope}}\n{{end}}";
  const error = await failsWith("BAD_CONFIG", () => run(template), /\(line 2, column 18\)/);
  assert.deepEqual(error.detail, { where: WHERE, line: 2, column: 18 });
  const odd = await failsWith("BAD_CONFIG", () => run("{{.Git\n.\u001b[31m}}"));
  assert.match(odd.message, /^\P{Cc}+$/u);
});

Deno.test("template: many names are not listed, and values never are", async () => {
  const Env = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`NAME_${i}`, "secret"]));
  const error = await failsWith("BAD_CONFIG", () => run("{{.Env.NAME_x}}", { Env }));
  assert.match(error.message, /\.Env has no field NAME_x; did you mean NAME_\d\?$/);
  for (
    const template of ["{{.Env.NAME_1.x}}", "{{len .Env.NAME_1 .}}", "{{index .Env.NAME_1 99}}"]
  ) {
    const { message } = await failsWith("BAD_CONFIG", () => run(template, { Env }));
    assert.doesNotMatch(message, /secret/);
  }
});

Deno.test("template: only what data has of its own can be read", async () => {
  const names = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "size"];
  for (const name of names) {
    for (const path of [`.${name}`, `.Git.${name}`, `.Git.Tag.${name}`, `.${name}.${name}`]) {
      await failsWith("BAD_CONFIG", () => run(`{{${path}}}`));
      const loose = compileTemplate(`{{${path}}}`, WHERE, { missingKey: "nothing" });
      if (!path.includes("Tag")) assert.equal(loose.run({ Git: GIT }), "<no value>");
    }
    assert.equal(run(`{{index .Git "${name}"}}`), "<no value>");
    assert.equal(run(`{{.${name}}}`, { [name]: "own" }), "own");
    await failsWith("BAD_CONFIG", () => run(`{{${name}}}`), /there is no function/);
    await failsWith("BAD_CONFIG", () => run(`{{template "${name}"}}`), /there is no template/);
  }
  const own = JSON.parse('{"__proto__": {"x": "own"}}');
  assert.equal(run("{{.__proto__.x}}", own), "own");
  await failsWith("BAD_CONFIG", () => run("{{.x}}", own));
  assert.equal(run("{{.list}}", { list: Object.assign([1], { extra: 2 }) }), "[1]");
});

Deno.test("template: values of data are no templates themselves", () => {
  const Env = { X: '{{.Git.Tag}} "quoted"\nline' };
  assert.equal(run("-X a={{.Env.X}}", { Env }), `-X a=${Env.X}`);
});

Deno.test("template: what goes on for too long is stopped", async () => {
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);
  const endless = [
    '{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}',
    '{{define "a"}}{{template "b" .}}{{template "b" .}}{{end}}' +
    '{{define "b"}}{{range 1000000}}{{end}}{{end}}{{template "a" .}}',
    "{{range 999999999999}}{{end}}",
    "{{range 9999}}{{range 9999}}{{end}}{{end}}",
    "{{range 9999}}{{printf `%9999d` 1}}{{end}}",
    "{{$x := `x`}}{{range 99}}{{$x = print $x $x}}{{end}}{{$x}}",
    "{{$x := `x`}}{{range 99}}{{$x = printf `%q` $x}}{{end}}{{$x}}",
    `{{${deep("(", ")")}}}`,
    deep("{{if 1}}", "{{end}}"),
    `{{if 1}}${"{{else if 1}}".repeat(50_000)}{{end}}`,
    "x".repeat(2 << 20),
  ];
  for (const template of endless) {
    const { message } = await failsWith("BAD_CONFIG", () => run(template));
    assert.ok(message.length < 300, message);
  }
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  assert.throws(() => run("{{.}}", circle), /nested too deeply/);
});

Deno.test("template: what a template may read is known before it runs", () => {
  const reads = (template: string): string[] => {
    const compiled = compileTemplate(template, WHERE);
    return ["Env", "Git", "Date"].filter((field) => compiled.mayRead(field));
  };
  assert.deepEqual(reads("plain"), []);
  assert.deepEqual(reads("{{.Env.Git}} {{print 1}}"), ["Env", "Git"]);
  assert.deepEqual(reads("{{if .Date}}{{$x := .Git}}{{$x.Tag}}{{end}}"), ["Git", "Date"]);
  assert.deepEqual(reads("{{print (print .Git.Tag | len)}}"), ["Git"]);
  assert.deepEqual(reads("{{(print 1).x}}{{(.Env).Git}}"), ["Env", "Git"]);
  assert.deepEqual(reads("{{template `t` .Env}}{{define `t`}}{{$.Date}}{{end}}"), ["Env", "Date"]);
  const all = ["Env", "Git", "Date"];
  for (const whole of ['{{index . "Git"}}', "{{$}}", "{{template `t` .}}{{define `t`}}{{end}}"]) {
    assert.deepEqual(reads(whole), all, whole);
  }
  assert.deepEqual(reads("{{with .Env}}{{.}}{{end}}"), all);
});

Deno.test("template: names are found as Skaffold finds the parts of a customTemplate", () => {
  const names = (template: string) => compileTemplate(template, WHERE).fieldNames();
  assert.deepEqual(names("{{.GIT}}-{{.DATE}}_{{.GIT}}"), ["GIT", "DATE"]);
  assert.deepEqual(names("{{if .A}}{{.B}}{{else}}{{.C.D}}{{end}}"), ["A", "B", "C", "D"]);
  assert.deepEqual(names("{{print (print .A) .B | printf `%s`}}"), ["A", "B"]);
  assert.deepEqual(names("{{$.A}}{{$x := .B}}{{$x.C}}{{define `t`}}{{.D}}{{end}}"), ["B"]);
});

Deno.test("template: ko's data has what ko's has", () => {
  const data = koData({
    environment: { HOME: "/h", GOOS: "plan9" },
    goEnvironment: { GOOS: "linux", GOARCH: "amd64" },
    git: GIT,
    date: new Date(1_700_000_000_000),
    timezone: "America/New_York",
  });
  const text = "{{.Env.LDFLAGS}}|{{.Env.HOME}}|{{.GoEnv.GOOS}}/{{.GoEnv.GOARCH}}|{{.Git.Tag}}|" +
    "{{.Date}}|{{.Timestamp}}|{{.Git.IsDirty}}|{{index .Env `NONE`}}";
  const expected = "|/h|plan9/amd64|v1.2.3|2023-11-14T17:13:20-05:00|1700000000|false|";
  assert.equal(run(text, data), expected);
});
