import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { flushCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { createControlServer } from '../catalogue/control-server.ts';
import { behaviourFrom, changeBehaviour, nextFate, seededRandom } from './behaviour.ts';
import type { HopResult } from './caller.ts';
import { CONTROL_PORT } from './control.ts';
import { createNextHop } from './next-hop.ts';

const env = process.env;
const number = (name: string, fallback: number) => Number(env[name] ?? fallback);
const podIp = env['POD_IP'] ?? env['LAB_POD_IP'] ?? '127.0.0.1';
const podName = env['POD_NAME'] ?? env['HOSTNAME'] ?? 'echo';
const version = env['VERSION'] ?? 'v1';
/** Proxies may still send requests for this long after the pod's deletion; as with a real pod the app has to serve them. */
const drainMs = number('DRAIN_MS', 2_000);

/** A request with it makes an echo fail for everybody, as a heavy query does to a database that others use too. */
const OVERLOAD_HEADER = 'x-overload';

let behaviour = behaviourFrom(env);
let overloadedUntilMs = 0;
let isDraining = false;
const random = seededRandom(env['SEED'] ?? podName);
const callNextHop = env['NEXT_HOP'] ? createNextHop(env['NEXT_HOP'], env['HTTP_PROXY']) : undefined;

function answer(response: ServerResponse, status: number, headers: Record<string, string>): void {
  if (status === 0) return void response.destroy();
  const body = `${JSON.stringify({ version, pod: podName, status }).padEnd(behaviour.answerBytes)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-version': version,
    'x-pod': podName,
    ...(isDraining ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(body);
}

function hopHeaders({ via, failedHop, cause }: HopResult): Record<string, string> {
  if (!failedHop) return { 'x-via': via };
  // Node refuses control characters in a header, and a proxy's words may have any.
  return { 'x-via': via, 'x-failed-hop': failedHop, 'x-failed-cause': (cause ?? '').replace(/[^ -~]+/g, ' ') };
}

async function echo(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { isError, delayMs } = nextFate(behaviour, random);
  const { errorStatus, overloads, overloadMs } = behaviour;
  if (overloadMs > 0 && incoming.headers[OVERLOAD_HEADER] !== undefined)
    overloadedUntilMs = performance.now() + overloadMs;
  const isOverloaded = performance.now() < overloadedUntilMs;
  if (delayMs > 0) await sleep(delayMs);
  if (isError || isOverloaded) return answer(response, errorStatus, {});
  if (!callNextHop) return answer(response, 200, {});
  const asks = overloads ? { ...incoming.headers, [OVERLOAD_HEADER]: '1' } : incoming.headers;
  const hop = await callNextHop(asks, behaviour);
  answer(response, hop.status, hopHeaders(hop));
}

const server = createServer((incoming, response) => {
  incoming.resume();
  if (incoming.url === '/healthz') answer(response, behaviour.ready && !isDraining ? 200 : 503, {});
  else void echo(incoming, response);
});
// Node would close idle connections after 5 s, under the hands of a proxy that is just sending the next request on one.
server.keepAliveTimeout = 0;

const control = createControlServer('GET /behaviour and PUT /behaviour', ({ route, body }) => {
  if (route === 'PUT /behaviour') behaviour = changeBehaviour(behaviour, body);
  return route.endsWith(' /behaviour') ? behaviour : undefined;
});

async function drain(): Promise<void> {
  if (isDraining) return;
  isDraining = true;
  await sleep(drainMs);
  server.close(() => process.exit(0));
}

process.on('SIGTERM', () => void drain());
if (env['CRASH_AFTER_MS']) {
  setTimeout(
    () => {
      console.error('crashes because CRASH_AFTER_MS says so');
      process.exit(1);
    },
    number('CRASH_AFTER_MS', 0),
  );
}
await sleep(number('START_DELAY_MS', 0));
server.listen(number('PORT', 8080), podIp);
control.listen(number('CONTROL_PORT', CONTROL_PORT), podIp);
flushCompileCache();
