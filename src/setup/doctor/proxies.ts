/**
 * Do the proxy variables say what they are meant to?
 * @module
 */
import { messageOf } from "../../errors.ts";
import { proxyFor } from "../../place/registry/proxy.ts";
import { type Finding, ok, type Patient, shownUrl, told, warning } from "./check.ts";

const NAMES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
const LOOPBACK = ["localhost", "127.0.0.1"];

/** Finds out about proxies; user and password in them are not shown. */
export function checkProxies({ environment }: Patient): Promise<readonly Finding[]> {
  const value = (name: string): string | undefined =>
    environment[name] || environment[name.toLowerCase()] || undefined;
  const found: Finding[] = [];
  for (const name of [...NAMES, "NO_PROXY"]) {
    const [upper, lower] = [environment[name], environment[name.toLowerCase()]];
    if (!upper || !lower || upper === lower) continue;
    const text = `${name} and ${name.toLowerCase()} differ: programs read one or the other`;
    found.push(warning("proxies", text, "set both to the same"));
  }
  const set = NAMES.filter((name) => value(name) !== undefined);
  if (set.length === 0) return Promise.resolve([...found, ok("proxies", "none are set")]);
  for (const scheme of ["https", "http"]) {
    try {
      proxyFor(new URL(`${scheme}://registry.example/`), {
        ...environment,
        NO_PROXY: "",
        no_proxy: "",
      });
    } catch (error) {
      found.push(told("proxies", "wrong", `${messageOf(error)}; set it to http://HOST:PORT`));
    }
  }
  const shown = set.map((name) => `${name} is ${shownUrl(value(name) ?? "")}`).join(", ");
  if (!found.some(({ status }) => status === "wrong")) found.push(ok("proxies", shown));
  const none = (value("NO_PROXY") ?? "").split(/[\s,]+/);
  const missing = LOOPBACK.filter((name) => !none.includes(name));
  if (missing.length > 0 && !none.includes("*")) {
    const text =
      `NO_PROXY lacks ${missing.join(" and ")}: kodeno and go do without a proxy there, ` +
      "others do not";
    found.push(warning("proxies", text, `add ${missing.join(",")} to NO_PROXY`));
  }
  return Promise.resolve(found);
}
