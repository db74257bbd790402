import { describe, expect, it } from 'vitest';
import type { Subject } from './port.ts';
import type { RawSeries } from './provider.ts';
import type { Tracker } from './tracked.ts';
import { createTracker, cut, ingest, ingestUp, trim, unknownTargets } from './tracker.ts';
import { trafficOf } from './traffic.ts';

const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: 100_000 };
const CANARY = { arm: 'canary', part: 'all' } as const;
const STABLE = { arm: 'stable', part: 'all' } as const;
const caller = { job: 'mesh', instance: '10.0.0.1:15020', pod: 'web-1' };

function series(
  code: string,
  samples: readonly (readonly [at: number, value: number])[],
  labels: object = {},
): RawSeries {
  return {
    labels: { ...caller, reporter: 'source', response_code: code, response_flags: '-', ...labels },
    samples: samples.map(([at, value]) => ({ at, value })),
  };
}

/** A tracker whose queries reach back to `coveredFrom`. */
function trackerFrom(coveredFrom: number): Tracker {
  const tracker = createTracker(subject);
  tracker.coveredFrom = coveredFrom;
  return tracker;
}

function canaryOf(tracker: Tracker): readonly [requests: number, failures: number] {
  cut(tracker, 1_000_000, 1000);
  return [
    tracker.batches.reduce((sum, { canary }) => sum + canary.requests, 0),
    tracker.batches.reduce((sum, { canary }) => sum + canary.failures, 0),
  ];
}

describe('a series that is seen for the first time', () => {
  it('counts from 0 when an earlier scrape of its caller did not show it', () => {
    const tracker = trackerFrom(0);
    ingest(
      tracker,
      CANARY,
      series('200', [
        [99_000, 50],
        [104_000, 60],
      ]),
    );
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    expect(canaryOf(tracker)).toEqual([17, 7]);
  });

  it('counts from 0 when that scrape showed another version only', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, STABLE, series('200', [[99_000, 50]]));
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    expect(canaryOf(tracker)).toEqual([7, 7]);
  });

  it('does not count what it shows when it merely entered the window', () => {
    const tracker = trackerFrom(102_000);
    ingest(
      tracker,
      CANARY,
      series('200', [
        [101_000, 900],
        [106_000, 905],
      ]),
    );
    ingest(tracker, CANARY, series('500', [[106_000, 70]]));
    expect(canaryOf(tracker)).toEqual([5, 0]);
  });

  it('is not proven new by a scrape of another caller', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, CANARY, series('200', [[99_000, 1]], { pod: 'web-2', instance: '10.0.0.2:15020' }));
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    expect(canaryOf(tracker)).toEqual([0, 0]);
  });

  it('counts from 0 when `up` tells that its caller was scraped before', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    const [unknown] = unknownTargets(tracker);
    if (unknown === undefined) expect.fail('its caller should be looked up');
    ingestUp(tracker, unknown, [{ labels: caller, samples: [{ at: 99_000, value: 1 }] }], false);
    expect(unknownTargets(tracker)).toEqual([]);
    expect(canaryOf(tracker)).toEqual([7, 7]);
  });

  it.each([
    ['failed', { at: 99_000, value: 0 }, caller],
    ['came with it', { at: 104_000, value: 1 }, caller],
    ['lies before the window', { at: 40_000, value: 1 }, caller],
    ['is of another process', { at: 99_000, value: 1 }, { ...caller, instance: '10.0.0.2:15020' }],
    ['is of another pod', { at: 99_000, value: 1 }, { ...caller, pod: 'web-2' }],
  ])('does not count what it shows when the scrape in `up` %s', (_, sample, labels) => {
    const tracker = trackerFrom(50_000);
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    for (const target of unknownTargets(tracker)) ingestUp(tracker, target, [{ labels, samples: [sample] }], true);
    expect(unknownTargets(tracker)).toEqual([]);
    expect(canaryOf(tracker)).toEqual([0, 0]);
  });

  it('is looked up again while late samples of `up` may come', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, CANARY, series('500', [[104_000, 7]]));
    for (const target of unknownTargets(tracker)) ingestUp(tracker, target, [], false);
    expect(unknownTargets(tracker)).toHaveLength(1);
  });

  it('needs no look-up when it began before the evidence', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, CANARY, series('500', [[99_000, 7]]));
    expect(unknownTargets(tracker)).toEqual([]);
  });
});

describe('a series', () => {
  it('is the same in whatever order its labels come', () => {
    const tracker = trackerFrom(0);
    const one = series('200', [[99_000, 50]]);
    ingest(tracker, CANARY, one);
    const labels = Object.fromEntries(Object.entries(one.labels).reverse());
    ingest(tracker, CANARY, { labels, samples: [{ at: 104_000, value: 60 }] });
    expect(canaryOf(tracker)).toEqual([10, 0]);
    expect(tracker.series.size).toBe(1);
  });

  it('of a caller that vanished stays known, so that its return adds only what is new', () => {
    const tracker = trackerFrom(0);
    ingest(
      tracker,
      CANARY,
      series('200', [
        [99_000, 50],
        [104_000, 60],
      ]),
    );
    cut(tracker, 105_000, 1000);
    trim(tracker, 900_000);
    ingest(tracker, CANARY, series('200', [[950_000, 63]]));
    expect(canaryOf(tracker)).toEqual([13, 0]);
  });
});

describe('a batch of requests', () => {
  it('says since when they ended: since the sample before, or the scrape that did not show them', () => {
    const tracker = trackerFrom(0);
    const scrapes = [
      [99_000, 50],
      [104_000, 60],
      [119_000, 70],
    ] as const;
    ingest(tracker, CANARY, series('200', scrapes));
    ingest(tracker, CANARY, series('500', [[119_000, 3]]));
    cut(tracker, 120_000, 1000);
    expect(tracker.batches).toMatchObject([
      { at: 104_000, from: 99_000, canary: { requests: 10 } },
      { at: 119_000, from: 104_000, canary: { requests: 13, failures: 3 } },
    ]);
  });
});

describe('memory', () => {
  it('does not grow with time while callers stay the same', () => {
    const tracker = trackerFrom(0);
    const held: number[] = [];
    for (let at = 100_000; at < 2_000_000; at += 5000) {
      ingest(tracker, CANARY, series('200', [[at, at / 1000]]));
      cut(tracker, at, 1000);
      trim(tracker, at - 300_000);
      const [only] = tracker.series.values();
      const [target] = tracker.targets.values();
      held.push((only?.counter.at.length ?? 0) + (target?.scrapes.size ?? 0));
    }
    expect(Math.max(...held)).toBeLessThanOrEqual(2 * 62);
  });
});

describe('the split of traffic', () => {
  it('spans the scrapes of all callers that were scraped twice', () => {
    const tracker = trackerFrom(0);
    ingest(
      tracker,
      STABLE,
      series('200', [
        [101_000, 100],
        [106_000, 190],
      ]),
    );
    ingest(tracker, CANARY, series('200', [[106_000, 10]], { destination_service_name: 'pay-bb' }));
    const second = { pod: 'web-2', instance: '10.0.0.2:15020' };
    ingest(
      tracker,
      STABLE,
      series(
        '200',
        [
          [103_000, 5],
          [108_000, 14],
        ],
        second,
      ),
    );
    ingest(tracker, CANARY, series('200', [[109_000, 1000]], { pod: 'web-3', instance: '10.0.0.3:15020' }));
    expect(trafficOf(tracker, 100_000)).toEqual({ from: 101_000, to: 108_000, plain: 0, stable: 99, canary: 10 });
  });

  it('waits for each caller that is still scraped, because that may be the one with the old route', () => {
    const tracker = trackerFrom(0);
    const every5s = (from: number, until: number) =>
      Array.from({ length: (until - from) / 5_000 + 1 }, (_, i): [number, number] => [from + i * 5_000, i]);
    const second = { pod: 'web-2', instance: '10.0.0.2:15020' };
    ingest(tracker, STABLE, series('200', every5s(90_000, 105_000)));
    ingest(tracker, STABLE, series('200', every5s(93_000, 103_000), second));
    expect(trafficOf(tracker, 99_000)).toBeUndefined();
    ingest(tracker, STABLE, series('200', every5s(93_000, 108_000), second));
    expect(trafficOf(tracker, 99_000)).toMatchObject({ from: 100_000, to: 108_000 });
  });

  it('does not wait for a caller that is gone', () => {
    const tracker = trackerFrom(0);
    const second = { pod: 'web-2', instance: '10.0.0.2:15020' };
    const scrapes = [90_000, 95_000, 100_000, 105_000, 110_000].map((at): [number, number] => [at, at / 1_000]);
    ingest(tracker, STABLE, series('200', scrapes));
    ingest(tracker, STABLE, series('200', [[93_000, 7]], second));
    expect(trafficOf(tracker, 99_000)).toMatchObject({ from: 100_000, to: 110_000 });
  });

  it('does not use the scrape at the asked time itself', () => {
    const tracker = trackerFrom(0);
    ingest(
      tracker,
      STABLE,
      series('200', [
        [101_000, 100],
        [106_000, 190],
      ]),
    );
    expect(trafficOf(tracker, 101_000)).toBeUndefined();
  });
});

describe('what is held of a long release', () => {
  const RETENTION_MS = 90_000;
  const HOURS_MS = 2 * 3_600_000;

  /** Scrapes every 5 s for hours, as a sampler polls them: with the last 15 s of samples each time. */
  function livesLong(tracker: Tracker, scrapeAt: (tracker: Tracker, times: readonly number[]) => void): void {
    for (let at = 105_000; at < HOURS_MS; at += 5000) {
      scrapeAt(tracker, [at - 10_000, at - 5000, at]);
      cut(tracker, at, 1000);
      trim(tracker, at - RETENTION_MS);
    }
  }

  const counted = (times: readonly number[]) => times.map((at) => [at, at / 100] as const);

  it('are samples of requests of a bounded time, and one batch for each scrape', () => {
    const tracker = trackerFrom(0);
    livesLong(tracker, (_, times) => ingest(tracker, CANARY, series('200', counted(times))));
    const [tracked] = tracker.series.values();
    expect(tracked?.counter.at.length).toBeLessThanOrEqual(RETENTION_MS / 5000 + 1);
    expect(tracked?.counter.at.length).toBe(tracked?.counter.value.length);
    expect([...tracker.targets.values()].map(({ scrapes }) => scrapes.size)).toEqual([tracked?.counter.at.length]);
    expect(tracker.batches).toHaveLength((HOURS_MS - 105_000) / 5000);
  });

  it('are rows of histograms of a bounded time, and no samples that rows were made of', () => {
    const tracker = createTracker({ ...subject, measure: { kind: 'durations', underMs: 250 } });
    tracker.coveredFrom = 0;
    livesLong(tracker, (_, times) => {
      for (const le of ['100', '250', '+Inf']) ingest(tracker, CANARY, series('200', counted(times), { le }));
    });
    const [{ histogram } = expect.fail('nothing is held')] = tracker.histograms.values();
    expect(histogram.counter?.at.length).toBeLessThanOrEqual(RETENTION_MS / 5000 + 1);
    expect(histogram.counter?.read.length).toBe((histogram.counter?.at.length ?? 0) * (histogram.counter?.width ?? 0));
    expect(histogram.pending.size).toBe(0);
  });

  it('is one sample of a caller that is gone, from which its growth is measured should it return', () => {
    const tracker = trackerFrom(0);
    ingest(tracker, CANARY, series('200', counted([95_000, 105_000]), { pod: 'gone' }));
    livesLong(tracker, (_, times) => ingest(tracker, CANARY, series('200', counted(times))));
    const sizes = [...tracker.series.values()].map(({ counter }) => counter.at.length);
    expect(sizes[0]).toBe(1);
    const before = canaryOf(tracker)[0];
    ingest(tracker, CANARY, series('200', [[HOURS_MS, 1057]], { pod: 'gone' }));
    cut(tracker, HOURS_MS + 1000, 1000);
    expect(tracker.batches.reduce((sum, { canary }) => sum + canary.requests, 0)).toBe(before + 7);
  });
});
