/**
 * Behind `deno task quickstart`: builds examples/hello for two platforms into out/ and says what is
 * there and what can be done with it.
 * @module
 */
import { fileURLToPath } from "node:url";
import { openLayout, verify } from "../mod.ts";
import { imageName } from "../src/oci/entries.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const platforms = ["--platform", "linux/amd64,linux/arm64"];
const args = ["build", "./examples/hello", ...platforms, "--sbom", "spdx"];
console.error(`$ kodeno ${args.join(" ")}`);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", "--no-prompt", "cli.ts", ...args, "--oci-layout", "out"],
  cwd: root,
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).output();
if (code === 0) {
  const layout = await openLayout(`${root}out`);
  const entries = await layout.entries();
  const named = entries.filter((entry) => imageName(entry) !== undefined);
  for (const entry of named) {
    const { blobs, bytes } = await verify(layout, entry);
    const name = imageName(entry);
    console.error(
      `out/ holds ${name}: ${blobs} blobs, ${(bytes / 1e6).toFixed(1)} MB, all verified`,
    );
  }
  console.error(`and beside them ${entries.length - named.length} SBOMs of what they are made of`);
  console.error(`
What next, with kodeno as the binary that "npx -y deno@2.9.6 task compile" makes, or
  alias kodeno='npx -y deno@2.9.6 run -A ${root}cli.ts'

  # see what it is made of, as scanners do
  kodeno sbom out --platform linux/amd64

  # run it in Docker, and see http://localhost:8080/
  kodeno load out
  docker run --rm -p 8080:8080 hello:latest

  # push it to a registry
  kodeno push out --to REGISTRY/TEAM

  # be a registry that others pull it from
  kodeno serve out

  # build your own
  kodeno build PATH/TO/MAIN/PACKAGE`);
}
Deno.exit(code);
