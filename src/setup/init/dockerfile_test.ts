import assert from "node:assert/strict";
import { readDockerBuild, UnsupportedDockerfile } from "./dockerfile.ts";

const FOLDERS = new Set(["", "cmd", "cmd/app", "internal"]);
const read = (text: string) => readDockerBuild(text, (path) => FOLDERS.has(path));

const END = `
FROM gcr.io/distroless/static
COPY --from=build /bin/app /app
ENTRYPOINT ["/app"]
`;
const build = (...lines: readonly string[]): string =>
  `FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\n${lines.join("\n")}${END}`;

Deno.test("dockerfile: a build in stages becomes a main package with its flags", () => {
  const found = read(`# syntax=docker/dockerfile:1
ARG GO=1.26
FROM --platform=$BUILDPLATFORM golang:\${GO} AS deps
ARG TARGETOS TARGETARCH
ENV GOFLAGS=-mod=readonly GOPATH=/go HOME=/root
WORKDIR /workspace
COPY go.mod go.mod
COPY go.sum go.sum
RUN --mount=type=cache,target=/root/.cache go mod download && go mod verify
FROM deps as build
COPY cmd/app/main.go cmd/app/main.go
COPY internal/ internal/
RUN CGO_ENABLED=0 GOOS=\${TARGETOS:-linux} GOARCH=$TARGETARCH \\
  # in the middle

  go build -v -a -trimpath -tags 'netgo osusergo' --ldflags="-s -w -X 'main.v=a b'" \\
    -o manager cmd/app/main.go
FROM golang AS test
RUN make test
FROM gcr.io/distroless/static:nonroot
LABEL org.opencontainers.image.title="An App" x=y
ENV MODE=fast WORDS="a  b"
ENV LEVEL=$MODE-1
WORKDIR /
COPY --from=build --chown=1:1 /workspace/manager .
USER 65532:65532
EXPOSE 8080 53/UDP
ENTRYPOINT ["/manager", "--serve"]
CMD ["--fast"]
`);
  assert.deepEqual(found, {
    base: "gcr.io/distroless/static:nonroot",
    user: "65532:65532",
    expose: ["8080", "53/udp"],
    labels: { "org.opencontainers.image.title": "An App", x: "y" },
    imageEnv: { MODE: "fast", WORDS: "a  b", LEVEL: "fast-1" },
    entrypointArgs: ["--serve", "--fast"],
    main: "cmd/app/main.go",
    go: {
      env: ["GOFLAGS=-mod=readonly"],
      flags: ["-tags=netgo osusergo"],
      ldflags: ["-s -w -X 'main.v=a b'"],
    },
    notes: [
      "the arguments of its CMD follow those of its ENTRYPOINT: a run cannot replace them",
    ],
  });
});

Deno.test("dockerfile: where the package is, however it is named", () => {
  const cases: readonly (readonly [run: string, main: string])[] = [
    ["RUN go build -o /bin/app .", ""],
    ["RUN go build -o /bin/app", ""],
    ["RUN go build -o /bin/ ./cmd/app", "cmd/app"],
    ["RUN go build -C cmd/app -o=/bin/app", "cmd/app"],
    ["WORKDIR cmd/app\nRUN go build -o /bin/app", "cmd/app"],
    ["RUN go build -o /bin/app /src/cmd/app", "cmd/app"],
    ['RUN ["go", "build", "-o", "/bin/app", "./cmd/app"]', "cmd/app"],
    ["ARG P=./cmd/app\nRUN go build -o /bin/app $P", "cmd/app"],
    ["ARG P='-v ./cmd/app'\nRUN go build -o /bin/app $P; go mod verify", "cmd/app"],
    ["COPY cmd cmd\nCOPY go.* cmd/app/main.go ./cmd/\nRUN go build -o /bin/app", "?"],
    ["COPY cmd ./cmd/\nRUN go build -o /bin/app ./cmd/app/main.go", "cmd/app/main.go"],
  ];
  for (const [run, main] of cases) {
    if (main !== "?") assert.equal(read(build(run)).main, main, run);
    else assert.throws(() => read(build(run)), /another place than in the context/, run);
  }
});

Deno.test("dockerfile: what else it does leaves it alone, and the reason says where", () => {
  const last = (...lines: readonly string[]): string =>
    build("RUN go build -o /bin/app").replace(/ENTRYPOINT.*\n/, `${lines.join("\n")}\n`);
  const cases: readonly (readonly [text: string, why: RegExp, line?: number])[] = [
    ["", /one stage/],
    ["RUN x\nFROM y", /before the first FROM/, 1],
    ["# escape=`\nFROM x", /escape character/],
    ['FROM golang\nCOPY . .\nRUN go build -o /app\nENTRYPOINT ["/app"]', /one stage/],
    ['FROM a\nFROM x\nCOPY --from=build /a /a\nCMD ["/a"]', /build, which is no stage/],
    [build("RUN apk add git && go build -o /bin/app"), /runs apk add/, 4],
    [build("RUN go test ./... && go build -o /bin/app"), /runs go test/, 4],
    [build("RUN go generate", "RUN go build -o /bin/app"), /runs go generate/, 4],
    [build("RUN make"), /runs make/, 4],
    [build("RUN go build -o /bin/other"), /no go build in it makes \/bin\/app/],
    [build("RUN go build -o /bin/ ./cmd/..."), /builds several programs/, 4],
    [build("RUN go build -o /bin/app a.go b.go"), /builds several programs/, 4],
    [build("RUN CGO_ENABLED=1 go build -o /bin/app"), /cgo/, 4],
    [build("RUN go build -race -o /bin/app"), /-race needs cgo/, 4],
    [build("RUN go build -toolexec x -o /bin/app"), /-toolexec/, 4],
    [build("RUN GOOS=windows go build -o /bin/app"), /builds for windows/, 4],
    [build('RUN go build -ldflags "-X v=$(git describe)" -o /bin/app'), /output of a command/, 4],
    [build('RUN go build -ldflags "-X v=`x`" -o /bin/app'), /output of a command/, 4],
    [build("RUN go build -o /bin/app | cat"), /uses \|/, 4],
    [build("RUN go build -o /bin/app || true"), /uses \|/, 4],
    [build("RUN if true; then go build; fi"), /runs if true/, 4],
    [
      build("ARG V", 'RUN go build -ldflags "-X v=$V" -o /bin/app'),
      /uses V, which it does not set/,
    ],
    [build("RUN go build -tags $TAGS -o /bin/app"), /TAGS, which it does not set/],
    [build("RUN <<EOF\ngo build\nEOF"), /here-document/, 4],
    [
      build("ARG TARGETARCH", "RUN go build -tags $TARGETARCH -o /bin/app"),
      /differs by platform/,
      5,
    ],
    [build("COPY --from=node /x /x", "RUN go build -o /bin/app"), /copies from node/, 4],
    [build("ADD https://x.example/y .", "RUN go build -o /bin/app"), /build uses ADD/, 4],
    [build("RUN cd cmd && go build -o /bin/app"), /runs cd cmd/, 4],
    [build("RUN --mount=target=. go build -o /bin/app"), /RUN uses --mount=target=\./, 4],
    [build("RUN go build -o /bin/app example.com/x/cmd/app"), /cmd\/app, which is no folder/, 4],
    [build("RUN GOARCH=arm64 go build -o /bin/app"), /builds for \/arm64/, 4],
    [build("RUN go build -o /bin/app ./cmd/*"), /shell command uses \.\/cmd\/\*/, 4],
    [build("RUN go build -o /bin/app # x"), /shell command uses #/, 4],
    [build("ENV A b", "RUN go build -o /bin/app"), /ENV has no "="/, 4],
    [build("COPY cmd .", "RUN go build -o /bin/app"), /has cmd at \/src, another place/, 4],
    [build('RUN go build -o "/bin/app'), /quote without an end/, 4],
    [build('SHELL ["/bin/bash"]', "RUN go build -o /bin/app"), /SHELL/, 4],
    [last("RUN x", 'CMD ["/app"]'), /last stage uses RUN/],
    [last('SHELL ["sh"]', 'CMD ["/app"]'), /last stage uses SHELL; .*from its base/],
    [last("ENV A b", 'CMD ["/app"]'), /its ENV has no "="/],
    [last("ENV PATH=/x:$PATH", 'CMD ["/app"]'), /uses PATH, which it does not set/],
    [last("COPY static /static", 'CMD ["/app"]'), /copies static into the image; .*kodata/],
    [last("COPY --from=build /etc/ssl /etc/ssl", 'CMD ["/app"]'), /more than the binary/],
    [last("HEALTHCHECK NONE", 'CMD ["/app"]'), /HEALTHCHECK/],
    [last("VOLUME /data", 'CMD ["/app"]'), /VOLUME/],
    [last("EXPOSE 1-9", 'CMD ["/app"]'), /no single port/],
    [last("ENTRYPOINT /app"), /needs a shell/],
    [last('ENTRYPOINT ["/tini", "--", "/app"]'), /starts \/tini/],
    [last("CMD [1]"), /no list of texts/],
    [last(""), /does not say what to start/],
    [last("NONSENSE x", 'CMD ["/app"]'), /last stage uses NONSENSE/],
  ];
  for (const [text, why, line] of cases) {
    assert.throws(() => read(text), (error) => {
      assert.ok(error instanceof UnsupportedDockerfile, `${text}\n${error}`);
      assert.match(error.message, why, text);
      if (line !== undefined) assert.equal(error.line, line, text);
      return true;
    }, text);
  }
});

Deno.test("dockerfile: no text brings the reader down", () => {
  const parts = ["FROM a", "as b\n", "RUN ", "go build", "\\\n", '"', "'", "$", "${", "$X", "\n"];
  const more = [
    "COPY --from=b ",
    "/x",
    "&&",
    ";",
    "#",
    "[",
    "]",
    "{",
    "\t",
    "--mount=",
    "ARG A=1\n",
  ];
  let seed = 7;
  const random = (below: number): number => (seed = seed * 48271 % 2147483647) % below;
  const all = [...parts, ...more];
  for (let i = 0; i < 3000; i++) {
    const text = Array.from({ length: random(14) + 1 }, () => all[random(all.length)]).join("");
    try {
      read(`FROM golang AS b\n${text}${END}`);
    } catch (error) {
      assert.ok(error instanceof UnsupportedDockerfile, `${JSON.stringify(text)}: ${error}`);
    }
  }
});
