import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addRow,
  addSample,
  type CounterSeries,
  emptySeries,
  growthBetween,
  takeIncrements as take,
  trimSeries,
} from './counters.ts';
import type { RawSample } from './provider.ts';

const neverScrapedBefore = Number.POSITIVE_INFINITY;
const scrapedBefore = Number.NEGATIVE_INFINITY;

function addSamples(series: CounterSeries, samples: readonly RawSample[]): void {
  for (const { at, value } of samples) addSample(series, at, value);
}

function seriesOf(...samples: readonly (readonly [at: number, value: number])[]): CounterSeries {
  const series = emptySeries();
  addSamples(series, toSamples(samples));
  return series;
}

function toSamples(pairs: readonly (readonly [at: number, value: number])[]): RawSample[] {
  return pairs.map(([at, value]) => ({ at, value }));
}

/** Without what they are measured from, which has a test of its own. */
function takeIncrements(...args: Parameters<typeof take>) {
  return take(...args).map(({ since: _, ...increment }) => increment);
}

function total(increments: readonly { readonly amount: number }[]): number {
  return increments.reduce((sum, { amount }) => sum + amount, 0);
}

describe('the increments of a counter', () => {
  it.each([
    {
      name: 'are the differences between samples',
      samples: [
        [1, 5],
        [2, 8],
        [3, 8],
        [4, 9],
      ],
      gives: [
        [2, 3],
        [4, 1],
      ],
    },
    {
      name: 'start from 0 after a reset',
      samples: [
        [1, 90],
        [2, 100],
        [3, 4],
        [4, 6],
      ],
      gives: [
        [2, 10],
        [3, 4],
        [4, 2],
      ],
    },
    {
      name: 'hold nothing for a reset to 0',
      samples: [
        [1, 90],
        [2, 0],
        [3, 1],
      ],
      gives: [[3, 1]],
    },
    {
      name: 'ignore repeated samples',
      samples: [
        [1, 5],
        [2, 8],
        [2, 8],
        [1, 5],
        [3, 9],
      ],
      gives: [
        [2, 3],
        [3, 1],
      ],
    },
    {
      name: 'follow timestamps, not arrival',
      samples: [
        [3, 9],
        [1, 5],
        [2, 8],
      ],
      gives: [
        [2, 3],
        [3, 1],
      ],
    },
    {
      name: 'skip NaN, as a stale marker reads',
      samples: [
        [1, 5],
        [2, Number.NaN],
        [3, 9],
      ],
      gives: [[3, 4]],
    },
    {
      name: 'skip infinite and negative values',
      samples: [
        [1, 5],
        [2, Number.POSITIVE_INFINITY],
        [3, -1],
        [4, 9],
      ],
      gives: [[4, 4]],
    },
    { name: 'are none for a single sample that may be old', samples: [[1, 500]], gives: [] },
    { name: 'are none without samples', samples: [], gives: [] },
  ] as { name: string; samples: [number, number][]; gives: [number, number][] }[])('$name', ({ samples, gives }) => {
    const increments = takeIncrements(seriesOf(...samples), 100, neverScrapedBefore);
    expect(increments).toEqual(gives.map(([at, amount]) => ({ at, amount })));
  });

  it('begin with the first value when the target was scraped before without the counter', () => {
    expect(takeIncrements(seriesOf([10, 3], [20, 4]), 100, 5)).toEqual([
      { at: 10, amount: 3 },
      { at: 20, amount: 1 },
    ]);
  });

  it('do not begin with the first value when the target was first scraped with it', () => {
    expect(takeIncrements(seriesOf([10, 3], [20, 4]), 100, 10)).toEqual([{ at: 20, amount: 1 }]);
  });

  it('hold the first value later, when the earlier scrape becomes known late', () => {
    const series = seriesOf([10, 3]);
    expect(takeIncrements(series, 100, neverScrapedBefore)).toEqual([]);
    addSamples(series, toSamples([[20, 4]]));
    expect(takeIncrements(series, 100, 5)).toEqual([
      { at: 10, amount: 3 },
      { at: 20, amount: 1 },
    ]);
  });

  it('say from which sample on they grew, also when that one was dropped', () => {
    const series = seriesOf([10, 3], [20, 4], [30, 6]);
    expect(take(series, 20, 5)).toMatchObject([{ since: Number.NEGATIVE_INFINITY }, { since: 10 }]);
    trimSeries(series, 25);
    expect(take(series, 30, 5)).toEqual([{ at: 30, since: 20, amount: 2 }]);
  });

  it('are handed out once and only up to the given time', () => {
    const series = seriesOf([1, 0], [2, 5], [3, 7]);
    expect(takeIncrements(series, 2, neverScrapedBefore)).toEqual([{ at: 2, amount: 5 }]);
    expect(takeIncrements(series, 2, neverScrapedBefore)).toEqual([]);
    expect(takeIncrements(series, 3, neverScrapedBefore)).toEqual([{ at: 3, amount: 2 }]);
  });

  it('gain what a late sample reveals: a reset between two samples that looked like steady growth', () => {
    const series = seriesOf([1, 100], [3, 110]);
    expect(total(takeIncrements(series, 3, neverScrapedBefore))).toBe(10);
    addSamples(series, toSamples([[2, 5]]));
    expect(total(takeIncrements(series, 3, neverScrapedBefore))).toBe(100);
  });

  it('stay what they are when a late sample shows nothing new', () => {
    const series = seriesOf([1, 0], [3, 10]);
    takeIncrements(series, 3, neverScrapedBefore);
    addSamples(series, toSamples([[2, 4]]));
    expect(takeIncrements(series, 3, neverScrapedBefore)).toEqual([]);
  });
});

describe('a part of a counter', () => {
  const taken = (rows: readonly (readonly [at: number, row: readonly number[]])[]) => {
    const series = emptySeries(2);
    return rows.flatMap(([at, row]) => {
      addRow(series, at, row);
      return takeIncrements(series, at, 0).map(({ parts }) => parts);
    });
  };

  it('that fell while its total did not has not grown until it is above what it was', () => {
    expect(
      taken([
        [1000, [10, 5, 5]],
        [2000, [12, 4, 8]],
        [3000, [14, 6, 8]],
      ]),
    ).toEqual([
      [5, 5],
      [0, 3],
      [1, 0],
    ]);
  });

  it('counts as it was read when a late sample shows that it had been reset before', () => {
    const series = emptySeries(2);
    addRow(series, 1000, [10, 5, 5]);
    addRow(series, 3000, [11, 3, 8]);
    addRow(series, 2000, [18, 9, 9]);
    const sums = [0, 0];
    for (const { parts = [] } of takeIncrements(series, 3000, 0)) {
      for (const [index, part] of parts.entries()) sums[index] = (sums[index] ?? 0) + part;
    }
    expect(sums).toEqual([9 + 3, 9 + 8]);
  });
});

describe('trimming a counter', () => {
  it('keeps the newest sample of a pod that vanished, so that its old count never looks new', () => {
    const series = seriesOf([1, 50], [2, 60]);
    takeIncrements(series, 2, scrapedBefore);
    trimSeries(series, 1000);
    expect(series.at).toEqual([2]);
    addSamples(series, toSamples([[2000, 61]]));
    expect(takeIncrements(series, 2000, scrapedBefore)).toEqual([{ at: 2000, amount: 1 }]);
  });

  it('keeps samples that were not asked about', () => {
    const series = seriesOf([1, 0], [2, 5], [3, 9]);
    takeIncrements(series, 1, neverScrapedBefore);
    trimSeries(series, 1000);
    expect(total(takeIncrements(series, 1000, neverScrapedBefore))).toBe(9);
  });

  it('makes later arrivals of dropped samples harmless', () => {
    const series = seriesOf([1, 0], [2, 5], [3, 9]);
    takeIncrements(series, 3, neverScrapedBefore);
    trimSeries(series, 3);
    addSamples(
      series,
      toSamples([
        [1, 0],
        [2, 5],
      ]),
    );
    expect(series.at).toEqual([3]);
    expect(takeIncrements(series, 3, neverScrapedBefore)).toEqual([]);
  });
});

describe('growth between two times', () => {
  it.each([
    { from: 1, to: 4, growth: 17 },
    { from: 2, to: 3, growth: 10 },
    { from: 2.5, to: 3.5, growth: 10 },
    { from: 4, to: 9, growth: 0 },
  ])('from $from to $to is $growth', ({ from, to, growth }) => {
    expect(growthBetween(seriesOf([1, 0], [2, 5], [3, 15], [4, 2]), from, to)).toBe(growth);
  });

  it('counts a counter that began in between from 0', () => {
    expect(growthBetween(seriesOf([5, 3], [6, 4]), 1, 6)).toBe(4);
  });

  it('is 0 for a counter that began later', () => {
    expect(growthBetween(seriesOf([5, 3]), 1, 4)).toBe(0);
  });

  it('is measured from the oldest sample held when older ones were dropped', () => {
    const series = seriesOf([1, 100], [2, 110], [3, 125]);
    takeIncrements(series, 3, neverScrapedBefore);
    trimSeries(series, 2);
    expect(growthBetween(series, 0, 3)).toBe(15);
  });
});

/** A counter's true life as seen by scrapes: growth between scrapes, now and then a restart of its process just after a scrape. */
const lives = fc
  .array(
    fc.record({
      gapMs: fc.integer({ min: 1, max: 20_000 }),
      grows: fc.integer({ min: 0, max: 50 }),
      restarts: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let at = 0;
    let value = 0;
    let growth = 0;
    const samples: RawSample[] = [];
    for (const step of steps) {
      at += step.gapMs;
      // A restart shows only as a smaller value; one that does not is invisible to any reader of counters.
      if (step.restarts && step.grows < value) value = 0;
      value += step.grows;
      growth += step.grows;
      samples.push({ at, value });
    }
    return { samples, growth, end: at };
  });

describe('for any life of a counter that began while it was watched', () => {
  it('increments sum up to its true growth, in whatever order and however often samples arrive', () => {
    fc.assert(
      fc.property(
        lives,
        fc.infiniteStream(fc.nat()),
        fc.integer({ min: 1, max: 9 }),
        ({ samples, growth, end }, dice, size) => {
          const arrivals = [...samples, ...samples.filter((_, index) => index % 3 === 0)]
            .map((sample) => ({ sample, rank: dice.next().value as number }))
            .sort((a, b) => a.rank - b.rank)
            .map(({ sample }) => sample);
          const series = emptySeries();
          let counted = 0;
          for (let i = 0; i < arrivals.length; i += size) {
            addSamples(series, arrivals.slice(i, i + size));
            counted += total(takeIncrements(series, end, scrapedBefore));
          }
          expect(counted).toBe(growth);
        },
      ),
    );
  });

  it('trimming what was counted changes no total', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 0, max: 60_000 }), ({ samples, growth, end }, keepMs) => {
        const series = emptySeries();
        let counted = 0;
        for (const sample of samples) {
          addSamples(series, [sample]);
          counted += total(takeIncrements(series, sample.at, scrapedBefore));
          trimSeries(series, sample.at - keepMs);
        }
        expect(counted).toBe(growth);
        expect(takeIncrements(series, end, scrapedBefore)).toEqual([]);
      }),
    );
  });

  it('no increment is zero or negative, and none comes after the asked time', () => {
    fc.assert(
      fc.property(lives, fc.integer({ min: 0, max: 400_000 }), ({ samples }, until) => {
        const series = emptySeries();
        addSamples(series, samples);
        for (const { at, amount } of takeIncrements(series, until, scrapedBefore)) {
          expect(amount).toBeGreaterThan(0);
          expect(at).toBeLessThanOrEqual(until);
        }
      }),
    );
  });
});
