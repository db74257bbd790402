import { describe, expect, it } from 'vitest';
import { AT_REST, RELEASING, sampleRollout } from '../../test/support/sample-rollout.ts';
import type { Rollout } from '../api/rollout.ts';
import { createReleaseTracker } from './release-tracker.ts';

type Status = NonNullable<Rollout['status']>;
type Outcome = NonNullable<Status['history']>[number]['outcome'];

const canary = '7f9c8b5d4f';
const stable = '6d4b75cb6d';
const newer = 'bbbbbbbbbb';

const ended = (revision: string, outcome: Outcome) => ({
  ...{ revision, outcome, message: 'because', startedAt: '2026-01-02T03:03:00Z', finishedAt: '2026-01-02T03:04:00Z' },
});
const rest = (...more: ReturnType<typeof ended>[]) =>
  sampleRollout({ ...AT_REST, history: [...(AT_REST.history ?? []), ...more] });
const during = (status: Partial<Status> = {}) =>
  sampleRollout({ ...RELEASING, history: AT_REST.history ?? [], ...status });

describe('a wait for a release in progress', () => {
  const tracker = (goal: 'promoted' | 'done' = 'done') => createReleaseTracker({ goal, first: during() });

  it('goes on while the release does', () => expect(tracker().observe(during(), 0)).toBeUndefined());

  it.each([
    ['Promoted', true],
    ['RolledBack', false],
    ['Aborted', false],
    ['Reverted', false],
    ['TakenOver', false],
  ] as const)('ends with %s', (outcome, promoted) => {
    expect(tracker().observe(rest(ended(canary, outcome)), 0)).toEqual({
      promoted,
      text: `checkout: ${canary} ended as ${outcome}: because`,
    });
  });

  it('ends when a newer template takes its place', () => {
    const superseded = during({ canary: { revision: newer }, history: [ended(canary, 'Superseded')] });
    expect(tracker().observe(superseded, 0)?.promoted).toBe(false);
  });

  it('does not end with an earlier release of the same revision', () => {
    expect(tracker().observe(sampleRollout({ ...AT_REST, phase: 'RollingBack' }), 0)).toBeUndefined();
  });

  it('for promoted ends as soon as the release is on its way back, for done not', () => {
    const back = during({ phase: 'RollingBack', message: 'no request goes to the canary' });
    expect(tracker('done').observe(back, 0)).toBeUndefined();
    expect(tracker('promoted').observe(back, 0)).toEqual({
      promoted: false,
      text: `checkout: ${canary} is taken back: no request goes to the canary`,
    });
  });
});

describe('a wait for a release that has not begun', () => {
  const tracker = (wanted: string) => createReleaseTracker({ goal: 'done', first: rest(), wanted });

  it('ends at once when the wanted revision is stable', () => {
    expect(tracker(stable).observe(rest(), 0)).toEqual({
      promoted: true,
      text: `checkout: ${stable} is stable, nothing is left to be released`,
    });
  });

  it('waits for the controller to notice', () => expect(tracker(newer).observe(rest(), 1e9)).toBeUndefined());

  it('follows the release once it has begun', () => {
    const waiting = tracker(newer);
    waiting.observe(rest(), 0);
    waiting.observe(during({ canary: { revision: newer } }), 1);
    expect(waiting.observe(rest(ended(newer, 'Promoted')), 2)?.promoted).toBe(true);
  });

  it('sees a release that came and went between two looks', () => {
    const waiting = tracker(newer);
    waiting.observe(rest(), 0);
    expect(waiting.observe(rest(ended(newer, 'RolledBack')), 1)?.promoted).toBe(false);
  });

  it('ends with the refusal of before only when no new release begins', () => {
    const waiting = tracker(canary);
    expect(waiting.observe(rest(), 0)).toBeUndefined();
    expect(waiting.observe(rest(), 2_999)).toBeUndefined();
    expect(waiting.observe(rest(), 3_000)).toEqual({
      promoted: false,
      text: `checkout: ${canary} ended as RolledBack: it failed more often than stable`,
    });
  });

  it('goes on when the same revision is tried again', () => {
    const waiting = tracker(canary);
    waiting.observe(rest(), 0);
    expect(waiting.observe(during(), 10_000)).toBeUndefined();
    expect(waiting.observe(rest(ended(canary, 'Promoted')), 20_000)?.promoted).toBe(true);
  });
});
