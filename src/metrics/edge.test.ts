import { afterEach, describe, expect, it } from 'vitest';
import { Callers, MemorySource } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import type { Edge } from './port.ts';
import { createSampler } from './sampler.ts';

const NOON = Date.parse('2026-01-01T12:00:00Z');
let stop = new AbortController();

afterEach(() => stop.abort());

/** Counts what `serve` serves in each of ten seconds, by an edge. */
async function countedOver(edge: Edge, pods: readonly string[], serve: (callers: Callers) => void) {
  const clock = new SteppedClock(NOON - 60_000);
  const source = new MemorySource(clock);
  const callers = new Callers(source);
  const sampler = createSampler({ provider: source, clock, random: () => 0.5 });
  stop = new AbortController();
  sampler.start(stop.signal);
  const run = async (seconds: number, each: () => void) => {
    for (let second = 0; second < seconds; second += 1) {
      each();
      if (clock.now() % 5000 === 0) for (const pod of pods) callers.scrape(pod, clock.now());
      await clock.advance(1000);
    }
  };
  for (const pod of pods) callers.serve(pod, 'pay', 1);
  await run(60, () => undefined);
  const measure = { kind: 'faults', flags: ['FI'] } as const;
  sampler.follow('k', { namespace: 'shop', service: 'pay', stable: '', canary: '', since: NOON, edge, measure });
  await run(11, () => serve(callers));
  const { batches } = sampler.read('k');
  const sum = (of: (batch: (typeof batches)[number]) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return {
    canary: [sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)],
    stable: [sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)],
  };
}

describe('the batches of an edge', () => {
  it('tell chosen callers from others over all hosts of a service, and count what a fault touched', async () => {
    const edge = { hosts: ['pay', 'pay-aa'], callers: { namespace: 'shop', workloads: ['web'] } };
    const counts = await countedOver(edge, ['web', 'batch'], (callers) => {
      callers.serve('web', 'pay', 3, '503 FI');
      callers.serve('web', 'pay-aa', 7);
      callers.serve('web', 'pay-bb', 100);
      callers.serve('batch', 'pay', 5, '500');
    });
    expect(counts).toEqual({ canary: [100, 30], stable: [50, 0] });
  });

  it('tell versions of the callers by their pods, and leave out who is neither', async () => {
    const workloads = ['web-aa-1', 'web-bb-1', 'web-bb-2', 'web-b-1'];
    const of = (revision: string) => ({ namespace: 'shop', workloads, pods: [`web-${revision}-`] });
    const edge = { hosts: ['pay'], callers: of('bb'), control: of('aa') };
    const counts = await countedOver(edge, [...workloads, 'batch'], (callers) => {
      callers.serve('web-bb-1', 'pay', 1, '503 FI');
      callers.serve('web-bb-2', 'pay', 2);
      callers.serve('web-aa-1', 'pay', 4, '503 FI');
      callers.serve('web-b-1', 'pay', 8);
      callers.serve('batch', 'pay', 16);
    });
    expect(counts).toEqual({ canary: [30, 10], stable: [40, 40] });
  });

  it('count pods that come later as those of their version', async () => {
    const workloads = ['web-bb-1', 'web-bb-2'];
    const edge = { hosts: ['pay'], callers: { namespace: 'shop', workloads, pods: ['web-bb-'] } };
    let second = 0;
    const counts = await countedOver(edge, ['web-bb-1'], (callers) => {
      second += 1;
      callers.serve('web-bb-1', 'pay', 1, '503 FI');
      callers.serve('web-bb-2', 'pay', second < 4 ? 0 : 1, '503 FI');
      if (second % 3 === 0) callers.scrape('web-bb-2', NOON + second * 1000);
    });
    // Seven seconds of the one that came later, as far as it was scraped by then.
    expect(counts).toEqual({ canary: [16, 16], stable: [0, 0] });
  });

  it('count requests to other hosts beside them, whoever sends them', async () => {
    const edge = {
      hosts: ['pay-bb'],
      callers: { namespace: 'shop', workloads: ['web'] },
      otherHosts: ['pay', 'pay-aa'],
    };
    const counts = await countedOver(edge, ['web', 'batch'], (callers) => {
      callers.serve('web', 'pay-bb', 1, '503 FI');
      callers.serve('web', 'pay-aa', 2);
      callers.serve('batch', 'pay-bb', 4);
      callers.serve('batch', 'pay', 8, '503 FI');
    });
    expect(counts).toEqual({ canary: [10, 10], stable: [140, 80] });
  });
});
