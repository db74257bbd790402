import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';

export interface LockOptions {
  /** Called once when another process holds the lock; `holder` is its process id, when it told us. */
  readonly onWait?: (holder: number | undefined) => void;
}

/**
 * Takes the lock called `name`, waiting for whoever holds it, and returns the function that gives it back.
 *
 * The lock is a listening abstract unix socket: the kernel lets only one process have it and frees it when that
 * process ends, however it ends. So a dead process's lock needs no detection, and waiting needs no polling.
 */
export async function acquireLock(name: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  let announced = false;
  for (;;) {
    const server = await tryListen(addressOf(name));
    if (server) return () => release(server);
    await waitForRelease(addressOf(name), (holder) => {
      if (!announced) options.onWait?.(holder);
      announced = true;
    });
  }
}

/** Runs `work` while holding the lock called `name`. */
export async function withLock<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const unlock = await acquireLock(name, options);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

function addressOf(name: string): string {
  return `\0sluice-lab-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

const waiters = new WeakMap<Server, Set<() => void>>();

function tryListen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const closers = new Set<() => void>();
    const server = createServer((socket) => {
      closers.add(() => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.write(`${process.pid}\n`);
      socket.unref();
    });
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(address, () => {
      server.unref();
      waiters.set(server, closers);
      resolve(server);
    });
  });
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const close of waiters.get(server) ?? []) close();
  });
}

/** Resolves when the holder lets go or dies: then its end of the connection closes. */
function waitForRelease(address: string, onHolder: (pid: number | undefined) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('data', (bytes) => onHolder(Number.parseInt(bytes.toString(), 10) || undefined));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}
