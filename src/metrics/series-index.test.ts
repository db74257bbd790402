import { describe, expect, it } from 'vitest';
import type { Measure, Subject } from './port.ts';
import type { RawSeries } from './provider.ts';
import { addOwner, createSeriesIndex, distribute, removeOwner, type SeriesIndex, sweep } from './series-index.ts';
import type { Tracker } from './tracked.ts';
import { createTracker } from './tracker.ts';
import { wantsOf } from './wants.ts';

const pay: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: 0 };

function indexOf(...subjects: readonly Subject[]): { index: SeriesIndex; trackers: readonly Tracker[] } {
  const [shape] = wantsOf(subjects[0] ?? pay).map((want) => want.shape);
  if (shape === undefined) expect.fail('there is nothing to ask for');
  const index = createSeriesIndex(shape);
  return { index, trackers: subjects.map((subject) => owned(index, subject)) };
}

function owned(index: SeriesIndex, subject: Subject): Tracker {
  const tracker = createTracker(subject);
  for (const want of wantsOf(subject)) if (want.shape.id === index.shape.id) addOwner(index, tracker, want);
  return tracker;
}

function series(host: string, namespace: string, pod: string): RawSeries {
  const destination = { destination_service_name: host, destination_service_namespace: namespace };
  return { labels: { ...destination, pod, job: 'mesh', instance: pod }, samples: [{ at: 1000, value: 1 }] };
}

const held = (trackers: readonly Tracker[]) => trackers.map((tracker) => tracker.series.size);

describe('samples are handed', () => {
  it('to whom they belong, and nothing to others', () => {
    const { index, trackers } = indexOf(pay, { ...pay, service: 'cart' }, { ...pay, namespace: 'lab' });
    const answer = [series('pay-aa', 'shop', 'a'), series('pay-aa', 'lab', 'a'), series('cart-bb', 'shop', 'a')];
    distribute(index, [...answer, series('other', 'shop', 'a')]);
    expect(held(trackers)).toEqual([1, 1, 1]);
  });

  it('to the same, whatever order series come in and whether their labels are the same object', () => {
    const { index, trackers } = indexOf(pay);
    const answer = ['a', 'b', 'c'].map((pod) => series('pay-aa', 'shop', pod));
    distribute(index, answer);
    distribute(index, answer.toReversed());
    distribute(index, structuredClone(answer));
    expect(held(trackers)).toEqual([3]);
    expect(index.entries.size).toBe(3);
  });

  it('to all who want them', () => {
    const { index, trackers } = indexOf(pay, { ...pay, since: 5 });
    distribute(index, [series('pay-aa', 'shop', 'a')]);
    expect(held(trackers)).toEqual([1, 1]);
  });

  it('to one that came later, also of series that were seen before', () => {
    const { index, trackers } = indexOf(pay);
    distribute(index, [series('cart-aa', 'shop', 'a')]);
    const late = owned(index, { ...pay, service: 'cart' });
    distribute(index, [series('cart-aa', 'shop', 'a')]);
    expect(held([...trackers, late])).toEqual([0, 1]);
  });

  it('to nobody who left, and what nobody wants is forgotten', () => {
    const { index, trackers } = indexOf(pay, { ...pay, service: 'cart' });
    const answer = [series('pay-aa', 'shop', 'a'), series('cart-aa', 'shop', 'a')];
    distribute(index, answer);
    for (const tracker of trackers.slice(0, 1)) removeOwner(index, tracker);
    sweep(index);
    expect([index.entries.size, index.owners.size]).toEqual([1, 1]);
    expect(index.buckets.size).toBe(3);
    distribute(index, answer);
    expect(trackers[0]?.batches).toEqual([]);
    expect(held(trackers)).toEqual([1, 1]);
  });

  it('by patterns where the selector is one', () => {
    const measure: Measure = {
      kind: 'counters',
      bad: 'x{pod=~"bad-{{revision}}-.*"}',
      total: 'x{pod=~"{{revision}}-.*"}',
    };
    const { index, trackers } = indexOf({ ...pay, measure });
    const counter = (pod: string): RawSeries => ({ labels: { pod }, samples: [{ at: 1000, value: 1 }] });
    distribute(index, [counter('aa-1'), counter('bad-aa-1'), counter('bb-1'), counter('cc-1')]);
    const [tracker] = trackers;
    expect([...(tracker?.series.values() ?? [])].map(({ arm, counts, pod }) => [arm, counts, pod])).toEqual([
      ['stable', 'total', 'aa-1'],
      ['stable', 'bad', 'bad-aa-1'],
      ['canary', 'total', 'bb-1'],
    ]);
  });
});
