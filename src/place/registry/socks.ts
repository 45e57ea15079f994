/**
 * Tunnels through SOCKS5 proxies (RFC 1928, RFC 1929), which look names up themselves. Only for TLS whose
 * certificate is left unchecked: else the runtime's `fetch` opens them.
 * @module
 */
import { isIP, type Socket } from "node:net";
import { ConnectionError } from "./failure.ts";
import type { ProxyAddress } from "./proxy.ts";

const VERSION = 5;
const [NO_LOGIN, PASSWORD] = [0, 2];
const [IPV4, NAME, IPV6] = [1, 3, 4];
/** What a proxy says that leads nowhere (RFC 1928, 6). */
const REPLIES: readonly string[] = [
  "",
  "it failed",
  "its rules do not allow it",
  "the network cannot be reached",
  "the host cannot be reached",
  "the connection was refused",
  "it took too long",
  "it does not know how",
  "it does not know such addresses",
];

/** Bytes to send, and how many to wait for then. */
interface Step {
  readonly send: readonly number[];
  readonly want: number;
}

/** Asks a proxy that a socket leads to for a tunnel, and calls `start` when there is one. */
export function openSocksTunnel(
  socket: Socket,
  to: { readonly hostname: string; readonly port: number },
  login: ProxyAddress["login"],
  start: () => void,
  fail: (error: unknown) => void,
): void {
  const steps = conversation(to, login);
  let step = steps.next();
  let got: readonly number[] = [];
  const send = (): void => {
    if (!step.done && step.value.send.length > 0) socket.write(Uint8Array.from(step.value.send));
  };
  const onData = (bytes: Uint8Array): void => {
    got = [...got, ...bytes];
    try {
      while (!step.done && got.length >= step.value.want) {
        const { want } = step.value;
        step = steps.next(got.slice(0, want));
        got = got.slice(want);
        send();
      }
      if (!step.done) return;
      socket.off("data", onData);
      start();
    } catch (error) {
      socket.off("data", onData);
      fail(error);
    }
  };
  socket.on("data", onData);
  send();
}

function* conversation(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  login: ProxyAddress["login"],
): Generator<Step, void, readonly number[]> {
  const refused = (why: string) =>
    new ConnectionError("protocol", `the proxy refused the tunnel (${why})`);
  const ways = login === undefined ? [NO_LOGIN] : [NO_LOGIN, PASSWORD];
  const [version, way] = yield { send: [VERSION, ways.length, ...ways], want: 2 };
  if (version !== VERSION) throw refused("it does not speak SOCKS5");
  if (way === PASSWORD && login !== undefined) {
    const shown = [...withLength(login.username), ...withLength(login.password)];
    const [, status] = yield { send: [1, ...shown], want: 2 };
    if (status !== 0) throw refused("user or password are wrong");
  } else if (way !== NO_LOGIN) throw refused("it wants a user and a password");
  const address = [...addressOf(hostname), port >> 8, port & 0xff];
  const [, reply = 1, , kind] = yield { send: [VERSION, 1, 0, ...address], want: 4 };
  if (reply !== 0) throw refused(REPLIES[reply] ?? String(reply));
  // Where it goes on from, which nobody needs to know, has to be read.
  let length = kind === IPV6 ? 16 : 4;
  if (kind === NAME) [length = 0] = yield { send: [], want: 1 };
  yield { send: [], want: length + 2 };
}

function withLength(text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text).subarray(0, 255);
  return [bytes.length, ...bytes];
}

function addressOf(hostname: string): readonly number[] {
  const family = isIP(hostname);
  if (family === 4) return [IPV4, ...hostname.split(".").map(Number)];
  if (family === 0) return [NAME, ...withLength(hostname)];
  const [front = [], back = []] = hostname.split("::")
    .map((part) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const groups = [...front, ...Array(8 - front.length - back.length).fill(0), ...back];
  return [IPV6, ...groups.flatMap((group) => [group >> 8, group & 0xff])];
}
