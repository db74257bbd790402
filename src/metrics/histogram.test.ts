import { describe, expect, it } from 'vitest';
import { takeIncrements } from './counters.ts';
import {
  addBucket,
  assemble,
  chooseEdges,
  emptyHistogram,
  type Histogram,
  isAwaited,
  lacks,
  pendingSince,
} from './histogram.ts';

const ALL = Number.POSITIVE_INFINITY;
const options = { chosen: [50, 250], underMs: 250, until: 1_000_000 };

type Values = readonly (readonly [edge: number, count: number])[];

function scrape(histogram: Histogram, at: number, values: Values): void {
  for (const [edge, value] of values) if (isAwaited(histogram, at)) addBucket(histogram, edge, { at, value });
}

function histogramOf(...scrapes: readonly (readonly [at: number, values: Values])[]): Histogram {
  const histogram = emptyHistogram();
  for (const [at, values] of scrapes) scrape(histogram, at, values);
  return histogram;
}

const whole = (fast: number, middle: number, all: number): Values => [
  [50, fast],
  [250, middle],
  [ALL, all],
];

function partsOf(histogram: Histogram): unknown {
  const { counter } = histogram;
  return counter && takeIncrements(counter, options.until, 0).map(({ at, amount, parts }) => [at, amount, parts]);
}

describe('rows of a histogram', () => {
  it('are the growth of each interval between two edges', () => {
    const histogram = histogramOf([1000, whole(1, 2, 4)], [2000, whole(2, 4, 9)]);
    assemble(histogram, options);
    expect(partsOf(histogram)).toEqual([
      [1000, 4, [1, 1, 2]],
      [2000, 5, [1, 1, 3]],
    ]);
  });

  it.each([
    [
      'is missing',
      [
        [50, 2],
        [ALL, 9],
      ],
    ],
    [
      'is no number',
      [
        [50, 2],
        [250, Number.NaN],
        [ALL, 9],
      ],
    ],
    [
      'is of another time',
      [
        [50, 2],
        [ALL, 9],
      ],
    ],
  ] as readonly [string, Values][])('wait where a bucket %s, and the next one holds their growth', (_, torn) => {
    const histogram = histogramOf([1000, whole(1, 2, 4)], [2000, torn], [3000, whole(3, 6, 12)]);
    assemble(histogram, options);
    expect(partsOf(histogram)).toEqual([
      [1000, 4, [1, 1, 2]],
      [3000, 8, [2, 2, 4]],
    ]);
  });

  it('are made once the missing bucket comes', () => {
    const histogram = histogramOf(
      [1000, whole(1, 2, 4)],
      [
        2000,
        [
          [50, 2],
          [ALL, 9],
        ],
      ],
    );
    assemble(histogram, options);
    scrape(histogram, 1000, whole(1, 2, 4));
    scrape(histogram, 2000, whole(2, 4, 9));
    assemble(histogram, options);
    expect(partsOf(histogram)).toEqual([
      [1000, 4, [1, 1, 2]],
      [2000, 5, [1, 1, 3]],
    ]);
  });

  it('never have more in a narrow bucket than in a wider one', () => {
    const histogram = histogramOf([1000, whole(5, 3, 4)]);
    assemble(histogram, options);
    expect(partsOf(histogram)).toEqual([[1000, 4, [3, 0, 1]]]);
  });

  it('are none before its first sample is as old as the cut, and none without the edge of the objective', () => {
    const young = histogramOf([1000, whole(1, 2, 4)]);
    assemble(young, { ...options, until: 999 });
    expect(young.counter).toBeUndefined();
    expect(pendingSince(young)).toBe(1000);
    const other = histogramOf([
      1000,
      [
        [50, 1],
        [ALL, 4],
      ],
    ]);
    assemble(other, options);
    expect(other.counter).toBeUndefined();
    expect(pendingSince(other)).toBe(ALL);
  });
});

describe('the edges that are read', () => {
  it('are those of the earliest histogram with an edge at the objective', () => {
    const late = histogramOf([2000, whole(1, 2, 4)]);
    const early = histogramOf([
      1000,
      [
        [100, 1],
        [250, 2],
        [ALL, 4],
      ],
    ]);
    const earliest = histogramOf([
      500,
      [
        [50, 1],
        [ALL, 4],
      ],
    ]);
    expect(chooseEdges([late, early, earliest], 250)).toEqual([100, 250]);
    expect(chooseEdges([earliest], 250)).toEqual([]);
  });
});

describe('a histogram whose buckets are changed under the same labels', () => {
  const without = (at: number): readonly [number, Values] => [
    at,
    [
      [250, 2],
      [ALL, 4],
    ],
  ];

  it('lacks the edge since its first sample without it, once that cannot be lateness any more', () => {
    const histogram = histogramOf([1000, whole(1, 2, 4)], without(6000), without(36_000));
    assemble(histogram, options);
    expect(lacks(histogram)).toBeUndefined();
    scrape(histogram, ...without(36_001));
    assemble(histogram, options);
    expect(lacks(histogram)).toEqual({ edge: 50, since: 6000, until: 36_001, isNative: false });
  });

  it('lacks the edge of the objective from its first sample where it never had it', () => {
    const histogram = histogramOf(
      [
        1000,
        [
          [50, 2],
          [ALL, 4],
        ],
      ],
      [
        40_000,
        [
          [50, 2],
          [ALL, 4],
        ],
      ],
    );
    assemble(histogram, options);
    expect(lacks(histogram)).toEqual({ edge: 250, since: 1000, until: 40_000, isNative: false });
  });

  it('lacks nothing once a later sample is whole, and its growth is counted', () => {
    const histogram = histogramOf([1000, whole(1, 2, 4)], without(6000), without(50_000));
    assemble(histogram, options);
    expect(lacks(histogram)).toBeDefined();
    scrape(histogram, 51_000, whole(2, 4, 9));
    assemble(histogram, options);
    expect(lacks(histogram)).toBeUndefined();
    expect(partsOf(histogram)).toEqual([
      [1000, 4, [1, 1, 2]],
      [51_000, 5, [1, 1, 3]],
    ]);
  });

  it('says the same whether its samples came at once or bit by bit', () => {
    const scrapes = [without(6000), without(20_000), without(41_000)];
    const atOnce = histogramOf([1000, whole(1, 2, 4)], ...scrapes);
    assemble(atOnce, options);
    const bitByBit = histogramOf([1000, whole(1, 2, 4)]);
    for (const one of scrapes) {
      scrape(bitByBit, ...one);
      assemble(bitByBit, options);
    }
    expect(lacks(bitByBit)).toEqual(lacks(atOnce));
    expect(lacks(atOnce)).toBeDefined();
  });
});
