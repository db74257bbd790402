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

  it('are caught up with in pieces, to the same verdict bit for bit', async () => {
    const batches = Array.from({ length: 90 }, (_, i): Batch => {
      const [scrape] = scrapes(() => i % 7 === 0).slice(-1);
      if (scrape === undefined) throw new Error('there is no scrape');
      return { ...scrape, from: i * 15_000, at: (i + 1) * 15_000 };
    });
    let turns = 0;
    const pause = async () => {
      turns += 1;
    };
    const judging = createJudging({ pause });
    const all = new Map([[NAME, batches]]);
    await judging.catchUp('shop/checkout', RELEASE, all);
    expect(turns).toBeGreaterThanOrEqual(3);
    const [verdict] = judging.judge('shop/checkout', RELEASE, all);
    expect(verdict).toEqual(verdictOn(batches));
    expect(verdict?.lnTotal).not.toBe(0);
    turns = 0;
    await judging.catchUp('shop/checkout', RELEASE, all);
    expect(turns).toBe(0);
  });

  it('leave others their turn while much is caught up with', async () => {
    const [one] = scrapes(() => false);
    if (one === undefined) throw new Error('there is no scrape');
    const batches = Array.from({ length: 300 }, (_, i): Batch => ({ ...one, from: 90_000 + i, at: 100_000 + i }));
    let isDone = false;
    const others = (async () => {
      let turns = 0;
      for (; !isDone; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      return turns;
    })();
    await createJudging().catchUp('shop/checkout', RELEASE, new Map([[NAME, batches]]));
    isDone = true;
    expect(await others).toBeGreaterThanOrEqual(10);
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
