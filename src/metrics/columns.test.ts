import { describe, expect, it } from 'vitest';
import { ColumnSeries, eachSample, newestAt, SampleColumns } from './columns.ts';
import type { RawSample, RawSeries } from './provider.ts';

function handedOver(series: RawSeries): readonly RawSample[] {
  const samples: RawSample[] = [];
  eachSample(series, (at, value) => samples.push({ at, value }));
  return samples;
}

/** Series with so many samples each, in columns that they share. */
function inColumns(counts: readonly number[]): readonly ColumnSeries[] {
  const columns = new SampleColumns();
  return counts.map((count, index) => {
    const from = columns.length;
    for (let sample = 0; sample < count; sample++) columns.push(1000 * index + sample, sample);
    return new ColumnSeries({ pod: `web-${index}` }, columns, from);
  });
}

describe('series in columns', () => {
  it('are what they would be as objects, however many there are', () => {
    for (const [index, series] of inColumns([3, 0, 5000, 1]).entries()) {
      const count = [3, 0, 5000, 1][index] ?? 0;
      const samples = Array.from({ length: count }, (_, sample) => ({ at: 1000 * index + sample, value: sample }));
      const asObjects = { labels: { pod: `web-${index}` }, samples };
      expect(series.samples).toEqual(samples);
      expect(handedOver(series)).toEqual(handedOver(asObjects));
      expect(newestAt(series)).toBe(newestAt(asObjects));
    }
  });
});
