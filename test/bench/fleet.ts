/**
 * Measures what many active releases with three objectives each (success ratio, latency, a user's counters) cost the sampler, on a real
 * Prometheus that scrapes synthetic series every 5 s:
 *
 *     npm run bench:fleet -- [--releases N] [--ticks N] [--reference N]
 *
 * Prints queries and CPU of each tick, which is one round at the scrape interval, and the memory over all ticks; then the same for
 * `--reference` ticks in which each release asks for each of its metrics by itself, as controllers without a fleet query do. The exit code
 * is 1 when a goal is missed: at most 10 queries and 300 ms of CPU (median) a tick, and memory that grows by what the batches hold only.
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../src/lib/clock.ts';
import { planQueries } from '../../src/metrics/fleet-query.ts';
import type { Sampler } from '../../src/metrics/port.ts';
import type { MetricsProvider } from '../../src/metrics/provider.ts';
import { createPrometheus } from '../../src/metrics/providers/prometheus.ts';
import { createSampler, type PollReport } from '../../src/metrics/sampler.ts';
import { wantsOf } from '../../src/metrics/wants.ts';
import { subjectsOf } from './fleet-names.ts';
import { startFleetSource } from './fleet-source.ts';

const SCRAPE_MS = 5000;
const WINDOW_MS = 15_000;
const WARM_UP_TICKS = 5;
const GOALS = { queries: 10, cpuMs: 300, growthKibPerRelease: 2 };
const collectGarbage = exposedGc();

interface Tick {
  readonly queries: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly series: number;
}

const { values } = parseArgs({
  options: {
    releases: { type: 'string', default: '1000' },
    ticks: { type: 'string', default: '65' },
    reference: { type: 'string', default: '2' },
  },
});

process.exitCode = await main(Number(values.releases), Number(values.ticks), Number(values.reference));

async function main(releases: number, ticks: number, referenceTicks: number): Promise<number> {
  console.log(`${releases} releases with 3 objectives each, ${ticks} ticks of ${SCRAPE_MS / 1000} s`);
  const source = await startFleetSource(releases, SCRAPE_MS);
  try {
    const provider = createPrometheus({ url: source.url, now: systemClock.now, timeoutMs: 60_000 });
    const fleet = await measureFleet(provider, releases, ticks);
    const reference = await measureReference(provider, releases, referenceTicks);
    return report(fleet, reference, releases);
  } finally {
    await source.stop();
  }
}

interface Fleet {
  readonly ticks: readonly Tick[];
  /** Memory in use after collection, on the heap and in buffers: after warm-up and at the end. */
  readonly memoryMib: readonly [begin: number, end: number];
  readonly batches: number;
  /** Subjects whose evidence was fresh and held requests of both versions at the end. */
  readonly complete: number;
}

async function measureFleet(provider: MetricsProvider, releases: number, wanted: number): Promise<Fleet> {
  const ticks: Tick[] = [];
  let last = process.cpuUsage();
  const onPoll = ({ durationMs, queries, series, error }: PollReport) => {
    if (error !== undefined) console.error('a query failed:', error);
    const { user, system } = process.cpuUsage(last);
    ticks.push({ queries, series, cpuMs: (user + system) / 1000, wallMs: durationMs });
    last = process.cpuUsage();
  };
  const sampler = createSampler({
    provider,
    clock: systemClock,
    pollMs: SCRAPE_MS,
    windowMs: WINDOW_MS,
    cellMs: 250,
    onPoll,
  });
  const keys = followAll(sampler, releases);
  const abort = new AbortController();
  sampler.start(abort.signal);
  await untilTick(() => ticks.length, WARM_UP_TICKS);
  const begin = memoryMib();
  // What the collection cost is not the sampler's.
  last = process.cpuUsage();
  const before = batchesOf(sampler, keys);
  await untilTick(() => ticks.length, WARM_UP_TICKS + wanted);
  abort.abort();
  const end = memoryMib();
  const batches = batchesOf(sampler, keys) - before;
  const complete = keys.filter((key) => isComplete(sampler, key)).length;
  return { ticks: ticks.slice(WARM_UP_TICKS), memoryMib: [begin, end], batches, complete };
}

function followAll(sampler: Sampler, releases: number): readonly string[] {
  const since = Date.now();
  const keys: string[] = [];
  for (let index = 0; index < releases; index++) {
    for (const [key, subject] of subjectsOf(index, since)) {
      sampler.follow(key, subject);
      keys.push(key);
    }
  }
  return keys;
}

async function untilTick(count: () => number, wanted: number): Promise<void> {
  const deadline = performance.now() + (wanted + 10) * SCRAPE_MS * 3;
  while (count() < wanted) {
    if (performance.now() > deadline) throw new Error(`${count()} ticks in the time for ${wanted}`);
    await systemClock.sleep(200);
  }
}

function batchesOf(sampler: Sampler, keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + sampler.read(key).batches.length, 0);
}

function isComplete(sampler: Sampler, key: string): boolean {
  const { state, batches } = sampler.read(key);
  const has = (arm: 'canary' | 'stable') => batches.some((batch) => batch[arm].requests > 0);
  return state === 'fresh' && has('canary') && has('stable');
}

/** Each release asks for each of its metrics by itself; nothing is done with the answers but to read them. */
async function measureReference(provider: MetricsProvider, releases: number, wanted: number): Promise<readonly Tick[]> {
  const ticks: Tick[] = [];
  for (let tick = 0; tick < wanted; tick++) {
    const begun = performance.now();
    const cpu = process.cpuUsage();
    let [queries, series] = [0, 0];
    for (let index = 0; index < releases; index++) {
      const from = Date.now() - WINDOW_MS;
      const needs = [...subjectsOf(index, from).values()].map((one) => ({ wants: wantsOf(one), from, edges: [] }));
      for (const query of needs.flatMap((need) => planQueries([need], Date.now())).flatMap((plan) => plan.queries)) {
        queries++;
        series += (await provider.samples(query)).series.length;
      }
    }
    const { user, system } = process.cpuUsage(cpu);
    ticks.push({ queries, series, cpuMs: (user + system) / 1000, wallMs: performance.now() - begun });
  }
  return ticks;
}

function report(fleet: Fleet, reference: readonly Tick[], releases: number): number {
  const [begin, end] = fleet.memoryMib;
  print('fleet query', fleet.ticks);
  print('one query per metric and release', reference);
  const ratio = (of: (tick: Tick) => number) =>
    (quantile(reference.map(of), 0.5) / quantile(fleet.ticks.map(of), 0.5)).toFixed(1);
  console.log(
    `the latter takes ${ratio(({ queries }) => queries)} times the queries, ${ratio(({ cpuMs }) => cpuMs)} times the CPU,`,
  );
  console.log(`  ${ratio(({ wallMs }) => wallMs)} times as long`);
  const perTick = ((end - begin) * 1024) / fleet.ticks.length;
  console.log(`memory after warm-up ${begin.toFixed(1)} MiB, after ${fleet.ticks.length} ticks ${end.toFixed(1)} MiB:`);
  console.log(`  ${perTick.toFixed(0)} KiB a tick for ${(fleet.batches / fleet.ticks.length).toFixed(0)} new batches`);
  const goals = [
    [
      `at most ${GOALS.queries} queries a tick`,
      Math.max(...fleet.ticks.map(({ queries }) => queries)) <= GOALS.queries,
    ],
    [
      `CPU median at most ${GOALS.cpuMs} ms a tick`,
      quantile(
        fleet.ticks.map(({ cpuMs }) => cpuMs),
        0.5,
      ) <= GOALS.cpuMs,
    ],
    [
      `at most ${GOALS.growthKibPerRelease} KiB more a tick and release`,
      perTick / releases <= GOALS.growthKibPerRelease,
    ],
    ['all evidence is fresh and of both versions', fleet.complete === 3 * releases],
  ] as const;
  for (const [goal, isReached] of goals) console.log(`${isReached ? 'ok  ' : 'MISS'} ${goal}`);
  return goals.every(([, isReached]) => isReached) ? 0 : 1;
}

function print(name: string, ticks: readonly Tick[]): void {
  const median = (of: (tick: Tick) => number) => quantile(ticks.map(of), 0.5).toFixed(0);
  const p95 = (of: (tick: Tick) => number) => quantile(ticks.map(of), 0.95).toFixed(0);
  console.log(`${name}: ${ticks.length} ticks, each (median)`);
  console.log(`  ${median(({ queries }) => queries)} queries, ${median(({ series }) => series)} series`);
  console.log(
    `  CPU ${median(({ cpuMs }) => cpuMs)} ms (p95 ${p95(({ cpuMs }) => cpuMs)}), wall ${median(({ wallMs }) => wallMs)} ms`,
  );
}

function quantile(numbers: readonly number[], share: number): number {
  const rising = numbers.toSorted((a, b) => a - b);
  return rising[Math.min(rising.length - 1, Math.floor(share * rising.length))] ?? Number.NaN;
}

function memoryMib(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** The collector can be called without a flag on the command line. */
function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
