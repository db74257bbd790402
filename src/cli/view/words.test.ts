import { describe, expect, it } from 'vitest';
import { age, counted, oddsInWords, percent, share, span } from './words.ts';

describe('a span of time', () => {
  it.each([
    [-5, '0s'],
    [999, '0s'],
    [8_000, '8s'],
    [60_000, '1m'],
    [200_000, '3m20s'],
    [7_500_000, '2h5m'],
    [345_600_000, '4d'],
    [349_200_000, '4d1h'],
  ])('of %d ms is %s', (ms, text) => expect(span(ms)).toBe(text));
});

describe('an age', () => {
  it('counts from an ISO time', () => {
    expect(age('2026-01-02T03:04:05Z', Date.parse('2026-01-02T03:05:35Z'))).toBe('1m30s');
  });

  it.each([undefined, 'yesterday'])('is a dash for %s', (time) => expect(age(time, 0)).toBe('-'));
});

describe('evidence in words', () => {
  it.each([
    [undefined, 'no evidence yet'],
    [0.2, 'nothing speaks against it'],
    [1, 'nothing speaks against it'],
    [3.24, '3.2 to 1 against it'],
    [3935, '3,935 to 1 against it'],
    [2e9, 'more than 1,000,000 to 1 against it'],
  ])('with odds %s says: %s', (odds, text) => expect(oddsInWords(odds)).toBe(text));
});

describe('a number', () => {
  it('is a percentage with at most two decimals', () => {
    expect([5, 0.25, 33.333].map(percent)).toEqual(['5 %', '0.25 %', '33.33 %']);
  });

  it('is a share of a total, if there is one', () => {
    expect([share(1, 4), share(0, 0)]).toEqual(['25 %', '-']);
  });

  it('goes with its noun', () => {
    expect([counted(0, 'request'), counted(1, 'request'), counted(1204, 'request')]).toEqual([
      '0 requests',
      '1 request',
      '1,204 requests',
    ]);
  });
});
