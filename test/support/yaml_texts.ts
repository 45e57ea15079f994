/**
 * YAML texts of many kinds.
 * @module
 */

/** Texts that say something else once ko 0.19 has printed them anew. */
export const CHANGED_BY_KO: readonly string[] = [
  "a: {b: }\n",
  "a: |2\n\n    b\n",
  "a: >-\n  some\n    more\n    of it\n  end\n",
  "a: >2-\n    b\n  c\n\n  d\n",
  `a: >-\n  b\n    ${"w ".repeat(50)}w\n`,
  "|-\nb\n---\nc: d\n",
];

/** All texts. */
export const YAML_TEXTS: readonly string[] = [
  ...CHANGED_BY_KO,
  "a: 1\nb: two\n",
  "a: ''\nb: \"\"\nc:\nd: ~\n",
  "a:\n  b:\n    - c: d\n      e: f\n    - - g\n      - h\n",
  "a: {b: c, d: [e, f]}\n",
  "a: []\nb: {}\n",
  "a: 'it''s'\nb: \"tab\\there\"\n",
  "a: |\n  one\n\n  two\nb: |-\n  x\nc: |+\n  y\n\nd: >-\n  folded\n",
  "a: |2\n    indented\n",
  "a: &x\n  b: c\nd: *x\ne: &y 5\n<<: *x\n",
  "a: &a b\n*a : c\n",
  "a: !!str 12\nb: !Ref c\nc: !<tag:example.com,2000:x> d\n",
  "# head\na: b # line\n# foot\n\n# head of c\nc: d\n",
  "# of the document\n\n# of a\na: b\n\n# the end\n",
  "a:\n  # of b\n  b: c\n  # of d\n  d: e\n# of f\nf: g\n",
  "a:\n  - b # first\n  # second\n  - c\n  # last\n# of d\nd: e\n",
  "a: # of a\n  b: c\n",
  "- a: b\n  # of c\n  c: d\n- e\n",
  "a: [b, c] # beside\n",
  "a: b\n---\nc: d\n",
  "? [a, b]\n: c\n",
  "a: yes\nb: 'yes'\nc: 0x1F\nd: 2001-01-01\n",
  `a: "\\U0001F600"\nb: \u00e9\u4e2d\n`,
  `# Copyright

# The deployment.
apiVersion: apps/v1 # stable
kind: Deployment
metadata:
  name: web
  # Labels follow.
  labels:
    app: web
    # tier: none
spec:
  template:
    spec:
      containers:
        # The first.
        - name: a
          image: b # pinned
          args:
            - x
            # - y
        # The second.
        - name: c
# The end.
`,
  "a:\n- b\n- c\n",
  "a:\n    b: c\n",
  "a:   b   #   c\n",
  "a: b\n\n\nc: d\n",
  "---\na: b\n---\n---\nc: d\n...\n",
  "a: [ b,\n c ]\n",
  "a: b\r\nc: d\r\n",
  "\ufeffa: b\n",
  "a: b\n   c\n",
  "a: b\n\n   c\n",
  "? a\n: b\n",
  "[a: b]\n",
  "%TAG !e! tag:e.com:\n---\na: !e!x b\n",
  "# only a comment\n",
  "",
  "- # above\n  - a\n",
  `a: ${"word ".repeat(20)}end\n`,
  `a: '${"w ".repeat(41)}'\n`,
  `a: "${"w ".repeat(41)}"\n`,
  `a: [${"word, ".repeat(20)}end]\n`,
  "a: [ # why\n  b]\n",
  "a: { # why\n  b: c}\n",
  "a: # why\n  b # what\n",
  "a: # why\n  [b]\nc: d\n",
];
