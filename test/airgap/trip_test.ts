/**
 * The trip of examples/airgap/README.md, as docs/airgap.md tells it: the scripts that a person can follow,
 * run stage by stage with the binary, on two networks without a route between them.
 * @module
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { startDockerd } from "../parts/dockerd.ts";
import { needs, searchPath } from "../parts/tools.ts";
import { kodenoBinary, kodenoEnvironment, ROOT } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

const EXAMPLE = `${ROOT}examples/airgap`;
const SCRIPTS = ["outside.sh", "inside.sh", "consumer.sh", "outside-again.sh", "trip.sh"];
const DOCKER = ["dockerd", "docker"];

/** Commands of a script, without what shells need to go on at the next line. */
function commandsOf(script: string): readonly string[] {
  return script.replaceAll(/ \\\n\s*/g, " ").split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

Deno.test("airgap: the commands of the chapter are those of the scripts", async () => {
  const texts = await Promise.all(SCRIPTS.map((one) => Deno.readTextFile(`${EXAMPLE}/${one}`)));
  const run = new Set(texts.flatMap(commandsOf));
  const chapter = await Deno.readTextFile(`${ROOT}docs/airgap.md`);
  const told = [...chapter.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, text = ""]) =>
    commandsOf(text)
  );
  assert.ok(told.length >= 15, `${told.length}`);
  assert.deepEqual(told.filter((line) => !run.has(line)), []);
});

Deno.test({
  name: "airgap: the trip there and back, with no network between",
  ...needs("root", "binary", "ip", "docker-registry", "skopeo", "podman", ...DOCKER),
  async fn(t) {
    await using dir = await tempDir();
    // Another user has to come to what is in it.
    await Deno.chmod(dir.path, 0o755);
    const env: Record<string, string> = {
      ...kodenoEnvironment(),
      TRIP: dir.join(`trip-${crypto.randomUUID().slice(0, 8)}`),
      KODENO: resolve(kodenoBinary() ?? ""),
      PATH: searchPath().join(":"),
    };
    const script = async (...words: string[]) => {
      const { code, stdout, stderr } = await run("sh", [`${EXAMPLE}/trip.sh`, ...words], { env });
      return { code, said: `${stderr}${stdout}` };
    };
    let isWhole = true;
    let all = "";
    const step = async (name: string, work: () => Promise<void>) => {
      // What comes after a stage that failed would only say so again.
      if (isWhole) isWhole = await t.step(name, work);
    };
    const stage = (name: string, ...expected: readonly RegExp[]) =>
      step(name, async () => {
        const { code, said } = await script(name);
        assert.equal(code, 0, said);
        for (const one of expected) assert.match(said, one);
        all += said;
      });
    try {
      await stage("begin", /Cannot .*localhost:5000/, /Cannot .*192\.0\.2\.1:5000/);
      const words = async () =>
        (await Deno.readTextFile(`${env["TRIP"]}/inside.words`)).trim().split(" ");
      await step("networks", async () => {
        const isNamed = (await words()).some((word) => word.includes("/run/netns/"));
        console.log(`two networks by ${isNamed ? "ip netns" : "unshare --net"}`);
      });
      await stage("outside", /app\.bundle\.tar\.000/, /2 images, 1 base,.* go\S+ linux\/amd64/);
      await stage("carry", /app\.bundle\.tar\.002 is damaged/);
      await stage(
        "inside",
        /no key that was given has signed it/,
        /Next step: export PATH=/,
        /Left out \d+ blobs? .*, which have to be there/,
      );
      await step("consumer", async () => {
        await using dockerd = await startDockerd({ within: await words() });
        env["DOCKER_HOST"] = dockerd.host;
        const { code, said } = await script("consumer");
        assert.equal(code, 0, said);
        assert.match(said, /^Hello from inside$/m);
        assert.match(said, /^before any of it was used\.$/m);
        all += said;
      });
      await stage("back", /provenance of notice/, /spdx sbom of notice/);
      await step("what the chapter shows was said", async () => {
        const chapter = await Deno.readTextFile(`${ROOT}docs/airgap.md`);
        const shown = [...chapter.matchAll(/^```text\n(.*?)^```$/gms)]
          .flatMap(([, text = ""]) => text.trim().split("\n"));
        const said = all.split("\n");
        const missing = shown.filter((line) => {
          const [first = "", ...rest] = line.split("...").map((one) =>
            one.replaceAll(/[^\w\s]/g, "\\$&")
          );
          const pattern = new RegExp(`^${[first, ...rest].join(".*")}$`);
          return !said.some((one) => pattern.test(one));
        });
        assert.deepEqual(missing, []);
      });
    } finally {
      const { code, said } = await script("end");
      assert.equal(code, 0, said);
    }
  },
});
