/**
 * Cases of the golden table about Skaffold's settings outside of skaffold.yaml: `skaffold.env` and the
 * global configuration.
 * @module
 */
import type { GoldenCase } from "./golden.ts";

const FILES = {
  "main.go": "package main\n\nfunc main() {}\n",
  "go.mod": "module example.com/app\n",
};

/** A skaffold.yaml with one image, which is tagged by a template. */
function tagged(template: string, rest = ""): Readonly<Record<string, string>> {
  const text = `apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  tagPolicy:\n` +
    `    envTemplate: {template: '${template}'}\n  artifacts: [{image: a/app, ko: {}}]\n${rest}`;
  return { ...FILES, "skaffold.yaml": text };
}

/** The image of `tagged` and what it becomes. */
const becomes = (name: string): Pick<GoldenCase, "images"> => ({ images: { "a/app": name } });

/** A tag of what a `skaffold.env` makes of the variables V, W and X; "none" for one that is not set. */
function dotenv(
  what: string,
  text: string,
  values: readonly [v: string, w?: string, x?: string],
  environment?: Readonly<Record<string, string>>,
): GoldenCase {
  const [v, w = "none", x = "none"] = values;
  // In hexadecimal, since a tag may hold letters and digits alone.
  const hex = (text: string): string => new TextEncoder().encode(text).toHex();
  const part = (name: string): string => `{{default "none" .${name} | printf "%x"}}`;
  return {
    what: `skaffold.env: ${what}`,
    files: { ...tagged(["V", "W", "X"].map(part).join("_")), "skaffold.env": text },
    ...(environment ? { options: { environment } } : {}),
    ...becomes(`a/app:${[v, w, x].map(hex).join("_")}`),
  };
}

const DOTENV: readonly GoldenCase[] = [
  dotenv("names and values", "V=1\nexport W=2\nX : 3\n", ["1", "2", "3"]),
  dotenv("what is set stays", "V=1\nW=2\n", ["mine", "2"], { V: "mine" }),
  dotenv("what is set to nothing stays", "V=1\nW=2\n", ["none", "2"], { V: "" }),
  dotenv("comments and blank lines", "# V=0\n\n V=1 # one\nW=2#2\n#\n  X=3 # a # b\n", [
    "1",
    "2#2",
    "3 # a",
  ]),
  dotenv("a comment alone", "V=#1\nW= # 2\nX='3' # 3", ["#1", "# 2", "3"]),
  dotenv("quotes", 'V=\'1 # 1\'\nW="2 = 2"\nX="a\\"b"', ["1 # 1", "2 = 2", 'a"b']),
  dotenv("quotes in quotes", 'V="\'1\'"\nW=\'"2"\'\nX=a"b"\n', ["'1'", '"2"', 'a"b"']),
  dotenv("a quote at the end of a value", "V=\"a\\\"\"\nW='it\\'s'\n", ["a\\", "it\\'s"]),
  dotenv("quotes on one line", "V='1'  W=\"2\"\n", ["1", "2"]),
  dotenv("values of several lines", 'V=\'a\nb\'\nW="c\nd"\nX="e\\nf"\n', ["a\nb", "c\nd", "e\nf"]),
  dotenv("line ends of Windows", "V=1\r\nW=\"2\r\n2\"\r\nX='3'\r\n", ["1", "2\n2", "3"]),
  dotenv("space around", "V =\t1 \t\n  W=  2\n\texport \t X=3", ["1", "2", "3"]),
  dotenv("variables", "V=1\nW=${V}.$V\nX='$V'\n", ["1", "1.1", "$V"]),
  dotenv("variables in quotes", 'V=1\nW="${V}-x"\nX="a$NONE.b"\n', ["1", "1-x", "a.b"]),
  dotenv("what looks like variables", "V=1\nW=$(V)$v\nX=${V\n", ["1", "1)$v", "1"]),
  dotenv("variables of the environment are none of the file", "V=a$HERE\n", ["a"], {
    HERE: "there",
  }),
  dotenv("a variable further down", "V=a$W\nW=2\n", ["a", "2"]),
  dotenv("a backslash before a variable", 'W=2\nV="a\\$W"\nX=a\\$W\n', ["a$W", "2", "a$W"]),
  dotenv("backslashes", "V=\"a\\bc\\\\d\"\nW=a\\bc\nX='a\\nb'\n", ["abc\\d", "a\\bc", "a\\nb"]),
  dotenv("the last one wins", "V=1\nV=2\n", ["2"]),
  dotenv("empty values", "V=\nW=''\nX=\n", ["none"]),
  dotenv("an equals sign in a value", "V=a.b=c\nW=x:y\n", ["a.b=c", "x:y"]),
  dotenv("other letters", 'V=\u00e9\u{1f600}\nW="\u00fc"', ["\u00e9\u{1f600}", "\u00fc"]),
  dotenv("no newline at the end", "V=1\nW=2", ["1", "2"]),
  dotenv("a bad line: nothing is used", "V=1\nbad line\nW=2\n", ["none"]),
  dotenv("words behind a quote: nothing is used", "V='1' two\nW=2\n", ["none"]),
  dotenv("a quote without its other half: nothing is used", 'V=1\nW="2\n', ["none"]),
  dotenv("a dash in a name: nothing is used", "V=1\nA-B=2\n", ["none"]),
  {
    what: "skaffold.env: a folder of that name",
    files: { ...tagged("v1"), "skaffold.env/x": "" },
    ...becomes("a/app:v1"),
  },
  {
    what: "skaffold.env: variables that act as flags",
    files: {
      ...tagged("v1", "profiles: [{name: p, build: {tagPolicy: {envTemplate: {template: v2}}}}]\n"),
      "skaffold.env": "SKAFFOLD_DEFAULT_REPO=reg.example.com/x\nSKAFFOLD_PROFILE=p\n",
    },
    ...becomes("reg.example.com/x/a_app:v2"),
  },
  {
    what: "skaffold.env: a flag beats it",
    files: { ...tagged("v1"), "skaffold.env": "SKAFFOLD_DEFAULT_REPO=reg.example.com/x\n" },
    options: { defaultRepo: "other.example.com" },
    ...becomes("other.example.com/a_app:v1"),
  },
  {
    what: "skaffold.env: a variable beats it",
    files: { ...tagged("v1"), "skaffold.env": "SKAFFOLD_DEFAULT_REPO=reg.example.com/x\n" },
    options: { environment: { SKAFFOLD_DEFAULT_REPO: "env.example.com" } },
    ...becomes("env.example.com/a_app:v1"),
  },
  {
    what: "skaffold.env: activates profiles",
    files: {
      ...tagged(
        "v1",
        "profiles:\n- name: p\n  activation: [{env: STAGE=prod}]\n" +
          "  build: {tagPolicy: {envTemplate: {template: v2}}}\n",
      ),
      "skaffold.env": "STAGE=prod\n",
    },
    ...becomes("a/app:v2"),
  },
  {
    what: "skaffold.env: of the current folder, not that of the file",
    files: {
      ...FILES,
      "cfg/skaffold.yaml": tagged('{{default "none" .V}}')["skaffold.yaml"] ?? "",
      "cfg/skaffold.env": "V=1\n",
    },
    options: { file: "cfg/skaffold.yaml" },
    ...becomes("a/app:none"),
  },
];

/** A global configuration in the home folder, under a current context. */
function global(
  what: string,
  text: string,
  name: string,
  { context, ...options }: { context?: string } & NonNullable<GoldenCase["options"]> = {},
): GoldenCase {
  const kube = `apiVersion: v1\nkind: Config\ncurrent-context: ${context}\n` +
    `contexts: [{name: ${context}, context: {cluster: c}}]\n` +
    "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n";
  return {
    what: `global config: ${what}`,
    files: tagged("v1"),
    home: { ".skaffold/config": text, ...(context ? { ".kube/config": kube } : {}) },
    options,
    ...becomes(name),
  };
}

const REPO = (repo: string, context?: string): string =>
  context === undefined
    ? `global:\n  default-repo: ${repo}\n`
    : `- kube-context: ${context}\n  default-repo: ${repo}\n`;
const G = "g.example.com";

const GLOBAL: readonly GoldenCase[] = [
  global("default-repo", REPO(G), `${G}/a_app:v1`),
  global("the flag beats it", REPO(G), "f.example.com/a_app:v1", {
    defaultRepo: "f.example.com",
  }),
  global("an empty flag beats it", REPO(G), "a/app:v1", { defaultRepo: "" }),
  global("the variable beats it", REPO(G), "e.example.com/a_app:v1", {
    environment: { SKAFFOLD_DEFAULT_REPO: "e.example.com" },
  }),
  global("an empty file", "", "a/app:v1"),
  global(
    "keys that nobody knows",
    `other: 1\nglobal:\n  default-repo: ${G}\n  nope: [1]\n`,
    `${G}/a_app:v1`,
  ),
  global("a number is text", "global: {default-repo: 12345}\n", "12345/a_app:v1"),
  global(
    "several documents: the first",
    `${REPO(G)}---\n${REPO("h.example.com")}`,
    `${G}/a_app:v1`,
  ),
  global(
    "that of the context",
    `${REPO(G)}kubeContexts:\n${REPO("k.example.com", "ctx")}`,
    "k.example.com/a_app:v1",
    { context: "ctx" },
  ),
  global(
    "of another context",
    `${REPO(G)}kubeContexts:\n${REPO("k.example.com", "ctx")}`,
    `${G}/a_app:v1`,
    { context: "other" },
  ),
  global(
    "contexts by an expression",
    `kubeContexts:\n${REPO("k.example.com", "^gke_.*")}`,
    "k.example.com/a_app:v1",
    { context: "gke_a_b" },
  ),
  global(
    "an expression finds a part",
    `kubeContexts:\n${REPO("k.example.com", "tx")}`,
    "k.example.com/a_app:v1",
    { context: "ctx1" },
  ),
  global(
    "not this context",
    `kubeContexts:\n${REPO("k.example.com", '"!prod"')}`,
    "k.example.com/a_app:v1",
    { context: "ctx" },
  ),
  global(
    "the last entry of a context",
    `kubeContexts:\n${REPO("k.example.com", "ctx")}${REPO("l.example.com", "c.x")}`,
    "l.example.com/a_app:v1",
    { context: "ctx" },
  ),
  global(
    "an entry without a context",
    `kubeContexts:\n- default-repo: k.example.com\n`,
    "k.example.com/a_app:v1",
    { context: "ctx" },
  ),
  global("no context: only global", `kubeContexts:\n${REPO("k.example.com", '""')}`, "a/app:v1"),
  global(
    "the context of the flag",
    `kubeContexts:\n${REPO("k.example.com", "ctx")}${REPO("l.example.com", "flag")}`,
    "l.example.com/a_app:v1",
    { context: "ctx", kubeContext: "flag" },
  ),
  global(
    "multi-level-repo",
    `global: {default-repo: ${G}/x, multi-level-repo: true}\n`,
    `${G}/x/a/app:v1`,
  ),
  global(
    "multi-level-repo with the flag's repo",
    "global: {multi-level-repo: true}\n",
    "f.example.com/a/app:v1",
    { defaultRepo: "f.example.com" },
  ),
  global(
    "multi-level-repo of the context",
    `global: {default-repo: ${G}}\nkubeContexts: [{kube-context: ctx, multi-level-repo: true}]\n`,
    `${G}/a/app:v1`,
    { context: "ctx" },
  ),
  global(
    "multi-level-repo off in the context says nothing",
    `global: {default-repo: ${G}, multi-level-repo: true}\nkubeContexts: [{kube-context: ctx, multi-level-repo: false}]\n`,
    `${G}/a/app:v1`,
    { context: "ctx" },
  ),
  global(
    "multi-level-repo as a word",
    `global: {default-repo: ${G}, multi-level-repo: yes}\n`,
    `${G}/a/app:v1`,
  ),
  {
    what: "global config: the file of SKAFFOLD_CONFIG, in skaffold.env",
    files: {
      ...tagged("v1"),
      "skaffold.env": "SKAFFOLD_CONFIG=mine.yaml\n",
      "mine.yaml": REPO("m.example.com"),
    },
    home: { ".skaffold/config": REPO(G) },
    ...becomes("m.example.com/a_app:v1"),
  },
  {
    what: "global config: the kubeconfig of SKAFFOLD_KUBECONFIG",
    files: {
      ...tagged("v1"),
      "kube.yaml": "apiVersion: v1\nkind: Config\ncurrent-context: ctx\n",
    },
    home: { ".skaffold/config": `kubeContexts:\n${REPO("k.example.com", "ctx")}` },
    options: { environment: { SKAFFOLD_KUBECONFIG: "kube.yaml" } },
    ...becomes("k.example.com/a_app:v1"),
  },
];

/** All of them. */
export const SETTINGS: readonly GoldenCase[] = [...DOTENV, ...GLOBAL];
