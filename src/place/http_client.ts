/**
 * Clients for the runtime's `fetch`. The runtime reads the proxy variables of the process on its own
 * when it makes one, by rules of its own; what counts here is what a caller gave.
 * @module
 */

const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/** A client that goes through a proxy only where the options name one. */
export function newHttpClient(options: Deno.CreateHttpClientOptions): Deno.HttpClient {
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()]);
  const present = names.map((name) => [name, Deno.env.get(name)] as const)
    .filter(([, value]) => value !== undefined);
  // Nothing is waited for in between, so that nobody else sees them gone.
  for (const [name] of present) Deno.env.delete(name);
  try {
    return Deno.createHttpClient(options);
  } finally {
    for (const [name, value] of present) Deno.env.set(name, value ?? "");
  }
}
