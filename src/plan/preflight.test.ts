import { describe, expect, it } from 'vitest';
import { specWith as sampleSpec } from '../../test/support/sample-spec.ts';
import { judgePreflight } from './preflight.ts';

const NAME = 'availability';

/** An hour of stable's past in parts of 15 s; `failures` says how many of part `i` failed. */
function past(requestsPerSecond: number, failures: (i: number) => number = () => 0) {
  return Array.from({ length: 240 }, (_, i) => ({
    at: (i + 1) * 15_000,
    requests: requestsPerSecond * 15,
    failures: failures(i),
  }));
}

const inspected = (counts: ReturnType<typeof past>, problem: { reason: string; message: string } | null = null) => [
  { name: NAME, problem, past: counts, warnings: [] },
];

const specWith = (change: object = {}) =>
  sampleSpec({ objectives: [{ name: NAME, requests: { successRatio: 99 } }], ...change });

describe('the preflight', () => {
  it('passes on what was measured of the past', () => {
    const verdict = judgePreflight(specWith(), inspected(past(20, (i) => (i % 10 === 0 ? 1 : 0))));
    expect(verdict).toMatchObject({ ok: true, known: { warnings: [] } });
    const known = verdict.ok ? verdict.known : undefined;
    expect(known?.requestRate).toBeCloseTo(20, 0);
    expect(known?.baselines[NAME]?.failureRatio).toBeCloseTo(24 / 72_000, 9);
  });

  it('names the objective that cannot be measured', () => {
    const problem = { reason: 'NotACounter', message: 'prometheus.bad is a gauge: use a counter' };
    expect(judgePreflight(specWith(), inspected([], problem))).toEqual({
      ok: false,
      problem: {
        reason: 'NotACounter',
        message: 'spec.objectives[0] (availability): prometheus.bad is a gauge: use a counter',
      },
    });
  });

  it('refuses a deadline within which a good release could not be shown', () => {
    const analysis = { bake: '1m', deadline: '12m' };
    const spec = specWith({ analysis });
    expect(judgePreflight(spec, inspected(past(20)))).toMatchObject({ ok: true });
    expect(judgePreflight(spec, inspected(past(1)))).toMatchObject({
      ok: false,
      problem: {
        reason: 'DeadlineTooShort',
        message: expect.stringMatching(/^spec\.analysis\.deadline is 12m, but at 1 requests a second .*lengthen/),
      },
    });
  });

  it('takes any deadline where nothing is known of the traffic', () => {
    const verdict = judgePreflight(specWith(), inspected([]));
    expect(verdict).toMatchObject({ ok: true, known: { requestRate: null } });
  });

  it('says that failures are too bursty to compare two versions by them', () => {
    const verdict = judgePreflight(specWith(), inspected(past(100, (i) => (i % 60 === 0 ? 60 : 0))));
    expect(verdict.ok && verdict.known.warnings[0]).toContain('judged by the objective alone');
  });

  it('foretells adaptive steps too', () => {
    const strategy = { canary: { adaptive: { profile: 'Fast' } } };
    expect(judgePreflight(specWith({ strategy }), inspected(past(100)))).toMatchObject({ ok: true });
    const tight = specWith({ strategy, analysis: { bake: '30s', deadline: '1m' } });
    expect(judgePreflight(tight, inspected(past(1)))).toMatchObject({
      ok: false,
      problem: { reason: 'DeadlineTooShort' },
    });
  });
});
