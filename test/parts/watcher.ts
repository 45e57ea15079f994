/**
 * A listener that takes no part in anything: it counts who dials it, be it as a proxy, a mirror or a
 * daemon, and hangs up.
 * @module
 */
import { type AddressInfo, createServer } from "node:net";

/** A listener until it is stopped. */
export interface Watcher extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** Connections that were made since it was asked the last time. */
  dialled(): number;
}

/** Starts one on loopback. */
export async function startWatcher(): Promise<Watcher> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.on("error", () => {});
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    dialled: () => {
      const seen = count;
      count = 0;
      return seen;
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
