/**
 * kubeconform, which checks manifests by the schemas of Kubernetes and Tekton. Those of Kubernetes
 * come with a package of Python, and Tekton's with its Go module.
 * @module
 */
import { join } from "node:path";
import { type Outcome, run, succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { pip } from "./python.ts";
import { goTool, keptFolder } from "./tools.ts";

const KUBERNETES = "1.37.0";
const TEKTON = "v1.0.0";
/** What Tekton's schema describes as Go has it, not as it is written: a text, a list or a map. */
const ANYTHING = ["v1.ParamValue"];
/** Kinds of Tekton that are checked. */
const TEKTON_KINDS = ["Pipeline", "PipelineRun", "Task", "TaskRun"];
/** Unpacks one folder of a zip: the package has those of all versions. */
const UNPACK = `import sys, zipfile
archive, below, to = sys.argv[1:]
with zipfile.ZipFile(archive) as z:
    z.extractall(to, [name for name in z.namelist() if name.startswith(below + "/")])`;

interface Schema {
  $id?: string;
  $ref?: string;
  additionalProperties?: boolean;
  readonly properties?: unknown;
}
type Schemas = Record<string, Schema>;

/** Checks manifests; what the schemas do not know is wrong in them, too. */
export async function kubeconform(...files: readonly string[]): Promise<Outcome> {
  const schemas = await keptFolder(`schemas-${KUBERNETES}-tekton-${TEKTON}`, writeSchemas);
  const location = join(schemas, "{{.ResourceKind}}{{.KindSuffix}}.json");
  return await run(await goTool("kubeconform"), [
    "-strict",
    "-schema-location",
    location,
    ...files,
  ]);
}

async function writeSchemas(folder: string): Promise<void> {
  await using dir = await tempDir();
  await pip("download", "--no-deps", "--dest", dir.path, `kubernetes-validate==${KUBERNETES}`);
  const [wheel = ""] = await dir.list();
  const below = `kubernetes_validate/kubernetes-json-schema/v${KUBERNETES}-local-strict`;
  await succeed("python3", ["-c", UNPACK, dir.join(wheel), below, dir.path]);
  for (const name of await dir.list(below)) {
    const text = await Deno.readTextFile(dir.join(below, name));
    const schema = JSON.parse(text.replaceAll('"/api/_definitions', '"_definitions')) as Schema;
    // Another place than that of the file, which what it refers to lies beside.
    delete schema.$id;
    await Deno.writeTextFile(join(folder, name), JSON.stringify(schema));
  }
  const { $defs: core } = JSON.parse(await Deno.readTextFile(join(folder, "_definitions.json")));
  const tekton = JSON.stringify({ $defs: await tektonSchemas(core) });
  await Deno.writeTextFile(join(folder, "_tekton.json"), tekton);
  for (const kind of TEKTON_KINDS) {
    const schema = JSON.stringify({ $ref: `_tekton.json#/$defs/v1.${kind}` });
    await Deno.writeTextFile(join(folder, `${kind.toLowerCase()}-tekton-v1.json`), schema);
  }
}

/** Tekton's schemas, which leave out those of Kubernetes. */
async function tektonSchemas(core: Schemas): Promise<Schemas> {
  const module = `github.com/tektoncd/pipeline@${TEKTON}`;
  const { Dir } = JSON.parse(await succeed("go", ["mod", "download", "-json", module]));
  const file = join(Dir, "pkg", "apis", "pipeline", "v1", "swagger.json");
  const { definitions } = JSON.parse(await Deno.readTextFile(file)) as { definitions: Schemas };
  const { $defs } = JSON.parse(JSON.stringify({ $defs: definitions }), (key, value) => {
    if (key !== "$ref") return value;
    const name = String(value).replace("#/definitions/", "");
    if (name in definitions) return `#/$defs/${name}`;
    const kubernetes = ["io.k8s.api.core.", "io.k8s.apimachinery.pkg.apis.meta."]
      .map((before) => `${before}${name}`).find((name) => name in core);
    return kubernetes ? `_definitions.json#/$defs/${kubernetes}` : "#/$defs/unknown";
  }) as { $defs: Schemas };
  for (const schema of Object.values($defs)) {
    if (schema.properties !== undefined) schema.additionalProperties = false;
  }
  return { ...$defs, ...Object.fromEntries([...ANYTHING, "unknown"].map((name) => [name, {}])) };
}
