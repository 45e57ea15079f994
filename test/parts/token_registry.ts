/**
 * A registry that wants tokens, and the server that gives them: a proxy of the tests before a real
 * docker-registry (distribution project, "Token Authentication" and "OAuth2").
 * @module
 */
import { type Exchange, type FaultProxy, startFaultProxy } from "./fault_proxy.ts";
import { startRegistry } from "./registry.ts";

/** Who is let in, and for how long. */
export interface TokenRules {
  /** Passwords by user; without a user, everybody may pull and push. */
  readonly users?: Readonly<Record<string, string>>;
  /** Whether everybody may pull who says nothing of who is asking. */
  readonly isOpen?: boolean;
  /** Identity tokens that are taken in exchange. */
  readonly identityTokens?: readonly string[];
  /** Requests that a token is good for. */
  readonly uses?: number;
  /** Repositories that nobody may pull from. */
  readonly secret?: readonly string[];
  /** Decides about a request that was let in; passes it on unless given. */
  readonly handle?: (exchange: Exchange) => Promise<unknown> | unknown;
}

/** A registry with its token server, until it is stopped. */
export interface TokenRegistry extends AsyncDisposable {
  readonly host: string;
  readonly proxy: FaultProxy;
  /** The scopes of each token that was given. */
  readonly given: readonly (readonly string[])[];
  /** The credential that each request for a token came with. */
  readonly asked: readonly string[];
}

/** Starts both; needs the part "docker-registry". */
export async function startTokenRegistry(rules: TokenRules = {}): Promise<TokenRegistry> {
  const { users, isOpen = false, identityTokens = [], uses = Infinity, secret = [] } = rules;
  const registry = await startRegistry();
  const given: string[][] = [];
  const asked: string[] = [];
  const tokens = new Map<string, { readonly scopes: readonly string[]; left: number }>();

  const giveToken = async (exchange: Exchange): Promise<void> => {
    const { seen, request } = exchange;
    let body = "";
    for await (const chunk of request) body += new TextDecoder().decode(chunk);
    const query = seen.method === "POST"
      ? new URLSearchParams(body)
      : new URL(seen.url, "http://token").searchParams;
    const shown = seen.method === "POST"
      ? `refresh ${query.get("refresh_token")}`
      : seen.headers.authorization ?? "";
    asked.push(shown);
    const isUser = Object.entries(users ?? {}).some(([user, password]) =>
      shown === `Basic ${btoa(`${user}:${password}`)}`
    );
    const isToken = identityTokens.some((token) => shown === `refresh ${token}`);
    const isPull = query.getAll("scope").every((scope) => scope.endsWith(":pull"));
    const isAnybody = isOpen && shown === "" && isPull;
    if (users && !isUser && !isToken && !isAnybody) {
      return exchange.answer(401, {}, '{"errors":[{"code":"UNAUTHORIZED"}]}');
    }
    const scopes = query.getAll("scope").flatMap((text) => text.split(" "))
      .filter((scope) => !secret.some((path) => scope.startsWith(`repository:${path}:`)));
    given.push(scopes);
    const token = crypto.randomUUID();
    tokens.set(token, { scopes, left: uses });
    const answer = JSON.stringify({ token, access_token: token, expires_in: 300 });
    exchange.answer(200, { "content-type": "application/json" }, answer);
  };

  const proxy: FaultProxy = await startFaultProxy(registry.host, async (exchange) => {
    const { seen } = exchange;
    if (seen.url.startsWith("/token")) {
      await giveToken(exchange);
      return;
    }
    const path = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(seen.url)?.[1] ?? "";
    const isRead = seen.method === "GET" || seen.method === "HEAD";
    const token = tokens.get((seen.headers.authorization ?? "").replace(/^Bearer /, ""));
    const action = isRead ? "pull" : "push";
    const allowed = token?.scopes.some((scope) =>
      scope.startsWith(`repository:${path}:`) && scope.split(/[:,]/).includes(action)
    );
    if (token && token.left-- > 0 && allowed) {
      await (rules.handle ?? ((one) => one.pass()))(exchange);
      return;
    }
    const scope = `repository:${path}:${isRead ? "pull" : "pull,push"}`;
    const challenge = `Bearer realm="http://${proxy.host}/token",service="test, of tokens",` +
      `scope="${scope}"`;
    exchange.answer(401, { "www-authenticate": challenge }, '{"errors":[{"code":"UNAUTHORIZED"}]}');
  });
  return {
    host: proxy.host,
    proxy,
    given,
    asked,
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      await registry.stop();
    },
  };
}
