/**
 * A SOCKS5 proxy of the tests (RFC 1928, RFC 1929).
 * @module
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Proxy } from "./connect_proxy.ts";

/** A proxy that takes every host for one on loopback; `asked` has `HOST:PORT` of each tunnel. */
export async function startSocksProxy(
  upstream: string,
  login?: { readonly username: string; readonly password: string },
): Promise<Proxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    const talk = conversation(login);
    let step = talk.next();
    let got: readonly number[] = [];
    const onData = (bytes: Uint8Array): void => {
      got = [...got, ...bytes];
      while (!step.done && got.length >= step.value.want) {
        const { want } = step.value;
        step = talk.next(got.slice(0, want));
        got = got.slice(want);
        if (!step.done && step.value.send) socket.write(Uint8Array.from(step.value.send));
      }
      if (!step.done) return;
      socket.off("data", onData);
      if (step.value === undefined) return void socket.end();
      asked.push(step.value);
      const [host = "", port] = upstream.split(":");
      const there = connect(Number(port), host, () => {
        socket.write(Uint8Array.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 1]));
        there.pipe(socket);
        socket.pipe(there);
      });
      sockets.add(there);
      // Refused, in its terms.
      there.on("error", () => socket.end(Uint8Array.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
      socket.on("close", () => there.destroy());
    };
    socket.on("data", onData);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Step = { readonly send?: readonly number[]; readonly want: number };

/** Gives the host and port that the client wants; undefined when it is not let in. */
function* conversation(
  login: { readonly username: string; readonly password: string } | undefined,
): Generator<Step, string | undefined, readonly number[]> {
  const text = (bytes: readonly number[]) => new TextDecoder().decode(Uint8Array.from(bytes));
  const [, count = 0] = yield { want: 2 };
  const ways = yield { want: count };
  const way = login ? 2 : 0;
  if (!ways.includes(way)) {
    yield { send: [5, 255], want: 0 };
    return undefined;
  }
  let [, length = 0] = yield { send: [5, way], want: login ? 2 : 0 };
  if (login) {
    const username = text(yield { want: length });
    [length = 0] = yield { want: 1 };
    const password = text(yield { want: length });
    const isRight = username === login.username && password === login.password;
    if (!isRight) {
      yield { send: [1, 1], want: 0 };
      return undefined;
    }
  }
  const [, , , kind] = yield { ...(login ? { send: [1, 0] } : {}), want: 4 };
  if (kind === 3) [length = 0] = yield { want: 1 };
  else length = kind === 4 ? 16 : 4;
  const address = yield { want: length };
  const [high = 0, low = 0] = yield { want: 2 };
  const groups = Array.from(
    { length: 8 },
    (_, i) => [address[2 * i] ?? 0, address[2 * i + 1] ?? 0],
  );
  const host = kind === 3
    ? text(address)
    : kind === 1
    ? address.join(".")
    : groups.map(([a = 0, b = 0]) => (a * 256 + b).toString(16)).join(":");
  return `${host}:${high * 256 + low}`;
}
