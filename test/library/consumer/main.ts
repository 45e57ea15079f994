/**
 * A program of somebody else: builds the module in the folder that it is given, and moves the image
 * into a place of its own. `consumer_test.ts` puts it beside kodeno, with no other configuration than
 * the one that is here.
 * @module
 */
import {
  copy,
  type Descriptor,
  type Emit,
  KodenoError,
  MemoryStore,
  newBuilder,
  newPublisher,
  type OpenBlob,
  openLayout,
  openRegistry,
  publishImages,
  type Target,
  verify,
} from "@kodeno/kodeno";

/** Counts what it is given. */
class Counter implements Target {
  readonly memory = new MemoryStore();
  blobs = 0;

  has(descriptor: Descriptor): Promise<boolean> {
    return this.memory.has(descriptor);
  }

  async push(descriptor: Descriptor, open: OpenBlob): Promise<void> {
    await this.memory.push(descriptor, open);
    this.blobs++;
  }

  async tag(descriptor: Descriptor, ref: string): Promise<void> {
    await this.memory.tag(descriptor, ref);
  }
}

const [folder = ".", layout = "out"] = Deno.args;
const said = new Set<string>();
const emit: Emit = ({ type }) => void said.add(type);

const builder = newBuilder({ workingDirectory: folder, platforms: ["linux/amd64", "linux/arm64"] });
const publisher = newPublisher({ ociLayout: layout, tags: ["v1"] });
const images = await publishImages(["."], publisher, builder, { emit });
await builder.close();

const counter = new Counter();
for (const [importPath, reference] of images) {
  const name = reference.replace(/@.*/, "");
  const root = await copy(await openLayout(layout), name, counter, { tags: [name] });
  const { blobs } = await verify(counter.memory, root);
  console.log(importPath, reference, counter.blobs === blobs, [...said].sort().join());
}

try {
  await using registry = openRegistry("localhost:1/none", { retry: { attempts: 1 } });
  await copy(registry, "latest", counter);
} catch (error) {
  console.log(error instanceof KodenoError ? error.code : error);
}
