/**
 * The library as a program uses it: one build into a layout, an archive, a registry, a daemon and
 * memory at once, and images of a daemon as a place to copy from.
 * @module
 */
import assert from "node:assert/strict";
import {
  ArchiveTarget,
  copy,
  type KodenoEvent,
  MemoryStore,
  newBuilder,
  newPublisher,
  openArchive,
  openDaemon,
  openRegistry,
  publishImages,
  verify,
} from "../../mod.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodenoEnvironment } from "../support/kodeno.ts";
import { assertClean } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "library: one publisher fills registry, daemon, archive, layout and memory at once",
  ...needs("root", "dockerd", "docker", "docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir, "app");
    await using registry = await startRegistry();
    await using dockerd = await startDockerd();
    const environment = { ...kodenoEnvironment(), DOCKER_HOST: dockerd.host };

    const memory = new MemoryStore();
    await using archive = new ArchiveTarget(dir.join("given.tar"));
    await using daemon = await openDaemon({ environment });
    await using repository = openRegistry(`${registry.host}/given/app`);
    const options = {
      environment,
      dockerRepo: `${registry.host}/own`,
      baseImportPaths: true,
      push: true,
      ociLayout: dir.join("layout"),
      tarball: dir.join("own.tar"),
      tags: ["v1", "v2"],
    };
    const publisher = newPublisher(options, {
      targets: [
        memory,
        archive,
        { target: daemon, as: (_, tag) => `given:${tag}` },
        { target: repository, as: (_, tag) => tag },
      ],
    });
    const builder = newBuilder({ workingDirectory: dir.path, environment });
    const events: KodenoEvent[] = [];
    const images = await publishImages([], publisher, builder, { emit: (e) => events.push(e) });
    await archive.close();
    await daemon.close();
    await builder.close();

    const [reference = ""] = images.values();
    const name = `${registry.host}/own/app`;
    const digest = reference.slice(`${name}:v1@`.length);
    assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    const image = events.find(({ type }) => type === "image");
    assert.ok(image?.type === "image" && image.references[0] === reference);
    assert.ok(events.some((e) => e.type === "transfer" && e.state === "done" && e.bytes > 1e6));

    assert.equal((await assertClean(dir.join("layout"))).length, 2);
    assert.deepEqual(memory.tags(), [`${name}:v1`, `${name}:v2`]);
    await verify(memory, await memory.resolve(`${name}:v2`));
    for (const path of ["given.tar", "own.tar"]) {
      const written = await openArchive(dir.join(path));
      const root = await written.resolve(`${name}:v2`);
      assert.equal(root.digest, digest);
      await verify(written, root);
    }
    const crane = await goTool("crane");
    for (const there of [`${name}:v1`, `${registry.host}/given/app:v2`]) {
      await succeed(crane, ["validate", "--remote", there]);
      assert.equal((await succeed(crane, ["digest", there])).trim(), digest);
    }
    for (const tag of ["v1", "v2"]) {
      const ran = await dockerd.docker("run", "--rm", "--network", "none", `given:${tag}`);
      assert.equal(ran.code, 0, ran.stderr);
    }
  },
});

Deno.test({
  name: "library: a daemon is a place to copy from, and takes only what it was brought",
  ...needs("root", "dockerd", "docker"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir, "app");
    await using dockerd = await startDockerd();
    const environment = { ...kodenoEnvironment(), DOCKER_HOST: dockerd.host };
    const builder = newBuilder({ workingDirectory: dir.path, environment });
    const local = newPublisher({ environment, local: true, localDomain: "kept.here" });
    const [reference = ""] = (await publishImages([], local, builder)).values();
    await builder.close();
    assert.match(reference, /^kept\.here\/app-/);

    const memory = new MemoryStore();
    {
      await using daemon = await openDaemon({ environment });
      const root = await copy(daemon, reference, memory, { tags: ["back:v1"] });
      await verify(memory, root);
      await assert.rejects(() => daemon.resolve("none:v1"), /Cannot find image "none:v1"/);
      await assert.rejects(() => daemon.tag(root, "again:v1"), /it was not brought there/);
      await copy(memory, root, daemon, { tags: ["again:v1"] });
      await daemon.close();
    }
    const ran = await dockerd.docker("run", "--rm", "--network", "none", "again:v1");
    assert.equal(ran.code, 0, ran.stderr);
  },
});

Deno.test("library: targets alone need no layout", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "app");
  const environment = kodenoEnvironment();
  const memory = new MemoryStore();
  const before = await dir.list();
  const publisher = newPublisher({ environment }, { targets: [memory] });
  const builder = newBuilder({ workingDirectory: dir.path, environment });
  const here = Deno.cwd();
  Deno.chdir(dir.path);
  try {
    await publishImages([], publisher, builder);
    await builder.close();
  } finally {
    Deno.chdir(here);
  }
  assert.deepEqual(await dir.list(), before);
  assert.deepEqual(memory.tags(), ["app:latest"]);
});

Deno.test({
  name: "library: a provider of credentials serves base images and pushes, too",
  ...needs("docker-registry", "openssl"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir, "app");
    await using registry = await startSecuredRegistry({ password: true, tls: true });
    const asked = new Set<string>();
    const reached = {
      environment: { ...kodenoEnvironment(), DOCKER_CONFIG: dir.path },
      caCerts: [registry.ca],
      retry: { baseMs: 1, attempts: 2 },
      connectMs: 20_000,
      credentials: (host: string) => {
        asked.add(host);
        return Promise.resolve({ kind: "password", username: USER, password: PASSWORD } as const);
      },
    };
    const publish = async (dockerRepo: string, baseImage: string, more = {}) => {
      const options = { ...reached, dockerRepo, bare: true, push: true, ...more };
      const publisher = newPublisher(options);
      const builder = newBuilder({ workingDirectory: dir.path, baseImage, ...options });
      try {
        return await publishImages([], publisher, builder);
      } finally {
        await builder.close();
      }
    };
    const base = `${registry.host}/base`;
    await publish(base, "scratch");
    const [reference = ""] = (await publish(`${registry.host}/app`, base)).values();
    await using store = openRegistry(`${registry.host}/app`, reached);
    const root = await store.resolve("latest");
    assert.equal(reference, `${registry.host}/app:latest@${root.digest}`);
    await verify(store, root);
    assert.deepEqual([...asked], [registry.host]);
    // One that has none is told so, and not asked of Docker's files.
    const none = { credentials: () => Promise.resolve(undefined) };
    await failsWith("UNAUTHORIZED", () => publish(`${registry.host}/app`, "scratch", none));
  },
});
