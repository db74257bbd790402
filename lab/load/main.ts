import { createWriteStream } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createControlServer } from '../catalogue/control-server.ts';
import { createClient } from './client.ts';
import { createRecorder } from './record.ts';
import { REPORT_PORT, type Report } from './report.ts';
import { createSchedule } from './schedule.ts';

const env = process.env;

function setting(name: string, fallback?: string): string {
  const value = env[name] ?? fallback;
  if (value === undefined)
    throw new Error(`${name} is not set, for example ${name}=${name === 'TARGET' ? 'http://frontend.shop/' : '1'}`);
  return value;
}

function numberSetting(name: string, fallback: number): number {
  const value = Number(env[name] ?? fallback);
  if (!(value >= 0)) throw new Error(`${name} must be a number from 0 on, not ${env[name]}`);
  return value;
}

/** Wall-clock time with fractions of a ms, which never jumps. */
const now = () => performance.timeOrigin + performance.now();

const target = setting('TARGET');
const timeoutMs = numberSetting('TIMEOUT_MS', 5_000);
const endAtMs = now() + numberSetting('DURATION_S', Number.POSITIVE_INFINITY) * 1000;
const maxRequests = numberSetting('MAX_REQUESTS', 10_000_000);
const maxInFlight = numberSetting('MAX_IN_FLIGHT', 500);
const file = setting('REPORT_FILE', join(setting('LAB_ROOT', '.'), 'report.jsonl'));
let rate = numberSetting('RATE', 50);

const headers: Record<string, string> = JSON.parse(setting('HEADERS', '{}'));
const send = createClient({ target, proxy: env['HTTP_PROXY'], timeoutMs, headers, now });
const schedule = createSchedule(rate, now());
const recorder = createRecorder();
const lines = createWriteStream(file, { flags: 'a' });
const startedAtMs = now();
let isStopping = false;

const totals = () => {
  const { sent, done, failed } = recorder.totals();
  return {
    target,
    rate,
    startedAtMs: Math.round(startedAtMs),
    nowMs: Math.round(now()),
    sent,
    done,
    failed,
    inFlight: sent - done,
  };
};

function fire(dueAtMs: number): void {
  const { sent, done } = recorder.totals();
  recorder.sent(dueAtMs);
  if (sent - done < maxInFlight) return void send(dueAtMs).then(recorder.ended);
  // Leaving it out would hide the very moment in which things are worst.
  recorder.ended({
    dueAtMs,
    endedAtMs: now(),
    status: 0,
    versions: [],
    cause: `not sent: ${maxInFlight} requests under way`,
  });
}

function write(untilMs: number): void {
  for (const second of recorder.takeClosed(untilMs)) lines.write(`${JSON.stringify({ type: 'second', ...second })}\n`);
  for (const failure of recorder.takeFailures()) lines.write(`${JSON.stringify({ type: 'failure', ...failure })}\n`);
}

const isOver = () => isStopping || now() >= endAtMs || recorder.totals().sent >= maxRequests;

async function run(): Promise<void> {
  while (!isOver()) {
    for (const dueAtMs of schedule.takeDue(now())) if (recorder.totals().sent < maxRequests) fire(dueAtMs);
    // Rounded up, so that the loop does not spin through the last fraction of a millisecond; 100 ms lets it see a new rate.
    await sleep(Math.min(100, Math.max(1, Math.ceil(schedule.nextAtMs() - now()))));
  }
  while (recorder.totals().done < recorder.totals().sent) await sleep(10);
  write(Number.POSITIVE_INFINITY);
  const end = JSON.stringify({ type: 'end', ...totals(), versions: recorder.versions() });
  console.log(end);
  lines.end(`${end}\n`, () => process.exit(0));
}

const report = (sinceMs: number): Report => ({
  ...totals(),
  versions: recorder.versions(),
  seconds: recorder.secondsSince(sinceMs),
  failures: recorder.failuresSince(sinceMs),
});

function changeRate(body: unknown): void {
  const wanted = typeof body === 'object' && body !== null && 'rate' in body ? body.rate : undefined;
  if (typeof wanted !== 'number' || !(wanted >= 0 && wanted <= 10_000))
    throw new Error('rate must be a number from 0 to 10000');
  rate = wanted;
  schedule.setRate(rate, now());
}

const control = createControlServer('GET /report?since=MS, GET /healthz and PUT /rate', ({ route, query, body }) => {
  if (route === 'GET /report') return report(Number(query.get('since') ?? 0));
  if (route === 'PUT /rate') changeRate(body);
  else if (route !== 'GET /healthz') return undefined;
  return totals();
});

process.on('SIGTERM', () => {
  isStopping = true;
});
control.listen(numberSetting('CONTROL_PORT', REPORT_PORT), env['POD_IP'] ?? env['LAB_POD_IP'] ?? '127.0.0.1');
setInterval(() => write(now()), 1_000).unref();
flushCompileCache();
await run();
