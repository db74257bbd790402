import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { controlClient } from '../launch/control-client.ts';
import type { LabStatus } from './control-protocol.ts';
import { serveControl } from './control-server.ts';
import type { PartStatus } from './part-process.ts';

const ETCD: PartStatus = {
  name: 'etcd',
  state: 'ready',
  ready: true,
  pid: 7,
  since: '2026-01-01T00:00:00.000Z',
  restarts: 0,
  startMs: 5,
  message: undefined,
};

const STATUS: LabStatus = {
  name: 'test',
  phase: 'ready',
  message: undefined,
  startedAt: '2026-01-01T00:00:00.000Z',
  readyMs: 10,
  scrapeIntervalSeconds: 5,
  notes: [],
  parts: [ETCD],
  steps: {},
};

let folder: string;
let server: Server;
let asked: string[];
let shutDown: Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-control-'));
  asked = [];
  let onShutdown: () => void = () => undefined;
  shutDown = new Promise((resolve) => {
    onShutdown = resolve;
  });
  server = await serveControl(join(folder, 'control.sock'), {
    status: () => STATUS,
    part: async (name, action) => {
      asked.push(`${action} ${name}`);
      if (name === 'broken') throw new Error('broken did not start: port in use');
      return name === 'etcd' ? ETCD : undefined;
    },
    shutdown: onShutdown,
  });
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const client = () => controlClient(join(folder, 'control.sock'));

test('status comes through whole', async () => {
  expect(await client().status()).toEqual(JSON.parse(JSON.stringify(STATUS)));
});

test('an action on a part answers with its status', async () => {
  expect(await client().part('etcd', 'restart')).toMatchObject({ name: 'etcd', state: 'ready' });
  expect(asked).toEqual(['restart etcd']);
});

test('an unknown part is refused with the names there are', async () => {
  await expect(client().part('x/y', 'stop')).rejects.toThrow('this lab has no part "x%2Fy"; it has etcd');
});

test('a failed action carries its reason', async () => {
  await expect(client().part('broken', 'start')).rejects.toThrow('broken did not start: port in use');
});

test('shutdown is answered before it begins', async () => {
  await client().shutdown();
  await shutDown;
});

test('a lab that is gone is told with its socket', async () => {
  await expect(controlClient(join(folder, 'none.sock')).status()).rejects.toThrow(/does not answer at .*none\.sock/);
});
