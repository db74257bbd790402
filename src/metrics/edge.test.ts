import { afterEach, describe, expect, it } from 'vitest';
import { Callers, MemorySource } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { createSampler } from './sampler.ts';

const NOON = Date.parse('2026-01-01T12:00:00Z');
const stop = new AbortController();

afterEach(() => stop.abort());

describe('the batches of an edge', () => {
  it('tell chosen callers from others over all hosts of a service, and count what a fault touched', async () => {
    const clock = new SteppedClock(NOON - 60_000);
    const source = new MemorySource(clock);
    const callers = new Callers(source);
    const sampler = createSampler({ provider: source, clock, random: () => 0.5 });
    sampler.start(stop.signal);
    const run = async (seconds: number, serve: () => void) => {
      for (let second = 0; second < seconds; second += 1) {
        serve();
        if (clock.now() % 5000 === 0) for (const pod of ['web', 'batch']) callers.scrape(pod, clock.now());
        await clock.advance(1000);
      }
    };
    for (const pod of ['web', 'batch']) callers.serve(pod, 'pay', 1);
    await run(60, () => undefined);
    const edge = { hosts: ['pay', 'pay-aa'], callers: { namespace: 'shop', workloads: ['web'] } };
    const measure = { kind: 'faults', flags: ['FI'] } as const;
    sampler.follow('k', { namespace: 'shop', service: 'pay', stable: '', canary: '', since: NOON, edge, measure });
    await run(11, () => {
      callers.serve('web', 'pay', 3, '503 FI');
      callers.serve('web', 'pay-aa', 7);
      callers.serve('web', 'pay-bb', 100);
      callers.serve('batch', 'pay', 5, '500');
    });
    const { batches } = sampler.read('k');
    const sum = (of: (batch: (typeof batches)[number]) => number) => batches.reduce((all, batch) => all + of(batch), 0);
    expect([sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)]).toEqual([100, 30]);
    expect([sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)]).toEqual([50, 0]);
  });
});
