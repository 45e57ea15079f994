/**
 * Clients for the runtime's `fetch`. The runtime reads the proxy variables of the process on its own
 * when it makes one, by rules of its own; what counts here is what a caller gave.
 * @module
 */

const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/** What `fetch` takes; a program whose types of it are those of browsers would know no `client`. */
export type HttpInit = RequestInit & { readonly client: Deno.HttpClient };

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

/**
 * A client that trusts the system's certificates, too, which are in texts of PEM. A single one that the
 * runtime cannot use would keep the client from being made, and systems have odd ones: those do not
 * count.
 */
export function newTlsClient(
  options: Deno.CreateHttpClientOptions,
  system: readonly string[],
): Deno.HttpClient {
  const { caCerts = [] } = options;
  const trusting = (certs: readonly string[]) =>
    newHttpClient({ ...options, caCerts: [...caCerts, ...certs] } as Deno.CreateHttpClientOptions);
  try {
    return trusting(system);
  } catch {
    return trusting(system.flatMap(pemCertificates).filter(isUsable));
  }
}

/** The certificates in a text of PEM. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}

function isUsable(cert: string): boolean {
  try {
    newHttpClient({ caCerts: [cert] }).close();
    return true;
  } catch {
    return false;
  }
}
