import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a client and a server and can be shut, as by a network that fails. */
export interface TcpGate {
  readonly port: number;
  /** Cuts what is connected, and lets nobody in until `open`. */
  shut(): void;
  open(): void;
  close(): Promise<void>;
}

/** A gate on a free port of 127.0.0.1. */
export async function openTcpGate(to: { readonly host: string; readonly port: number }): Promise<TcpGate> {
  let isShut = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  };
  const server: Server = createServer((incoming) => {
    keep(incoming);
    if (isShut) {
      incoming.destroy();
      return;
    }
    const outgoing = keep(connect(to));
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    shut() {
      isShut = true;
      cut();
    },
    open() {
      isShut = false;
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
