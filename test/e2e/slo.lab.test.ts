import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES } from '../bench/releases-cases.ts';
import type { Run } from '../bench/releases-measure.ts';
import { openReleaseBench, type ReleaseBench } from '../bench/releases-run.ts';
import { figure } from './support/figures.ts';

let bench: ReleaseBench;
beforeAll(async () => {
  // One shop for all; a version that calls nothing it does not need would do for the first two.
  bench = await openReleaseBench({ namespace: 'e2e-slo', port: 9484, withDependency: true, rate: 100 });
});
afterAll(() => bench?.close());

async function run(name: string): Promise<Run> {
  const plan = CASES[name];
  if (plan === undefined) throw new Error(`there is no case ${name}`);
  const made = await bench.run({ name, plan, run: 1, of: 1 });
  figure(`slo: ${name}`, { ...made });
  return made;
}

/** Beside stable, or against the objective that stable keeps: whichever is proved first. */
const OWN_FAILURES = expect.stringMatching(/^(HarmAgainstStable|SloBreach)$/);

describe('a release under load, one run of what npm run bench:releases repeats', () => {
  it('is taken back for its failures when all its answers fail: they are evidence, not missing data', async () => {
    expect(await run('error100')).toMatchObject({
      outcome: 'RolledBack',
      reason: OWN_FAILURES,
      message: expect.stringMatching(/(\d+) of \1 failed, stable 0 of /),
      lostRequests: 0,
    });
  });

  it('is taken back for its failures when it closes every connection without an answer', async () => {
    expect(await run('no-answer')).toMatchObject({ outcome: 'RolledBack', reason: OWN_FAILURES });
  });

  // Before the outage: the minute before a release tells whether stable was well.
  it('is taken back when it breaks what stable depends on too', async () => {
    expect(await run('canary-outage')).toMatchObject({
      outcome: 'RolledBack',
      reason: 'BreachSinceStep',
      lostRequests: 0,
    });
  });

  it('holds while a dependency of both versions fails, then goes on', async () => {
    expect(await run('outage')).toMatchObject({
      outcome: 'Promoted',
      seen: expect.stringMatching(/^Holding 1: /),
      lostRequests: 0,
    });
  });
});
