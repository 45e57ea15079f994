/**
 * What somebody may show to a registry, and where that comes from.
 * @module
 */

/** A proof of who somebody is. */
export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** Exchanged for access tokens (OAuth 2 refresh token; Docker's "identity token"). */
  | { readonly kind: "identity"; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: "bearer"; readonly token: string };

/**
 * Finds the credential for a registry; undefined to stay anonymous.
 *
 * @param registry host and port; `docker.io` for Docker Hub
 * @param path the repository, since podman keeps credentials for parts of a registry
 */
export type CredentialProvider = (
  registry: string,
  path: string,
) => Promise<Credential | undefined>;

/** The value of an `Authorization` header for HTTP's basic authentication, in UTF-8 (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}
