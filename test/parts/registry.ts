/**
 * A real registry for one test: Debian's docker-registry on a free port of 127.0.0.1, with a
 * storage folder that goes away with it.
 * @module
 */
import { get } from "node:http";
import { join } from "node:path";
import { rootTool, startDaemon } from "./tools.ts";

/** A registry that answers at `host` until it is stopped. */
export interface Registry extends AsyncDisposable {
  /** Host and port, as image references name them. */
  readonly host: string;
  /** The folder of its storage, for tests that look at what it keeps. */
  readonly storage: string;
  /** Ends it and removes its storage. */
  stop(): Promise<void>;
}

/** Starts a registry; needs the part "docker-registry". */
export async function startRegistry(): Promise<Registry> {
  const path = rootTool("docker-registry");
  if (!path) throw new Error("docker-registry is not on PATH");
  const root = await Deno.makeTempDir({ prefix: "kodeno-registry-" });
  const remove = () => Deno.remove(root, { recursive: true });
  try {
    const storage = join(root, "storage");
    const config = join(root, "config.yml");
    await Deno.writeTextFile(config, configuration(storage));
    const daemon = await startDaemon(path, ["serve", config], async (log) => {
      const host = log.match(/listening on (127\.0\.0\.1:\d+)/)?.[1];
      return host && await answers(host) ? host : undefined;
    });
    let ending: Promise<void> | undefined;
    const stop = () => ending ??= daemon.stop().then(remove);
    return { host: daemon.ready, storage, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Port 0: the registry takes a free one and logs it, so no other process can be faster. Unless told so,
 * it refuses manifests that say the URLs of layers.
 */
function configuration(storage: string): string {
  return `version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${JSON.stringify(storage)} }, delete: { enabled: true } }
http: { addr: "127.0.0.1:0" }
validation: { manifests: { urls: { allow: [".*"] } } }
`;
}

/** `node:http`, since `fetch` would ask the proxy that the environment may name. */
function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`http://${host}/v2/`, { agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
    });
    request.on("error", () => resolve(false));
  });
}
