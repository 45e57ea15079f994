/**
 * YAML texts and what becomes of them: for the printer's own tests, and to ask the real ko about.
 * @module
 */

/** Texts that come out as they went in. */
export const KEPT: readonly string[] = [
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
];

/** Texts that ko prints in another way; the second is what ko 0.19 prints. */
export const CHANGED: readonly (readonly [text: string, expected: string])[] = [
  ["a:\n- b\n- c\n", "a:\n  - b\n  - c\n"],
  ["a:\n    b: c\n", "a:\n  b: c\n"],
  ["a:   b   #   c\n", "a: b #   c\n"],
  ["a: b\n\n\nc: d\n", "a: b\nc: d\n"],
  ["---\na: b\n---\n---\nc: d\n...\n", "a: b\n---\n\n---\nc: d\n"],
  ["a: [ b,\n c ]\n", "a: [b, c]\n"],
  ["a: b\r\nc: d\r\n", "a: b\nc: d\n"],
  ["\ufeffa: b\n", "a: b\n"],
  ["a: b\n   c\n", "a: b c\n"],
  ["a: b\n\n   c\n", "a: |-\n  b\n  c\n"],
  ["? a\n: b\n", "a: b\n"],
  ["[a: b]\n", "[{a: b}]\n"],
  ["%TAG !e! tag:e.com:\n---\na: !e!x b\n", "a: !<tag:e.com:x> b\n"],
  ["# only a comment\n", ""],
  ["", ""],
  ["- # above\n  - a\n", "- # above\n  - a\n"],
  [
    `a: ${"word ".repeat(20)}end\n`,
    `a: ${"word ".repeat(15)}word\n  ${"word ".repeat(4)}end\n`,
  ],
  [`a: '${"w ".repeat(41)}'\n`, `a: '${"w ".repeat(38)}w\n  w w '\n`],
  [`a: "${"w ".repeat(41)}"\n`, `a: "${"w ".repeat(38)}w\n  w w "\n`],
  [
    `a: [${"word, ".repeat(20)}end]\n`,
    `a: [${"word, ".repeat(12)}word,\n  ${"word, ".repeat(7)}end]\n`,
  ],
];

/** Texts of which ko 0.19 loses or changes something; the last is what ko prints. */
export const BETTER: readonly (readonly [text: string, expected: string, ko: string])[] = [
  ["a: {b: }\n", "a: {b: null}\n", "a: {b: ''}\n"],
  ["a: [ # why\n  b]\n", "a: [b] # why\n", "a: [b]\n"],
  ["a: { # why\n  b: c}\n", "a: {b: c} # why\n", "a: {b: c}\n"],
  ["a: # why\n  b # what\n", "a: b # why # what\n", "a: b # what\n"],
  ["a: |2\n\n    b\n", "a: |2\n\n    b\n", "a: |\n\n    b\n"],
  [
    "a: >-\n  some\n    more\n    of it\n  end\n",
    "a: >-\n  some\n    more\n    of it\n  end\n",
    "a: >-\n  some\n\n    more\n    of it\n  end\n",
  ],
  ["a: >2-\n    b\n  c\n\n  d\n", "a: >2-\n    b\n  c\n\n  d\n", "a: >2-\n    b\n  c\n  d\n"],
  [
    `a: >-\n  b\n    ${"w ".repeat(50)}w\n`,
    `a: >-\n  b\n    ${"w ".repeat(50)}w\n`,
    `a: >-\n  b\n\n    ${"w ".repeat(38)}w\n  ${"w ".repeat(11)}w\n`,
  ],
  ["|-\nb\n---\nc: d\n", "|-\n  b\n---\nc: d\n", "|-\n  b\n  ---\n  c: d\n"],
  ["a: # why\n  [b]\nc: d\n", "a: [b] # why\nc: d\n", "a: [b]\nc: d # why\n"],
];
