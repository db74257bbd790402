import { describe, expect, it } from 'vitest';
import { specWith } from '../../../test/support/sample-spec.ts';
import type { Batch } from '../../metrics/port.ts';
import { createJudging, type JudgedRelease } from './judging.ts';

const NAME = 'fast';
const SPEC = specWith({
  objectives: [{ name: NAME, requests: { under: '250ms', ratio: 99 } }],
  analysis: { warmup: '10s' },
});
const RELEASE: JudgedRelease = {
  ...{ id: 'r1', spec: SPEC, baselines: {}, stepping: null },
  raises: [
    { at: 0, weightBp: 1_000 },
    { at: 60_000, weightBp: 5_000 },
  ],
};

/** One scrape every 15 s; while pods are cold half of the canary's answers are slow. */
function scrapes(isSlow: (from: number) => boolean): readonly Batch[] {
  return Array.from({ length: 12 }, (_, i): Batch => {
    const [from, at] = [i * 15_000, (i + 1) * 15_000];
    const slow = isSlow(from) ? 100 : 0;
    return {
      ...{ at, from, canary: { requests: 200, failures: slow }, stable: { requests: 1_800, failures: 0 } },
      latency: {
        edges: [250],
        canary: { requests: 200, within: [200 - slow] },
        stable: { requests: 1_800, within: [1_800] },
      },
    };
  });
}

const verdictOn = (batches: readonly Batch[], release = RELEASE) =>
  createJudging().judge('shop/checkout', release, new Map([[NAME, batches]]))[0];

describe('durations', () => {
  it('of pods that have just started are not compared, at any step', () => {
    const verdict = verdictOn(scrapes((from) => from === 0 || from === 60_000));
    expect(verdict).toMatchObject({ kind: 'Advance', canary: { failures: 0 } });
    // What is kept for an explanation is what was judged.
    expect(verdict?.batches.map(({ at }) => at)).not.toContain(75_000);
  });

  it('of warm pods are', () => {
    expect(verdictOn(scrapes((from) => from >= 90_000))).toMatchObject({ kind: 'Rollback' });
  });

  it('give the same verdict in pieces as in one go', () => {
    const batches = scrapes((from) => from === 60_000 || from === 150_000);
    const judging = createJudging();
    for (let count = 1; count <= batches.length; count += 1) {
      const [piece] = judging.judge('shop/checkout', RELEASE, new Map([[NAME, batches.slice(0, count)]]));
      expect(piece).toEqual(verdictOn(batches.slice(0, count)));
    }
  });
});
