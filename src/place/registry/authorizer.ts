/**
 * Says who is asking, to one registry: finds out on its first refusal what it wants, then keeps a
 * token for each repository and action till it runs out.
 * @module
 */
import { type Challenge, parseChallenges, type Scope, scopeText } from "./auth_challenge.ts";
import { basicAuthorization, type Credential } from "./credential.ts";
import { fetchToken, type Token } from "./token.ts";
import type { Transport } from "./transport.ts";

/** Knows how to authenticate to one registry. */
export class Authorizer {
  readonly #transport: Transport;
  readonly #base: URL;
  readonly #find: (path: string) => Promise<Credential | undefined>;
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;

  /**
   * @param base the registry's root URL
   * @param find finds the credential for a repository
   */
  constructor(
    transport: Transport,
    base: URL,
    find: (path: string) => Promise<Credential | undefined>,
  ) {
    this.#transport = transport;
    this.#base = base;
    this.#find = find;
  }

  /** Whether there is a credential for a repository. */
  async isKnown(path: string): Promise<boolean> {
    return (await this.#credential(path)) !== undefined;
  }

  /**
   * The `Authorization` header for a request, undefined when none is known to be needed.
   *
   * @param scopes what the request does; the first is of the repository whose credential is used
   */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    const [first] = scopes;
    if (challenge === undefined || first === undefined) return undefined;
    const credential = await this.#credential(first.path);
    if (credential?.kind === "bearer") return `Bearer ${credential.token}`;
    if (challenge.scheme === "basic") {
      if (credential?.kind !== "password") return undefined;
      return basicAuthorization(credential.username, credential.password);
    }
    const token = await this.#token(challenge, scopes, credential, signal);
    return `Bearer ${token.value}`;
  }

  /**
   * Takes the refusal (401) of a request; then {@link header} may give what works.
   *
   * @param sent the header that was refused
   * @param header `WWW-Authenticate`
   * @returns whether it is worth trying again
   */
  async refused(
    scopes: readonly Scope[],
    sent: string | undefined,
    header: string | null,
  ): Promise<boolean> {
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme, parameters }) =>
      scheme === "bearer" && parameters.realm !== undefined
    );
    const chosen = bearer ?? challenges.find(({ scheme }) => scheme === "basic");
    if (chosen === undefined) return false;
    this.#challenge = chosen;
    const key = tokenKey(scopes);
    const kept = await this.#tokens.get(key)?.catch(() => undefined);
    // Another request may have got a new one in the meantime.
    if (kept !== undefined && sent === `Bearer ${kept.value}`) this.#tokens.delete(key);
    if (bearer !== undefined) return true;
    return sent === undefined && await this.isKnown(scopes[0]?.path ?? "");
  }

  #credential(path: string): Promise<Credential | undefined> {
    const found = this.#credentials.get(path) ?? this.#find(path);
    this.#credentials.set(path, found);
    return found;
  }

  async #token(
    challenge: Challenge,
    scopes: readonly Scope[],
    credential: Credential | undefined,
    signal?: AbortSignal,
  ): Promise<Token> {
    const key = tokenKey(scopes);
    const kept = this.#tokens.get(key);
    // A token that another caller waited for in vain is asked for again.
    const token = await kept?.catch(() => undefined);
    if (token !== undefined && token.expires > Date.now()) return token;
    if (this.#tokens.get(key) !== kept) {
      return await this.#token(challenge, scopes, credential, signal);
    }
    const texts = scopes.map(scopeText);
    const asked = fetchToken(this.#transport, challenge, this.#base, texts, credential, signal);
    this.#tokens.set(key, asked);
    try {
      return await asked;
    } catch (error) {
      if (this.#tokens.get(key) === asked) this.#tokens.delete(key);
      throw error;
    }
  }
}

function tokenKey(scopes: readonly Scope[]): string {
  return scopes.map(scopeText).join(" ");
}
