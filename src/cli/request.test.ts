import { describe, expect, it } from 'vitest';
import { AT_REST, RELEASING, SAMPLE_NOW_MS, sampleRollout } from '../../test/support/sample-rollout.ts';
import type { Rollout } from '../api/rollout.ts';
import { type ActionType, decide, effectOf } from './request.ts';

const canary = '7f9c8b5d4f';
const other = 'bbbbbbbbbb';
type Status = NonNullable<Rollout['status']>;

const action = (type: ActionType, revision = canary) => ({ action: { type, revision, id: '1' } });
const during = (status: Partial<Status> = {}, changes = {}) => sampleRollout({ ...RELEASING, ...status }, changes);
const decided = (rollout: Rollout, type: ActionType, wanted?: string) =>
  decide(rollout, type, { wanted, nowMs: SAMPLE_NOW_MS });

describe('a request during a release', () => {
  it.each(['Pause', 'Promote', 'Abort'] as const)('to %s is written for the canary', (type) => {
    expect(decided(during(), type)).toEqual({ kind: 'write', revision: canary });
    expect(decided(during(), type, canary)).toEqual({ kind: 'write', revision: canary });
  });

  it.each(['Pause', 'Promote', 'Abort'] as const)('to %s is not written twice', (type) => {
    expect(decided(during({}, action(type)), type).kind).toBe('already');
  });

  it('takes the place of another one', () => {
    expect(decided(during({}, action('Pause')), 'Resume').kind).toBe('write');
    expect(decided(during({}, action('Promote')), 'Abort').kind).toBe('write');
    expect(decided(during({}, action('Resume')), 'Pause').kind).toBe('write');
  });

  it('is written again for a newer release', () => {
    expect(decided(during({}, action('Pause', other)), 'Pause').kind).toBe('write');
  });

  it('to resume says so when nothing is paused', () => {
    expect(decided(during(), 'Resume')).toEqual({ kind: 'already', text: `checkout: ${canary} is not paused` });
    expect(decided(during({}, action('Resume')), 'Resume').kind).toBe('already');
  });

  it('to resume is consent where somebody else has changed the route, each time anew', () => {
    const status = { waiting: { reason: 'RouteChanged', message: 'weights were edited' } };
    expect(decided(during(status), 'Resume').kind).toBe('write');
    expect(decided(during(status, action('Resume')), 'Resume').kind).toBe('write');
  });

  it('is refused for another revision', () => {
    expect(decided(during(), 'Pause', other)).toEqual({
      kind: 'refuse',
      text: `checkout: the release in progress is ${canary}, not ${other}; nothing was changed`,
    });
  });
});

describe('a request for a release on its way back', () => {
  const back = during({ phase: 'RollingBack', message: 'no request goes to the canary' });

  it('is done already when it is to abort', () => expect(decided(back, 'Abort').kind).toBe('already'));

  it.each(['Pause', 'Resume', 'Promote'] as const)('is refused when it is to %s', (type) => {
    expect(decided(back, type)).toEqual({
      kind: 'refuse',
      text: `checkout: ${canary} is on its way back already: no request goes to the canary`,
    });
  });
});

describe('a request for a release that is being promoted', () => {
  const promoting = during({ phase: 'Promoting' });

  it.each([
    ['Promote', 'already'],
    ['Resume', 'already'],
    ['Abort', 'refuse'],
    ['Pause', 'refuse'],
  ] as const)('to %s is %s', (type, kind) => expect(decided(promoting, type).kind).toBe(kind));
});

describe('a request without a release', () => {
  it('is refused with how the last one ended', () => {
    expect(decided(sampleRollout(AT_REST), 'Abort')).toEqual({
      kind: 'refuse',
      text: `checkout has no release in progress; ${canary} was rolled back 3m ago: it failed more often than stable; nothing was changed`,
    });
  });

  it('is refused with how the named one ended', () => {
    const { kind, ...rest } = decided(sampleRollout(AT_REST), 'Abort', '6d4b75cb6d');
    expect(kind).toBe('refuse');
    expect(rest).toHaveProperty('text', expect.stringContaining('6d4b75cb6d was promoted 1h54m ago'));
  });

  it('is refused where nothing was ever released', () => {
    expect(decided(sampleRollout(), 'Pause')).toEqual({
      kind: 'refuse',
      text: 'checkout has no release in progress; nothing was changed',
    });
  });

  it('is done already when it is the one that ended the last release', () => {
    const [promoted, rolledBack] = AT_REST.history ?? [];
    if (promoted === undefined || rolledBack === undefined) throw new Error('the sample has no history');
    const aborted = { ...AT_REST, history: [promoted, { ...rolledBack, outcome: 'Aborted' as const }] };
    expect(decided(sampleRollout(aborted, action('Abort')), 'Abort').kind).toBe('already');
    const good = { ...AT_REST, history: [promoted] };
    expect(decided(sampleRollout(good, action('Promote', promoted.revision)), 'Promote').kind).toBe('already');
    expect(decided(sampleRollout(AT_REST, action('Abort')), 'Abort').kind).toBe('refuse');
  });
});

describe('the effect of a request', () => {
  const asked = (type: ActionType) => ({ type, revision: canary, id: '1' });
  const seen = (type: ActionType, outcome: 'Accepted' | 'Ignored' = 'Accepted') => ({
    lastAction: { ...asked(type), outcome, message: 'revision is not being released' },
  });
  const effect = (type: ActionType, status: Partial<Status>) => effectOf(during(status), asked(type)).kind;

  it('is awaited until the controller has read this very request', () => {
    expect(effect('Pause', { phase: 'Paused' })).toBe('pending');
    expect(effect('Pause', { phase: 'Paused', lastAction: { ...asked('Pause'), id: '0' } })).toBe('pending');
  });

  it('is missed when the controller ignores it', () => {
    expect(effectOf(during(seen('Pause', 'Ignored')), asked('Pause'))).toEqual({
      kind: 'missed',
      text: 'checkout: revision is not being released',
    });
  });

  it.each([
    ['Pause', { phase: 'Progressing' }, 'pending'],
    ['Pause', { phase: 'Paused' }, 'done'],
    ['Resume', { phase: 'Paused' }, 'pending'],
    ['Resume', { phase: 'Progressing' }, 'done'],
    ['Promote', { phase: 'Promoting' }, 'pending'],
    ['Promote', { phase: 'RollingBack' }, 'missed'],
    ['Abort', { phase: 'RollingBack', weight: { desired: 0, applied: 5 } }, 'pending'],
    ['Abort', { phase: 'RollingBack', weight: { desired: 0, applied: 0 } }, 'done'],
  ] as const)('of %s with %j is %s', (type, status, kind) => {
    expect(effect(type, { ...seen(type), ...status })).toBe(kind);
  });

  it.each([
    ['Promote', 'Promoted', 'done'],
    ['Promote', 'RolledBack', 'missed'],
    ['Abort', 'Aborted', 'done'],
    ['Abort', 'RolledBack', 'done'],
    ['Abort', 'Promoted', 'missed'],
    ['Pause', 'RolledBack', 'missed'],
  ] as const)('of %s on a release that ended as %s is %s', (type, outcome, kind) => {
    const [entry] = AT_REST.history ?? [];
    if (entry === undefined) throw new Error('the sample has no history');
    const status = { ...AT_REST, ...seen(type), history: [{ ...entry, revision: canary, outcome }] };
    expect(effectOf(sampleRollout(status), asked(type)).kind).toBe(kind);
  });
});
