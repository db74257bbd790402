import { describe, expect, it } from 'vitest';
import { readNativeMatrix } from './native-matrix.ts';

const answer = (result: unknown, resultType = 'matrix') => ({ status: 'success', data: { resultType, result } });
const series = (...histograms: unknown[]) => answer([{ metric: { __name__: 'x', pod: 'a' }, histograms }]);
const AT = 1_700_000_000.25;

describe('native histograms of an answer', () => {
  it('are read with both edges of each bucket, and whether the lower one is in it', () => {
    const buckets = [
      [3, '-Inf', '0.001', '1'],
      [0, '0.001', '250', '1e3'],
      [1, '250', '500', '0'],
      [2, '500', '1e+21', '3'],
      [1, '1e+21', '+Inf', '4'],
    ];
    const read = readNativeMatrix(
      series([AT, { count: '1008', sum: 'NaN', buckets }], [AT + 5, { count: '0', sum: '0' }]),
    );
    expect(read?.series).toEqual([
      {
        labels: { pod: 'a' },
        samples: [],
        histograms: [
          {
            at: 1_700_000_000_250,
            count: 1008,
            sum: Number.NaN,
            buckets: [
              { lower: Number.NEGATIVE_INFINITY, upper: 0.001, hasLower: true, count: 1 },
              { lower: 0.001, upper: 250, hasLower: false, count: 1000 },
              { lower: 500, upper: 1e21, hasLower: false, count: 3 },
              { lower: 1e21, upper: Number.POSITIVE_INFINITY, hasLower: true, count: 4 },
            ],
          },
          { at: 1_700_000_005_250, count: 0, sum: 0, buckets: [] },
        ],
      },
    ]);
    expect(read?.body).toEqual(answer([]));
  });

  it('are none where a series has plain values only', () => {
    const read = readNativeMatrix(answer([{ metric: { pod: 'a' }, values: [[AT, '1']] }]));
    expect(read?.series).toEqual([{ labels: { pod: 'a' }, samples: [], histograms: [] }]);
  });

  it.each([
    ['of another type', answer([], 'vector')],
    ['that is none', 'text'],
    ['that is null', null],
    ['that failed', { status: 'error' }],
    ['whose series are no list', answer({})],
    ['with a series without labels', answer([{ histograms: [] }])],
    ['with histograms that are no list', answer([{ metric: {}, histograms: {} }])],
    ['with a sample that is none', series('x')],
    ['without a timestamp', series([null, { count: '1' }])],
    ['without a count', series([AT, { buckets: [] }])],
    ['with a bucket that is none', series([AT, { count: '1', buckets: [7] }])],
    ['with a bucket without a count', series([AT, { count: '1', buckets: [[0, '1', '2']] }])],
  ])('are not read of an answer %s', (_, body) => {
    expect(readNativeMatrix(body)).toBeUndefined();
  });
});
