import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { redis as redisPart } from '../../lab/parts/debian.ts';
import { partFolderName } from '../../lab/parts/part.ts';
import { cacheFolder } from '../../lab/paths.ts';
import { eventually } from './eventually.ts';

/** Where redis-server is: SLUICE_REDIS_SERVER, the lab's cache of parts (where the test runner puts it), or the PATH. */
export function findRedisServer(): string | undefined {
  const named = process.env['SLUICE_REDIS_SERVER'];
  if (named) return named;
  const part = join(cacheFolder(), 'parts', partFolderName(redisPart));
  const cached = join(part, redisPart.files['redis-server'] ?? 'redis-server');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [cached, ...onPath.map((folder) => join(folder, 'redis-server'))].find((path) => existsSync(path));
}

/**
 * Why tests with Redis must be left out, or undefined where they can run. In CI they may not be left out: then it throws. The test
 * runner installs redis-server, and says why in SLUICE_TEST_WITHOUT_REDIS where it cannot.
 */
export function reasonToSkipRedis(): string | undefined {
  if (findRedisServer() !== undefined) return undefined;
  const told = process.env['SLUICE_TEST_WITHOUT_REDIS'];
  const reason = told || 'no redis-server: run the tests by "npm test", or set SLUICE_REDIS_SERVER';
  if (process.env['CI'] === 'true') throw new Error(reason);
  return reason;
}

/** A redis-server of our own on a free loopback port, without persistence. */
export interface RedisServer {
  readonly url: string;
  /** Kills it; what it held is gone. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Stops it from answering without closing its connections. */
  freeze(): void;
  thaw(): void;
  /** Sends one command over a connection of its own and resolves with the first line of the answer. */
  command(...words: string[]): Promise<string>;
  close(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const program = findRedisServer();
  if (program === undefined) throw new Error('no redis-server');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-redis-'));
  let server: ChildProcess | undefined;

  const command = (...words: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('Redis closed the connection')));
      socket.once('data', (answer) => {
        resolve(answer.toString().split('\r\n')[0] ?? '');
        socket.end();
      });
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    });

  const start = async (): Promise<void> => {
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    server = spawn(program, args, { stdio: 'ignore' });
    await eventually('redis-server answers', async () => (await command('PING').catch(() => '')) === '+PONG');
  };

  const stop = async (): Promise<void> => {
    if (server === undefined) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    server = undefined;
    await gone;
  };

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    command,
    async close() {
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
