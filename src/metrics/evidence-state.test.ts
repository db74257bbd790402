import { describe, expect, it } from 'vitest';
import { evidenceState, type Situation, skewReason } from './evidence-state.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const healthy: Situation = {
  subject: { namespace: 'shop', service: 'checkout', stable: 'aa', canary: 'bb', since: noon },
  sourceName: 'Prometheus at prometheus:9090',
  now: noon + 100_000,
  followedAt: noon,
  readAt: noon + 99_000,
  coveredFrom: noon - 145_000,
  lastSampleAt: noon + 97_000,
  problem: undefined,
  silentAfterMs: 20_000,
  staleAfterMs: 20_000,
};
const refused = { kind: 'unanswered', reason: 'connection refused' } as const;

const odd = { name: 'web-1', edge: 100, since: noon };

describe('evidence is', () => {
  it.each([
    ['fresh with a young sample', {}, 'fresh', 'has fresh samples for checkout in shop'],
    ['fresh with a caller left out', { odd }, 'fresh', ', but web-1 has had no bucket at 100 ms since 12:00:00 UTC'],
    [
      'fresh though its beginning is lost',
      { lostUntil: noon + 30_000 },
      'fresh',
      'for checkout in shop, but Prometheus at prometheus:9090 has no samples left from before 2026-01-01 12:00:30 UTC, so that',
    ],
    [
      'stale because of its only caller',
      { odd, lastSampleAt: noon + 1 },
      'stale',
      'web-1 has had no bucket at 100 ms since 12:00:00 UTC and is not counted: give all',
    ],
    ['stale because of it from the start', { odd, lastSampleAt: null }, 'stale', ': web-1 has had no bucket at 100 ms'],
    ['fresh at the very limit', { lastSampleAt: noon + 80_000 }, 'fresh', ''],
    ['fresh longer where scrapes are rare', { lastSampleAt: noon + 10_000, staleAfterMs: 180_000 }, 'fresh', ''],
    ['down no later for it', { readAt: noon + 79_000, staleAfterMs: 180_000, problem: refused }, 'down', 'for 21 s'],
    ['stale beyond it', { lastSampleAt: noon + 79_999 }, 'stale', 'is 20 s old (limit 20 s)'],
    [
      'stale without any sample',
      { lastSampleAt: null },
      'stale',
      'for checkout in shop since 11:57:35 UTC: is the metric scraped',
    ],
    [
      'starting before the first answer',
      { readAt: null, lastSampleAt: null },
      'starting',
      'waiting for the first answer',
    ],
    [
      'down when the first query failed',
      { readAt: null, problem: refused },
      'down',
      'has not answered for 100 s: connection refused',
    ],
    ['fresh for a while after the source went away', { problem: refused }, 'fresh', ''],
    [
      'down later on',
      { readAt: noon + 79_000, problem: refused },
      'down',
      'has not answered for 21 s: connection refused',
    ],
    [
      'down when a query hangs',
      { readAt: noon + 70_000 },
      'down',
      'has not answered for 30 s: the query is still running',
    ],
    [
      'down when answers cannot be used',
      { readAt: noon + 79_000, problem: { kind: 'unusable', reason: 'it failed (HTTP 500)' } },
      'down',
      'has given no usable answer for 21 s: it failed (HTTP 500)',
    ],
    [
      'stale when half an answer came',
      { problem: { kind: 'partial', reason: 'store b' } },
      'stale',
      'answers only in part: store b',
    ],
    [
      'stale while clocks differ',
      { problem: { kind: 'skewed', reason: skewReason('Prometheus', -301_000) } },
      'stale',
      'the clock of Prometheus is 301 s behind ours: samples are not used',
    ],
  ] as [string, Partial<Situation>, string, string][])('%s', (_, change, state, words) => {
    const result = evidenceState({ ...healthy, ...change });
    expect(result.state).toBe(state);
    expect(result.message).toContain(words);
  });
});
