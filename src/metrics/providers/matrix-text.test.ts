import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKnownLabels } from './known-series.ts';
import { LABEL_MARKS, readMatrixText } from './matrix-text.ts';

const bytes = (text: string) => Buffer.from(text);
const known = () => createKnownLabels(LABEL_MARKS, () => 0);
const answer = (result: unknown, extra: object = {}) =>
  JSON.stringify({ status: 'success', data: { resultType: 'matrix', result }, ...extra });

const series = fc.record({
  metric: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__name__', 'pod')), fc.string({ unit: 'binary' })),
  values: fc.array(
    fc.tuple(
      fc.integer({ min: 1, max: 2_000_000_000_000 }).map((ms) => ms / 1000),
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
        fc.constantFrom('NaN', '+Inf', '-Inf', '0'),
      ),
    ),
    { minLength: 0, maxLength: 4 },
  ),
});

describe('the text of a matrix', () => {
  it('is read as JSON would be, whatever the labels hold', () => {
    fc.assert(
      fc.property(fc.array(series), fc.array(fc.string()), (result, warnings) => {
        const read = readMatrixText(bytes(answer(result, { warnings })), known());
        expect(read?.body).toEqual({ status: 'success', data: { resultType: 'matrix', result: [] }, warnings });
        expect(read?.series.map(({ labels, samples }) => ({ labels, samples }))).toEqual(
          result.map(({ metric: { __name__: _, ...labels }, values }) => ({
            labels: JSON.parse(JSON.stringify(labels)),
            samples: values.map(([time, value]) => ({ at: Math.trunc(time * 1000), value: Number.parseFloat(value) })),
          })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same labels for the same text, until they were not seen for long', () => {
    let now = 0;
    const labels = createKnownLabels(LABEL_MARKS, () => now);
    const text = answer([{ metric: { pod: 'a' }, values: [] }]);
    const read = () => readMatrixText(bytes(text), labels)?.series[0]?.labels;
    const first = read();
    expect(read()).toBe(first);
    const other = (pod: string) => readMatrixText(bytes(answer([{ metric: { pod }, values: [] }])), labels);
    now = 61_000;
    other('b');
    expect(read()).toBe(first);
    for (now = 200_000; now < 400_000; now += 100_000) other(String(now));
    expect(read()).not.toBe(first);
    expect(read()).toEqual(first);
  });

  it.each([
    ['is no JSON', '<html>'],
    ['is cut off', answer([{ metric: { pod: 'a' }, values: [[1, '2']] }]).slice(0, -9)],
    ['is cut off in a sample', answer([{ metric: { pod: 'a' }, values: [[1, '2']] }]).slice(0, -16)],
    ['is a vector', JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } })],
    ['is an error', JSON.stringify({ status: 'error', data: { resultType: 'matrix', result: [] } })],
    ['holds native histograms', answer([{ metric: { pod: 'a' }, histograms: [] }])],
    ['holds both kinds', answer([{ metric: { pod: 'a' }, values: [], histograms: [] }])],
    ['has values that are numbers', answer([{ metric: { pod: 'a' }, values: [[1, 2]] }])],
    ['has no time', answer([{ metric: { pod: 'a' }, values: [['x', '2']] }])],
    ['has labels that are no texts', answer([{ metric: { pod: 1 }, values: [] }])],
    ['has a list for labels', answer([{ metric: ['pod'], values: [] }])],
    ['has something after a series', answer([{ metric: {}, values: [] }, 'x'])],
    ['is written over several lines', JSON.stringify(JSON.parse(answer([{ metric: {}, values: [] }])), null, 1)],
  ])('is left to the slow way where it %s', (_, text) => {
    expect(readMatrixText(bytes(text), known())).toBeUndefined();
  });
});
