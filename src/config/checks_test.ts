/**
 * Checks of single values: what is taken, as what, and what is refused with which words.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  parseCompression,
  parseEpoch,
  parseJobs,
  parsePairs,
  parsePort,
  parseSize,
  refuseToolexec,
} from "./checks.ts";

/** One row for each check: values it takes with what they become, and values it refuses. */
const TABLE: readonly {
  readonly name: string;
  readonly check: (value: never) => unknown;
  readonly takes: readonly (readonly [value: unknown, result: unknown])[];
  readonly refuses: readonly unknown[];
  readonly why: RegExp;
}[] = [
  {
    name: "KEY=VALUE pairs",
    check: (pairs: readonly string[]) => parsePairs("label", pairs),
    takes: [
      [[], {}],
      [["a=b"], { a: "b" }],
      [["a=", "b==c=d"], { a: "", b: "=c=d" }],
      [["a=1", "b=2", "a=3"], { a: "3", b: "2" }],
      [["constructor=x"], { constructor: "x" }],
    ],
    refuses: [["a"], ["=b"], [""], ["a=b", "c"]],
    why: /^Cannot use label ".*": .*say KEY=VALUE$/,
  },
  {
    name: "seconds since 1970",
    check: (text: string) => parseEpoch("SOURCE_DATE_EPOCH", text),
    takes: [
      ["0", 0],
      ["1700000000", 1700000000],
      ["-1", -1],
      ["253402300799", 253402300799],
      ["-62135596800", -62135596800],
    ],
    refuses: ["", " 1", "1.5", "1e3", "0x10", "now", "253402300800", "-62135596801", "NaN"],
    why: /^Cannot use SOURCE_DATE_EPOCH ".*": it has to be whole seconds since 1970/,
  },
  {
    name: "compression",
    check: parseCompression,
    takes: [
      ["none", { type: "none" }],
      ["gzip", { type: "gzip", level: 2 }],
      ["gzip:1", { type: "gzip", level: 1 }],
      ["gzip:9", { type: "gzip", level: 9 }],
      ["zstd", { type: "zstd", level: 3 }],
      ["zstd:19", { type: "zstd", level: 19 }],
    ],
    refuses: [
      ...["", "gzip:0", "gzip:10", "gzip:", "GZIP", "none:1", "estargz"],
      ...["zstd:0", "zstd:20", "zstd:", "zstd:03", "zstd:-1"],
    ],
    why:
      /^Cannot use compression ".*": say "gzip", "gzip:1" to "gzip:9", "zstd", "zstd:1" to "zstd:19", or "none"$/,
  },
  {
    name: "ports",
    check: parsePort,
    takes: [["80", "80/tcp"], ["53/udp", "53/udp"], ["65535/sctp", "65535/sctp"], [
      "0080",
      "80/tcp",
    ]],
    refuses: ["", "0", "65536", "80/icmp", "80/", "http", "-1", "80-90", "127.0.0.1:80"],
    why: /^Cannot use port ".*": say PORT or PORT\/udp/,
  },
  {
    name: "jobs",
    check: parseJobs,
    takes: [[1, 1], ["64", 64], [0, navigator.hardwareConcurrency]],
    refuses: [-1, 1.5, NaN, Infinity, "", "x", "1.5"],
    why: /^Cannot use number of jobs ".*": it has to be a whole number, 1 or more$/,
  },
  {
    name: "-toolexec",
    check: (args: readonly string[]) => refuseToolexec("GOFLAGS", args),
    takes: [[[], undefined], [["-v", "-tags=toolexec", "-ldflags=-toolexec"], undefined]],
    refuses: [
      ["-toolexec=x"],
      ["--toolexec=x"],
      ["-v", "-toolexec", "x"],
      // go takes the quotes off, and runs it.
      ["'-toolexec=x", "y'"],
      ['"--toolexec=x"'],
    ],
    why: /^Cannot use -toolexec in "GOFLAGS": it runs any program/,
  },
];

for (const { name, check, takes, refuses, why } of TABLE) {
  Deno.test(`checks: ${name}`, async () => {
    for (const [value, result] of takes) assert.deepEqual(check(value as never), result);
    for (const value of refuses) {
      await failsWith("BAD_OPTION", () => check(value as never), why);
    }
  });
}

Deno.test("checks: a key that objects have by themselves is a key like any other", () => {
  assert.deepEqual(Object.entries(parsePairs("label", ["__proto__=x"])), [["__proto__", "x"]]);
});

Deno.test("sizes: as people write them", async () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["4GiB", 4 * 1024 ** 3],
    ["4 gib", 4 * 1024 ** 3],
    ["700MB", 700_000_000],
    ["1.5g", 1_500_000_000],
    ["64Ki", 65_536],
    ["65536", 65_536],
    ["10 bytes", 10],
    ["2t", 2_000_000_000_000],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseSize("--split", text), bytes, text);
  for (const text of ["", "GB", "-1", "1e9", "4GiBs", "1,5g", "0", "0.1", "999999999t", "4XB"]) {
    await failsWith("BAD_OPTION", () => parseSize("--split", text), /--split .*it is no size/);
  }
});
