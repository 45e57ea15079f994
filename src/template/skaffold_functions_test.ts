/**
 * Compares Skaffold's functions with the real sprig, and looks at those that depend on the world.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { compareWithGo } from "../../test/support/template_oracle.ts";
import { skaffoldFunctions } from "./skaffold_functions.ts";
import { compileTemplate } from "./template.ts";

/** As Skaffold's: the environment, and the parts of an image. */
const DATA = {
  IMAGE_NAME: "gcr.io/project/app",
  IMAGE_TAG: "v1.2.3-4-gabcdef0",
  BRANCH: "feature/Some-Thing_1",
  USER: " jane doe ",
  EMPTY: "",
  EPOCH: "1700000000",
  UNICODE: "caf\u00e9 \u{1f600} \u01c6 \u00df",
  JSON: '{"a": "<b>"}',
};

/** The same with other kinds of values. */
const MIXED = { n: 42, f: 2.5, t: true, nil: null, list: ["b", "a", "b"], map: { x: 1, y: "z" } };

const TABLES: Readonly<Record<string, readonly string[]>> = {
  text: [
    "{{.BRANCH | lower | replace `/` `-` | trunc 10}}",
    "{{upper .UNICODE}} {{lower .UNICODE}} {{title .USER}} {{title `a-b c_d e.f 1x`}}",
    "{{untitle `Hello World`}} {{untitle ``}}",
    "[{{trim .USER}}] [{{trim `\u00a0\u0085x\ufeff`}}]",
    "{{trimAll `$x` `$$xabcx$`}} {{trimall `` `a`}} {{trimPrefix `v` .IMAGE_TAG}} {{trimSuffix `0` .IMAGE_TAG}}",
    "{{trimPrefix `` `a`}} {{trimSuffix `` `a`}} {{trimSuffix `x` `a`}}",
    "{{nospace ` a b\tc `}}",
    "{{trunc 3 `abcdef`}} {{trunc 10 `abc`}} {{trunc 0 `abc`}}",
    "{{trunc -1 `abc`}}",
    "{{trunc `1` `abc`}}",
    "{{trunc 1.0 `abc`}}",
    "{{trunc 1.5 `abc`}}",
    "{{trunc (add 1 1) `abc`}}",
    "{{trunc (int (add 1 1)) `abc`}}",
    "{{trunc .NONE `abc`}}",
    "{{substr 1 3 `abcdef`}} {{substr -1 3 `abcdef`}} {{substr 2 -1 `abcdef`}} {{substr 2 99 `abcdef`}}",
    "{{substr 9 10 `abc`}}",
    "{{substr 2 1 `abc`}}",
    "{{repeat 3 `ab`}}|{{repeat 0 `ab`}}",
    "{{repeat -1 `ab`}}",
    "{{contains `a` `abc`}} {{contains `` ``}} {{hasPrefix `a` `abc`}} {{hasSuffix `a` `abc`}}",
    "{{if hasPrefix `v` .IMAGE_TAG}}yes{{end}}",
    "{{replace `` `-` `ab\u{1f600}`}} {{replace `a` `` `banana`}} {{replace `a` `$&` `aa`}}",
    '{{quote .USER 1 nil `a"b`}} {{squote .USER 1 nil}} {{quote}}',
    "{{cat 1 `a` nil 2.5 true}}|{{cat}}",
    "{{indent 2 `a\nb`}}|{{nindent 2 `a\nb`}}",
    "{{plural `one` `many` 1}} {{plural `one` `many` 2}}",
    "{{toString 1}} {{toString 1.5}} {{toString nil}} {{toString true}}",
    "{{splitList `/` .IMAGE_NAME}} {{splitList `` `a\u{1f600}b`}} {{splitList `,` ``}}",
    "{{(split `/` .IMAGE_NAME)._1}} {{(splitn `/` 2 .IMAGE_NAME)._1}} {{splitn `/` -1 `a/b/c`}} {{splitn `` 2 `abc`}}",
    "{{split `/` `a/b`}} {{len (split `,` `a,b,c`)}}",
    "{{(split `/` `a`)._7}}",
    "{{join `-` (splitList `/` .BRANCH)}} {{join `-` `a`}} {{join `-` 5}} {{join `,` (list 1 nil `x` 2.5)}}",
    "{{toStrings (list 1 nil true)}} {{toStrings nil}}",
    "{{sha256sum .USER}} {{sha1sum ``}} {{adler32sum .UNICODE}} {{.IMAGE_TAG | sha256sum | trunc 8}}",
    "{{b64enc .UNICODE}} {{b64enc .UNICODE | b64dec}} {{b64dec ``}} {{b64enc ``}}",
    "{{upper 1}}",
    "{{upper .NONE}}",
    "{{upper nil}}",
    "{{upper}}",
    "{{upper `a` `b`}}",
    "{{1 | upper}}",
    "{{replace `a` `b`}}",
    "{{fail `no`}}",
    "{{.NONE}}",
    "{{.NONE | default `x`}}",
  ],
  values: [
    "{{default `bar` .FOO}} {{default `bar` .EMPTY}} {{default `bar` .USER}} {{.FOO | default `x`}}",
    "{{default 1}} {{default 1 0}} {{default 1 0.0}} {{default 1 false}} {{default 1 nil 5}} {{default 1 5 nil}}",
    "{{default}}",
    "{{default `x` (list)}} {{default `x` (dict)}} {{default `x` (list 0)}}",
    "{{empty 0}} {{empty `a`}} {{empty nil}} {{empty (list)}} {{empty .FOO}} {{empty false}}",
    "{{coalesce 0 `` nil `x` `y`}} {{coalesce 0 nil}} {{coalesce}}",
    "{{ternary `a` `b` true}} {{ternary `a` `b` false}} {{false | ternary 1 2}}",
    "{{ternary `a` `b` 1}}",
    "{{atoi `12`}} {{atoi `-3`}} {{atoi `+4`}} {{atoi `x`}} {{atoi `1.5`}} {{atoi `08`}} {{atoi `1_0`}}",
    "{{atoi 1}}",
    "{{int `7`}} {{int 7.9}} {{int -7.9}} {{int true}} {{int nil}} {{int64 `9223372036854775807`}} {{int64 `x`}}",
    "{{int64 `9223372036854775808`}} {{float64 `1.5`}} {{float64 3}} {{float64 `x`}} {{float64 `1e3`}} {{float64 true}}",
    "{{toDecimal `777`}} {{toDecimal 17}} {{toDecimal `8`}} {{toDecimal `-17`}}",
    "{{add 1 2 3}} {{add}} {{add `4` 1.9 true}} {{add1 4}} {{sub 1 5}} {{mul 2 3 4}} {{div 7 2}} {{div -7 2}} {{mod 7 3}} {{mod -7 3}}",
    "{{div 1 0}}",
    "{{mod 1 0}}",
    "{{add 9223372036854775807 1}} {{mul 9223372036854775807 2}} {{sub -9223372036854775808 1}}",
    "{{max 1 5 3}} {{min 4 2 8}} {{biggest 1 2}} {{max `7` 1.5}} {{max 1}}",
    "{{ceil 1.2}} {{floor -1.2}} {{ceil `3.1`}} {{floor 5}} {{round 3.14159 2}} {{round 2.5 0}} {{round 123.555 1 0.6}} {{round -1.5 0}}",
    "{{until 3}} {{until -3}} {{until 0}} {{untilStep 1 10 3}} {{untilStep 5 1 -2}} {{untilStep 1 5 0}} {{untilStep 1 5 -1}}",
    "{{range $i := until 3}}{{$i}}{{end}}",
    "{{typeOf 1}} {{typeOf `a`}} {{typeOf 1.5}} {{typeOf nil}} {{typeOf (list)}} {{typeOf (dict)}} {{typeOf (until 1)}} {{typeOf (splitList ` ` `a`)}} {{typeOf .}} {{typeOf (add 1)}}",
    "{{kindOf 1}} {{kindOf `a`}} {{kindOf (list)}} {{kindOf (dict)}} {{kindOf nil}} {{kindOf true}} {{kindOf 1.5}} {{kindOf (add1 1)}}",
    "{{typeIs `int` 1}} {{typeIs `string` 1}} {{typeIsLike `int` 1}} {{kindIs `map` .}}",
    "{{deepEqual (list 1 2) (list 1 2)}} {{deepEqual (list 1) (list 1.0)}} {{deepEqual 1 (add1 0)}} {{deepEqual nil nil}} {{deepEqual (list `a`) (splitList `,` `a`)}}",
    '{{toJson .}} {{toJson (list 1 2.5 nil true `<&>\u2028"\\\\\n\u0001` 1e21 1e-7 100000.0)}} {{toJson nil}} {{toJson (dict)}} {{toJson (list)}}',
    "{{toPrettyJson (dict `a` (list 1 2) `b` (dict `c` nil) `d` (list))}}",
    "{{toJson (dict `b` 1 `a` 2)}}",
    "{{printf `%05d` (add 1 2)}} {{printf `%T` (add 1 2)}} {{eq (add 1 1) 2}}",
  ],
  "lists and maps": [
    "{{list 1 `a` nil}} {{list}} {{tuple 1 2}} {{len (list 1 2)}} {{index (list 1 2) 1}}",
    "{{first (list 1 2)}} {{last (list 1 2)}} {{rest (list 1 2 3)}} {{initial (list 1 2 3)}} {{first (list)}} {{rest (list)}}",
    "{{first `abc`}}",
    "{{first nil}}",
    "{{first 1}}",
    "{{append (list 1) 2}} {{push (list 1) nil}} {{prepend (list 1) 0}} {{append (splitList `,` `a,b`) 3}}",
    "{{append 1 2}}",
    "{{reverse (list 1 2 3)}} {{uniq (list 1 1 2 `1` 1.0 (list) (list))}} {{without (list 1 2 3 2) 2 3}} {{compact (list 0 1 `` nil `a` (list))}}",
    "{{has 1 (list 1 2)}} {{has `1` (list 1 2)}} {{has 1 nil}} {{has 1 (list 1.0)}}",
    "{{has 1 2}}",
    "{{concat (list 1) (list 2 3)}} {{concat}} {{concat (list 1) (splitList `,` `a`)}}",
    "{{concat 1}}",
    "{{slice (list 1 2 3) 1}} {{slice (list 1 2 3) 0 2}} {{slice (list 1 2 3)}} {{slice (list)}} {{slice (list 1 2) `1`}}",
    "{{slice (list 1 2) 2 1}}",
    "{{slice (list 1 2) 0 5}}",
    "{{slice `abc` 1}}",
    "{{sortAlpha (list `b` `a` 10 9)}} {{sortAlpha `x`}} {{sortAlpha (splitList `,` `b,\u00e9,a`)}}",
    "{{$d := dict `a` 1 `b` `two`}}{{$d.a}} {{$d.b}} {{hasKey $d `a`}} {{hasKey $d `c`}} {{len $d}}",
    "{{dict 1 2 `x`}} {{(dict `a` (dict `b` `c`)).a.b}} {{keys (dict `a` 1)}} {{values (dict `a` 1)}}",
    "{{pick (dict `a` 1 `b` 2 `c` 3) `a` `c` `z`}} {{omit (dict `a` 1 `b` 2) `a`}} {{pluck `a` (dict `a` 1) (dict `b` 1) (dict `a` 3)}}",
    "{{hasKey . `FOO`}}",
    "{{range $k, $v := dict `b` 1 `a` 2}}{{$k}}{{$v}}{{end}}",
    "{{(dict `a` 1).b}}",
    "{{(dict `a` 1).a.b}}",
  ],
  "expressions and paths": [
    "{{regexReplaceAll `[^a-zA-Z0-9]+` .BRANCH `-`}} {{regexReplaceAll `(\\w)(\\w*)` `hello world` `${2}${1}ay`}}",
    "{{regexReplaceAll `a(?P<x>b+)` `abb ab` `<$x>`}} {{regexReplaceAll `a*` `baac` `x`}} {{regexReplaceAll `b*` `abc` `-`}}",
    "{{regexReplaceAll `a` `a` `$1x $0 $$ $`}} {{regexReplaceAll `(a)` `a` `$1x`}} {{regexReplaceAll `(a)` `a` `${1}x`}} {{regexReplaceAll `a` `a` `\\n`}}",
    "{{regexReplaceAll `(` `a` ``}}",
    "{{regexReplaceAllLiteral `a` `banana` `$0`}} {{regexReplaceAllLiteral `x` `banana` `$0`}}",
    "{{regexMatch `^v[0-9.]+` .IMAGE_TAG}} {{regexMatch `^x` .IMAGE_TAG}} {{regexMatch `(` `a`}} {{regexMatch `(?i)FEAT` .BRANCH}}",
    "{{regexFind `[0-9]+` .IMAGE_TAG}} {{regexFind `z` .IMAGE_TAG}}|",
    "{{regexFind `(?=a)` `a`}}",
    "{{regexFindAll `[0-9]` .IMAGE_TAG -1}} {{regexFindAll `[0-9]` .IMAGE_TAG 2}} {{regexFindAll `a*` `baac` -1 | len}} {{regexFindAll `a` `b` -1}}",
    "{{regexSplit `[-.]` .IMAGE_TAG -1}} {{regexSplit `-` .IMAGE_TAG 2}} {{regexSplit `` `abc` -1}} {{regexSplit `a*` `baac` -1 | len}} {{regexSplit `,` `` -1 | len}} {{regexSplit `,` `a,b` 0 | len}} {{regexSplit `b` `ab` -1 | len}}",
    "{{regexReplaceAll `\u00e9` .UNICODE `e`}} {{regexReplaceAll `\\p{L}` .UNICODE `.`}} {{regexReplaceAll `` `\u{1f600}a` `-`}}",
    "{{base `a/b/c.go`}} {{base ``}} {{base `/`}} {{base `a/`}} {{dir `a/b/c`}} {{dir `a`}} {{dir `/a`}} {{dir ``}} {{dir `a//b/`}} {{clean `a/../b//c/`}} {{clean ``}} {{clean `/..`}}",
    "{{ext `a/b.tar.gz`}} {{ext `a.b/c`}}|{{ext `.bashrc`}} {{isAbs `/a`}} {{isAbs `a`}}",
  ],
  time: [
    "{{dateInZone `2006-01-02T15:04:05Z07:00 MST` 1700000000 `UTC`}} {{dateInZone `15:04 MST` 1700000000 `America/New_York`}}",
    "{{dateInZone `15:04 MST` 1700000000 `No/Where`}} {{htmlDateInZone 1700000000 `Asia/Tokyo`}} {{date_in_zone `Mon Jan 2` (int64 .EPOCH) `UTC`}}",
    "{{unixEpoch now | len}} {{(now).Year | typeOf}} {{kindOf now}} {{typeOf now}}",
    "{{unixEpoch 1}}",
    "{{if gt (now | unixEpoch | int) 1000000000}}later{{end}}",
    "{{now | date `2006` | len}} {{now.Format `06` | len}} {{date `2006` `not a date` | len}}",
    "{{$t := dateModify `-1h` now}}{{sub (unixEpoch now) (unixEpoch $t) | div 3600}} {{kindOf (dateModify `x` now)}}",
    "{{now.Nope}}",
    "{{now.Format}}",
  ],
  Skaffold: [
    "{{cmd `echo` `a` `b`}} {{cmd `x`}}",
    "{{cmd}}",
    "{{cmd 1}}",
    "{{.IMAGE_NAME}}:{{.IMAGE_TAG}} {{.Missing.Deeper}}",
    "{{default .IMAGE_TAG .Missing | upper}}",
  ],
};

const functions = skaffoldFunctions({
  environment: { HOME: "/home/me", A: "1" },
  // As the oracle's.
  run: (name, args) => name + args.join(","),
});

for (const [title, templates] of Object.entries(TABLES)) {
  Deno.test(`template: Skaffold's functions are those of sprig, ${title}`, async () => {
    const cases = templates.flatMap((template) =>
      [DATA, MIXED].map((data) => ({ template, data, missingKey: "default", sprig: true }) as const)
    );
    const counts = await compareWithGo(cases, functions);
    assert.ok(counts.printed > 3 && counts.failed > 3, JSON.stringify(counts));
  });
}

const run = (template: string, more: object = {}): string => {
  const world = { environment: { HOME: "/home/me", A: "1" }, ...more };
  return compileTemplate(template, "a test", { functions: skaffoldFunctions(world) }).run({});
};

Deno.test("template: env and expandenv read what they are given, and nothing else", () => {
  assert.equal(run("{{env `HOME`}}|{{env `PATH`}}|{{env `constructor`}}"), "/home/me||");
  assert.equal(run("{{expandenv `$HOME/${A}b$NONE$`}}"), "/home/me/1b$");
});

Deno.test("template: cmd runs what the caller lets it", async () => {
  assert.equal(
    run("{{cmd `git` `x y`}}", { run: (...all: unknown[]) => ` ${JSON.stringify(all)}\n` }),
    '["git",["x y"]]',
  );
  await failsWith("BAD_CONFIG", () => run("{{cmd `git`}}"), /no programs are run here/);
  const refuse = () => {
    throw new Error("exit code 3");
  };
  await failsWith("BAD_CONFIG", () => run("{{cmd `git`}}", { run: refuse }), /cmd: exit code 3/);
});

Deno.test("template: chance gives what was asked for", () => {
  assert.match(
    run("{{uuidv4}}"),
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.match(run("{{randAlphaNum 40}}"), /^[A-Za-z0-9]{40}$/);
  assert.match(run("{{randNumeric 9}} {{randAlpha 9}}"), /^[0-9]{9} [A-Za-z]{9}$/);
});

Deno.test("template: what does not end is stopped", async () => {
  const endless = [
    "{{repeat 999999999 `x`}}",
    "{{until 999999999}}",
    "{{randAlpha 99999999}}",
    "{{$l := list 1}}{{range until 60}}{{$l = list $l $l}}{{end}}{{$l}}",
    "{{$s := `x`}}{{range until 60}}{{$s = cat $s $s}}{{end}}{{$s}}",
    "{{$d := dict}}{{range until 60}}{{$d = dict `a` $d `b` $d}}{{end}}{{toJson $d}}",
  ];
  for (const template of endless) {
    await failsWith("BAD_CONFIG", () => run(template), /too|up to|more/);
  }
});
