/**
 * kubectl for tests: a recorder under its name, that keeps what it was given; and the part of a
 * Kubernetes API server that the real kubectl needs to apply and create ConfigMaps. Real clusters
 * need more than a test machine has.
 * @module
 */
import type { TempDir } from "../support/temp.ts";

/** A recorder, and what it was given. */
export interface Recorder {
  /** `PATH` with the recorder first. */
  readonly path: string;
  /** Arguments of each run, in their order. */
  runs(): Promise<readonly (readonly string[])[]>;
  /** The standard input of a run, by its number. */
  input(run: number): Promise<string>;
}

/** Makes a recorder that ends with an exit code. */
export async function recordKubectl(dir: TempDir, code = 0): Promise<Recorder> {
  const home = dir.join("kubectl-runs");
  await Deno.mkdir(home, { recursive: true });
  // Arguments end with NUL, which none of them can hold.
  const script = `#!/bin/sh
n=$(ls ${home} | grep -c args)
cat > ${home}/$n.input
printf '%s\\0' "$@" > ${home}/$n.half
mv ${home}/$n.half ${home}/$n.args
echo "kubectl was here"
exit ${code}
`;
  const file = await dir.write("kubectl-bin/kubectl", script);
  await Deno.chmod(file, 0o755);
  return {
    path: `${dir.join("kubectl-bin")}:${Deno.env.get("PATH")}`,
    runs: async () => {
      const files = (await dir.list("kubectl-runs")).filter((name) => name.endsWith(".args"));
      const texts = files.map((_, i) => Deno.readTextFile(`${home}/${i}.args`));
      return (await Promise.all(texts)).map((text) => text.split("\0").slice(0, -1));
    },
    input: (run) => Deno.readTextFile(`${home}/${run}.input`),
  };
}

/** An API server that knows ConfigMaps. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  /** What was made, by name. */
  readonly made: ReadonlyMap<string, Record<string, unknown>>;
}

const RESOURCES = [{
  name: "configmaps",
  singularName: "configmap",
  namespaced: true,
  kind: "ConfigMap",
  verbs: ["create", "get", "list", "patch"],
}];

/** Starts it on loopback. */
export function startApiServer(): ApiServer {
  const made = new Map<string, Record<string, unknown>>();
  const json = (body: unknown, status = 200): Response => Response.json(body, { status });
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/version") return json({ major: "1", minor: "32", gitVersion: "v1.32.0" });
    if (pathname === "/api") return json({ kind: "APIVersions", versions: ["v1"] });
    if (pathname === "/apis") return json({ kind: "APIGroupList", apiVersion: "v1", groups: [] });
    if (pathname === "/api/v1") {
      return json({ kind: "APIResourceList", groupVersion: "v1", resources: RESOURCES });
    }
    const [, name] = /\/configmaps(?:\/([^/]+))?$/.exec(pathname) ?? [];
    if (request.method === "POST" && pathname.endsWith("/configmaps")) {
      const object = await request.json() as { metadata: { name: string } };
      made.set(object.metadata.name, object);
      return json(object, 201);
    }
    const found = name === undefined ? undefined : made.get(name);
    if (found !== undefined) return json(found);
    return json({ kind: "Status", status: "Failure", reason: "NotFound", code: 404 }, 404);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    made,
    [Symbol.asyncDispose]: async () => await server.shutdown(),
  };
}
