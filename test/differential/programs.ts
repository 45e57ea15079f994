/**
 * Real programs at pinned versions, from Go's module proxy, each copied into a work folder where it
 * can be built and added to.
 * @module
 */
import { join } from "node:path";
import { succeed } from "../support/process.ts";
import { addKodata } from "./kodata.ts";

/** Main packages of one module, built together. */
export interface Program {
  /** `PATH@VERSION`, as `go mod download` takes it. */
  readonly module: string;
  /** What ko and kodeno are told to build, from the module's folder. */
  readonly patterns: readonly string[];
  readonly importPaths: readonly string[];
  /** Makes the copy of the module what the test wants. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** The module lies in a subfolder of a git repository, and kodeno is called from its top. */
  readonly subfolder?: string;
}

/** The programs that are compared for all platforms. */
export const PROGRAMS: readonly Program[] = [
  {
    module: "github.com/google/go-containerregistry@v0.22.1",
    patterns: ["./cmd/crane", "./cmd/registry"],
    importPaths: [
      "github.com/google/go-containerregistry/cmd/crane",
      "github.com/google/go-containerregistry/cmd/registry",
    ],
  },
  {
    module: "github.com/rakyll/hey@v0.1.5",
    patterns: ["."],
    importPaths: ["github.com/rakyll/hey"],
    prepare: addKodata,
  },
  // ko's own test program, with the kodata that came with it.
  {
    module: "github.com/google/ko@v0.19.1",
    patterns: ["./test"],
    importPaths: ["github.com/google/ko/test"],
  },
  {
    module: "mvdan.cc/sh/v3@v3.14.1",
    patterns: ["./cmd/shfmt"],
    importPaths: ["mvdan.cc/sh/v3/cmd/shfmt"],
    subfolder: "tools/sh",
  },
  // Two programs of one name, the second one out of a module that the first depends on.
  {
    module: "github.com/golang/protobuf@v1.5.4",
    patterns: ["./protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go"],
    importPaths: [
      "github.com/golang/protobuf/protoc-gen-go",
      "google.golang.org/protobuf/cmd/protoc-gen-go",
    ],
  },
  // go names the second binary "tomlv", too, and ko names it "v2"; the path has capitals.
  {
    module: "github.com/BurntSushi/toml@v1.6.0",
    patterns: ["./cmd/tomlv", "./cmd/tomlv/v2"],
    importPaths: [
      "github.com/BurntSushi/toml/cmd/tomlv",
      "github.com/BurntSushi/toml/cmd/tomlv/v2",
    ],
    prepare: (folder) => copyFolder(join(folder, "cmd/tomlv"), join(folder, "cmd/tomlv/v2")),
  },
  {
    module: "golang.org/x/tools@v0.52.0",
    patterns: ["golang.org/x/tools/cmd/stringer"],
    importPaths: ["golang.org/x/tools/cmd/stringer"],
  },
  {
    module: "mvdan.cc/gofumpt@v0.12.0",
    patterns: ["mvdan.cc/gofumpt"],
    importPaths: ["mvdan.cc/gofumpt"],
  },
];

/** The one that is quickest to build, for what is not about the program. */
export const SMALL = "github.com/BurntSushi/toml@v1.6.0";

/** Brings a module and copies it into a folder, which is made. */
export async function bringModule(module: string, folder: string): Promise<void> {
  const printed = await succeed("go", ["mod", "download", "-json", module]);
  const { Dir } = JSON.parse(printed) as { Dir: string };
  await copyFolder(Dir, folder);
}

/** Copies a folder, writable, since the module cache is not. */
async function copyFolder(from: string, to: string): Promise<void> {
  // Listed before anything is made: a folder may be copied into itself.
  const entries = await Array.fromAsync(Deno.readDir(from));
  await Deno.mkdir(to, { recursive: true });
  for (const { name, isDirectory } of entries) {
    // What ko is told by a file of its own is not the matter here.
    if (name === ".ko.yaml") continue;
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) await copyFolder(source, target);
    else {
      await Deno.copyFile(source, target);
      await Deno.chmod(target, 0o644);
    }
  }
}
