import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { SupervisorConfig } from './config.ts';
import { serveControl } from './control-server.ts';
import { controlSocketOf, Supervisor } from './supervisor.ts';

/** Stopping politely may take this long; the end of the process namespace kills the rest. */
const POLITE_STOP_MS = 4_000;

const [configPath] = process.argv.slice(2);
if (!configPath) throw new Error('usage: main.ts CONFIG.json (the launcher starts this, see lab/README.md)');
const config = JSON.parse(await readFile(configPath, 'utf8')) as SupervisorConfig;
const supervisor = new Supervisor(config);
const socket = controlSocketOf(config);

async function shutdown(): Promise<void> {
  await Promise.race([supervisor.stop(), delay(POLITE_STOP_MS)]);
  await rm(socket, { force: true });
  process.exit(0);
}

process.on('SIGTERM', () => void shutdown());
process.on('SIGINT', () => void shutdown());
await rm(socket, { force: true });
await serveControl(socket, {
  status: () => supervisor.status(),
  part: (name, action) => supervisor.act(name, action),
  shutdown: () => void shutdown(),
});
await supervisor.start();
