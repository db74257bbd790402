import { describe, expect, it } from 'vitest';
import type { Evidence, Sampler, Subject } from '../../metrics/port.ts';
import { createFollowing, type FollowedSubjects, rolloutOf, worstEvidence } from './following.ts';

const KEY = 'shop/checkout';
const subject = (canary: string): Subject => ({
  ...{ namespace: 'shop', service: 'checkout', stable: 'aa', since: null },
  canary,
});
const subjectsOf = (canary: string, others: readonly string[], trial: Subject | null = null): FollowedSubjects => ({
  trial,
  release: subject(canary),
  objectives: [
    { name: 'availability', isRelease: true, subject: subject(canary) },
    ...others.map((name) => ({ name, isRelease: false, subject: subject(canary) })),
  ],
});
const evidence = (state: Evidence['state'], message = state as string): Evidence => ({
  ...{ state, message, batches: [], lastSampleAt: null },
});

function scene() {
  const followed = new Map<string, Subject>();
  const sampler = {
    follow: (key: string, own: Subject) => void followed.set(key, own),
    unfollow: (key: string) => void followed.delete(key),
    read: (key: string) => evidence('fresh', `of ${key}`),
  } as unknown as Sampler;
  return { following: createFollowing(sampler), followed };
}

describe('following a release', () => {
  it('counts the release once for the objective that counts the same, and each other one by itself', () => {
    const { following, followed } = scene();
    const found = following.follow(KEY, subjectsOf('bb', ['latency', 'orders']));
    expect([...followed.keys()].toSorted()).toEqual([KEY, `${KEY}#latency`, `${KEY}#orders`]);
    expect(found.objectives.map(({ name, evidence: { message } }) => [name, message])).toEqual([
      ['availability', `of ${KEY}`],
      ['latency', `of ${KEY}#latency`],
      ['orders', `of ${KEY}#orders`],
    ]);
  });

  it('lets go of an objective that the next release does not have', () => {
    const { following, followed } = scene();
    following.follow(KEY, subjectsOf('bb', ['latency']));
    following.follow(KEY, subjectsOf('cc', ['orders']));
    const canaries = Object.fromEntries([...followed].map(([key, { canary }]) => [key, canary]));
    expect(canaries).toEqual({ [KEY]: 'cc', [`${KEY}#orders`]: 'cc' });
  });

  it('counts what a gate has of its fault, for as long as it is tried', () => {
    const { following, followed } = scene();
    const { release } = subjectsOf('bb', []);
    const found = following.follow(KEY, subjectsOf('bb', [], release));
    expect([...followed.keys()].toSorted()).toEqual([KEY, `${KEY}##trial`]);
    expect(found.trial?.message).toBe(`of ${KEY}##trial`);
    following.follow(KEY, subjectsOf('bb', []));
    expect([...followed.keys()]).toEqual([KEY]);
  });

  it('lets go of all of it, and of nothing else', () => {
    const { following, followed } = scene();
    following.follow(KEY, subjectsOf('bb', ['latency']));
    following.follow('shop/checkout-2', subjectsOf('bb', []));
    following.unfollow(KEY);
    expect([...followed.keys()]).toEqual(['shop/checkout-2']);
  });

  it('lets go of what another process may have followed', () => {
    const { following, followed } = scene();
    followed.set(KEY, subject('bb'));
    following.unfollow(KEY);
    expect([...followed.keys()]).toEqual([]);
  });
});

describe('the Rollout of a key', () => {
  it.each([
    [KEY, KEY],
    [`${KEY}#latency`, KEY],
  ])('%s is of %s', (key, rollout) => {
    expect(rolloutOf(key)).toBe(rollout);
  });
});

describe('the worst of the evidence', () => {
  const of = (release: Evidence['state'], latency: Evidence['state']) =>
    worstEvidence({
      release: evidence(release),
      objectives: [{ name: 'latency', evidence: evidence(latency, 'no sample for 40 s') }],
    });

  it.each([
    ['fresh', 'fresh', { state: 'fresh', message: 'fresh' }],
    ['fresh', 'stale', { state: 'stale', message: 'latency: no sample for 40 s' }],
    ['starting', 'stale', { state: 'stale', message: 'latency: no sample for 40 s' }],
    ['stale', 'down', { state: 'down', message: 'latency: no sample for 40 s' }],
    ['down', 'stale', { state: 'down', message: 'down' }],
  ] as const)('is, of %s and %s, named with its objective', (release, latency, worst) => {
    expect(of(release, latency)).toEqual(worst);
  });
});
