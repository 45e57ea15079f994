/**
 * Options of builds that were recorded: what holds in the place of the environment, and what is refused
 * where nobody known has signed it.
 * @module
 */
import assert from "node:assert/strict";
import { BUILD_PARAMETERS } from "../../test/support/build_parameters.ts";
import { hasCode } from "../errors.ts";
import type { BuildParameters } from "../trust/provenance.ts";
import type { RecordedBuild } from "../trust/recorded_build.ts";
import { recordedOptions, refusePrograms } from "./recorded_options.ts";

function record(said: Partial<BuildParameters>, more: Partial<RecordedBuild> = {}): RecordedBuild {
  return {
    parameters: {
      ...BUILD_PARAMETERS,
      ...said,
    },
    goFlags: "",
    base: {},
    goVersion: "go1.26.8",
    settings: {},
    kodeno: "0.1.0",
    deno: "2.9.6",
    ...more,
  };
}

Deno.test("recorded build: what runs no program and writes no file needs no signature", () => {
  refusePrograms(
    record({
      env: ["GOAMD64=v3", "CGO_ENABLED=0", "GOEXPERIMENT=x"],
      flags: ["-tags", "a b", "-tags=c", "-buildvcs=false", "-mod=vendor", "--race"],
      ldflags: [
        "-s -w",
        "-X",
        "main.a=-extld=no",
        "-X 'main.b=c d'",
        "-X main.c={{ .Git.Tag }}-{{.Env.USER}}",
      ],
      gcflags: ["all=-N -l"],
      labels: { any: "{{.Env.USER}}" },
    }, { goFlags: "-mod=readonly -tags=x" }),
    "it",
  );
});

Deno.test("recorded build: what was left out of any flags is told of", () => {
  const said = { gcflags: ["-N", "https://***@host"], asmflags: ["***"], user: "***" };
  const { options, hidden } = recordedOptions(
    record(said, { goFlags: "-tags=https://***@host" }),
    {},
  );
  assert.deepEqual(hidden.toSorted(), ["GOFLAGS", "asmflags", "gcflags", "user"]);
  const { gcflags, asmflags, user } = options.artifact?.values ?? {};
  assert.deepEqual({ gcflags, asmflags, user }, { gcflags: ["-N"], asmflags: [], user: undefined });
});

Deno.test("recorded build: what may run a program or write a file needs one", () => {
  const cases: readonly (Partial<BuildParameters> | string)[] = [
    { env: ["CC=sh -c x"] },
    { env: ["GOPROXY=https://evil.test"] },
    { env: ["PATH=."] },
    { flags: ["-overlay=x.json"] },
    { flags: ["-toolexec=x"] },
    { flags: ["-tags", "a", "-modfile=x"] },
    { flags: ["-mod=mod"] },
    { flags: ['{{printf "-over%s" "lay=x"}}'] },
    { ldflags: ["-s -extld=x"] },
    { ldflags: ["-s\u00a0-X -extld=x"] },
    { ldflags: ["-X", "-X", "-extld=x"] },
    { ldflags: ["-X 'main.a=b", "-s' -cpuprofile=x"] },
    { ldflags: ['-X "main.a=b"-extld=x'] },
    { gcflags: ["-cpuprofile=/etc/x"] },
    { asmflags: ["-o=x"] },
    "-overlay=x",
    "-ldflags=-extld=x",
  ];
  for (const said of cases) {
    const one = typeof said === "string" ? record({}, { goFlags: said }) : record(said);
    const refused = (error: unknown) => hasCode(error, "NOT_TRUSTED");
    assert.throws(() => refusePrograms(one, "it"), refused, JSON.stringify(said));
  }
});

Deno.test("recorded build: what asks for secrets of the environment needs one", () => {
  const refused = /^Cannot build by it: .* its template ".*" may read secrets; say with --key FILE/;
  const templates = [
    "{{.Env.GITHUB_TOKEN}}",
    "{{ . }}",
    '{{index .Env "X"}}',
    "{{range .}}{{.}}{{end}}",
  ];
  for (const template of templates) {
    assert.throws(() => refusePrograms(record({ labels: { a: `v${template}` } }), "it"), {
      message: refused,
    }, template);
  }
  refusePrograms(record({ labels: { a: "{{.Env.VERSION}} {{.Git.Tag}} {{.IMAGE_TAG}}" } }), "it");
});

Deno.test("recorded build: it holds in the place of the environment, but for what it hides", () => {
  const { options, hidden } = recordedOptions(
    record({
      env: ["API_TOKEN=***", "GOPROXY=https://***@proxy.test", "A=b=c"],
      ldflags: ["-s", "-X main.a=***"],
      kodataTime: 5,
    }, {
      goFlags: "-tags=x",
      settings: {
        "linux/amd64": { GOOS: "linux", GOAMD64: "v3", CGO_ENABLED: "0" },
        "linux/arm/v6": { GOOS: "linux", GOARM: "6", CGO_ENABLED: "0" },
        "linux/arm/v7": { GOOS: "linux", GOARM: "7", CGO_ENABLED: "0" },
      },
    }),
    {
      API_TOKEN: "token",
      PATH: "/bin",
      GOAMD64: "v1",
      GOFLAGS: "-x",
      KO_DEFAULTLDFLAGS: "-s",
      SOURCE_DATE_EPOCH: "1",
    },
  );
  assert.deepEqual(options.environment, {
    API_TOKEN: "token",
    PATH: "/bin",
    GOAMD64: "v3",
    CGO_ENABLED: "0",
    GOFLAGS: "-tags=x",
    KO_DATA_DATE_EPOCH: "5",
  });
  assert.deepEqual(options.artifact?.values.env, ["API_TOKEN=token", "A=b=c"]);
  assert.deepEqual(options.artifact?.values.ldflags, ["-s"]);
  assert.deepEqual(hidden, ["ldflags", "GOPROXY"]);
});
