import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucket, custom, exponential, histogram, ofEnvoy } from '../../test/support/native-histograms.ts';
import { countWithin, isSound, nativeEdge, nativeEdges } from './native-histogram.ts';

describe('the count up to an edge', () => {
  const three = histogram(
    bucket(-0.25, 0.25, 1, true),
    bucket(128, 256, 2),
    bucket(256, 512, 4),
    bucket(1024, 2048, 8),
  );

  it.each([
    ['at the upper edge of one bucket and the lower of the next', 256, 3],
    ['below all but the first', 0.25, 1],
    ['in a gap, where nobody was counted', 600, 7],
    ['at the lower edge of a bucket', 1024, 7],
    ['at the last edge', 2048, 15],
    ['beyond all', 1e9, 15],
    ['below all', -1, 0],
    ['inside a bucket', 300, Number.NaN],
    ['inside the bucket of zero', 0.1, Number.NaN],
  ])('%s', (_, edge, count) => {
    expect(countWithin(three, edge)).toBe(count);
  });

  it.each([
    ['open at the left, closed at the right', false, 2],
    ['closed at the left, whose lower edge may have been observed', true, Number.NaN],
  ])('at the lower edge of a bucket %s', (_, hasLower, count) => {
    expect(countWithin(histogram(bucket(1, 4, 2), bucket(4, 8, 1, hasLower)), 4)).toBe(count);
  });

  it('is no number where the buckets do not hold all that was counted', () => {
    expect(countWithin({ ...three, count: 16 }, 256)).toBeNaN();
  });

  it('is 0 of nothing', () => {
    expect(countWithin(histogram(), 256)).toBe(0);
  });

  const durations = fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), { maxLength: 60 });

  it('is that of the durations themselves at every power of two, at every resolution from 1 per octave on', () => {
    fc.assert(
      fc.property(durations, fc.integer({ min: 0, max: 8 }), fc.integer({ min: -4, max: 17 }), (all, schema, power) => {
        const edge = 2 ** power;
        expect(countWithin(exponential(schema, all), edge)).toBe(all.filter((ms) => ms <= edge).length);
      }),
    );
  });

  it('is exact or no number at any edge, resolution and kind', () => {
    const edge = fc.oneof(fc.double({ min: 0.001, max: 1e5, noNaN: true }), fc.constantFrom(1, 5, 250, 256, 500));
    fc.assert(
      fc.property(durations, fc.integer({ min: -4, max: 8 }), edge, (all, schema, at) => {
        const truth = all.filter((ms) => ms <= at).length;
        for (const one of [exponential(schema, all), custom([1, 5, 250, 500], all)]) {
          const count = countWithin(one, at);
          if (!Number.isNaN(count)) expect(count).toBe(truth);
        }
        if ([1, 5, 250, 500].includes(at)) expect(countWithin(custom([1, 5, 250, 500], all), at)).toBe(truth);
      }),
    );
  });
});

describe('a histogram is sound', () => {
  const whole = fc.array(fc.integer({ min: 0, max: 1e5 }), { maxLength: 60 });

  it('if each request is in its bucket, at any resolution and of any kind', () => {
    fc.assert(
      fc.property(whole, fc.integer({ min: -4, max: 8 }), (all, schema) => {
        expect(isSound(exponential(schema, all))).toBe(true);
        expect(isSound({ ...custom([1, 250], all), sum: all.reduce((sum, ms) => sum + ms, 0) })).toBe(true);
      }),
    );
  });

  it.each([8, 4, 3, 0, -1])('not as Envoy 1.39.3 gives it in schema %i', (schema) => {
    expect(isSound(ofEnvoy(schema))).toBe(false);
  });

  it('as far as is known where it has no sum', () => {
    expect(isSound({ ...ofEnvoy(3), sum: Number.NaN })).toBe(true);
  });
});

describe('a threshold of exponential buckets', () => {
  const at = (schema: number) => [exponential(schema, [0, 0.3, 3, 17, 40, 41, 90, 3000])];

  it.each([
    [8, 256, 'edge'],
    [0, 256, 'edge'],
    [0, 1, 'edge'],
    [-1, 256, 'edge'],
    [-3, 256, 'edge'],
  ])('of schema %i is an edge at %i ms', (schema, ms, kind) => {
    expect(nativeEdge(at(schema), ms)).toEqual({ kind });
  });

  it.each([
    [8, 250, [128, 256]],
    [0, 250, [128, 256]],
    [3, 300, [256, 512]],
    [-1, 128, [64, 256]],
    [-2, 250, [16, 256]],
    [-3, 1000, [256, 65_536]],
    [-4, 256, [1, 65_536]],
  ])('of schema %i is none at %i ms, even where nobody was so slow', (schema, ms, next) => {
    expect(nativeEdge(at(schema), ms)).toEqual({ kind: 'between', next, isExponential: true });
  });

  it('counts as that of the coarsest', () => {
    expect(nativeEdge([...at(3), ...at(-1)], 128)).toMatchObject({ kind: 'between', next: [64, 256] });
  });

  it('is read with five edges on each side, which stay edges at the least resolution seen', () => {
    expect(nativeEdges(at(5), 256)).toEqual([8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]);
    expect(nativeEdges(at(-1), 256)).toEqual([0.25, 1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144]);
    expect(nativeEdges(at(5), 250)).toEqual([]);
  });

  it('is known although the bucket of zero cuts the one after it', () => {
    const cut = histogram(bucket(-0.3, 0.3, 1, true), bucket(0.3, 0.5, 1), bucket(0.5, 1, 1));
    expect(nativeEdge([cut], 128)).toEqual({ kind: 'edge' });
  });
});

describe('a threshold of custom buckets', () => {
  const classic = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];
  const seen = [custom(classic, [3, 7, 40, 300]), custom(classic, [60, 9000])];

  it.each([
    ['an edge where a bucket begins', 250],
    ['an edge where a bucket ends', 500],
  ])('is %s', (_, ms) => {
    expect(nativeEdge(seen, ms)).toEqual({ kind: 'edge' });
  });

  it('is none where a bucket reaches over it', () => {
    expect(nativeEdge(seen, 300)).toEqual({ kind: 'between', next: [250, 500], isExponential: false });
    expect(nativeEdge(seen, 3000)).toEqual({ kind: 'between', next: [2500], isExponential: false });
    expect(nativeEdges(seen, 300)).toEqual([]);
  });

  it('may be one where nobody was so slow', () => {
    expect(nativeEdge(seen, 750)).toEqual({ kind: 'unseen' });
    expect(nativeEdge([], 750)).toEqual({ kind: 'unseen' });
  });

  it('is read with its neighbours, as far as they were seen', () => {
    expect(nativeEdges(seen, 250)).toEqual([5, 10, 25, 50, 100, 250, 500, 2500]);
    expect(nativeEdges(seen, 750)).toEqual([25, 50, 100, 250, 500, 750, 2500]);
    expect(nativeEdges([], 750)).toEqual([]);
  });
});
