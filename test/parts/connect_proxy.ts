/**
 * An HTTP proxy of the tests: tunnels for https, whole URLs for plain HTTP.
 * @module
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A proxy that runs until it goes out of scope. */
export interface Proxy extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** What it was asked for, with who asked. */
  readonly asked: string[];
}

/** A proxy that takes every host for one on loopback; without `tunnel` it refuses CONNECT. */
export async function startProxy(upstream: string, tunnel: boolean): Promise<Proxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push(`${method} ${url} ${headers["proxy-authorization"]} ${headers.host}`);
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    note(incoming);
    const { pathname, search } = new URL(incoming.url ?? "");
    const { method, headers } = incoming;
    const options = { method, headers: { ...headers, connection: "close" }, agent: false };
    const outgoing = request(`http://${upstream}${pathname}${search}`, options, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  });
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    note(incoming);
    socket.on("error", () => {});
    if (!tunnel) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const [host, port] = upstream.split(":");
    const there = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\nx: y\r\n\r\n");
      there.pipe(socket);
      socket.pipe(there);
    });
    sockets.add(there);
    there.on("error", () => socket.destroy());
    socket.on("close", () => there.destroy());
    return there;
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
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
