import { describe, expect, it } from 'vitest';
import { countsInWords, oddsInWords, percent, spanInWords } from './words.ts';

describe('the words of a verdict', () => {
  it('tell odds with two digits', () => {
    expect(oddsInWords(Math.log(4137))).toBe('1 in 4,100 against harmless');
    expect(oddsInWords(Math.log(37))).toBe('1 in 37 against harmless');
  });

  it('do not make much of little, nor more of much', () => {
    expect(oddsInWords(-3)).toBe('nothing against harmless');
    expect(oddsInWords(5000)).toBe('less than 1 in 1,000,000,000 against harmless');
  });

  it('tell the counts of both versions', () => {
    const canary = { requests: 212, failures: 7 };
    expect(countsInWords(canary, { requests: 4031, failures: 3 })).toBe('7 of 212 failed, stable 3 of 4,031');
  });

  it('tell ratios and times', () => {
    expect(percent(0.001)).toBe('0.1 %');
    expect([90, 150, 10_800].map(spanInWords)).toEqual(['90 s', '3 min', '3 h']);
  });
});
