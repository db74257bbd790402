import { describe, expect, it } from 'vitest';
import { type Cause, type ExperimentContext, type GivenDose, initialContext } from './context.ts';
import type { ExperimentPlan } from './plan.ts';
import { outcomeOf } from './verdict.ts';

const PLAN: ExperimentPlan = {
  ramp: [{ dosePpm: 10_000, forMs: 30_000 }],
  ...{ baselineMs: 30_000, fuseMs: 60_000, startWithinMs: 600_000, hasObjectives: true, minFaulted: 10 },
};

const dose = (change: Partial<GivenDose> = {}): GivenDose => ({
  ...{ dosePpm: 50_000, decidedAt: 0, since: 0, until: 30_000, matched: 2_000, faulted: 100, isProven: true },
  ...{ dose: '100 of 2,000 requests were touched', steadyState: 'Holds', judged: 'availability: holds' },
  ...change,
});

const SEEN_CLEAN = { at: 90_000, isClean: true };

const endedBy = (cause: Cause, doses: readonly GivenDose[] = [dose()]): ExperimentContext => ({
  ...initialContext,
  ...{ doses, ended: { at: 60_000, cause, message: 'what happened' } },
});

describe('the verdict of an experiment', () => {
  it.each([
    ['Passed', 'the steady state held under the proven dose', endedBy('Completed'), PLAN],
    ['Failed', 'the steady state was breached', endedBy('Breached', [dose({ steadyState: 'Breached' })]), PLAN],
    ['Failed', 'a late scrape showed the breach', endedBy('Completed', [dose({ steadyState: 'Breached' })]), PLAN],
    [
      'Failed',
      'earlier samples showed it otherwise',
      endedBy('BreachedEverywhere', [dose({ steadyState: 'Breached' })]),
      PLAN,
    ],
    [
      'Inconclusive',
      'it was breached everywhere',
      endedBy('BreachedEverywhere', [dose({ steadyState: 'BreachedEverywhere' })]),
      PLAN,
    ],
    [
      'Inconclusive',
      'a late scrape showed it to be everywhere',
      endedBy('Breached', [dose({ steadyState: 'BreachedEverywhere' })]),
      PLAN,
    ],
    [
      'Inconclusive',
      'a late scrape showed a breach everywhere',
      endedBy('Completed', [dose({ steadyState: 'BreachedEverywhere' })]),
      PLAN,
    ],
    ['Inconclusive', 'nothing was judged', endedBy('Completed'), { ...PLAN, hasObjectives: false }],
    ['Inconclusive', 'the dose was not proven', endedBy('Completed', [dose({ isProven: null })]), PLAN],
    ['Inconclusive', 'the dose was another one', endedBy('Completed', [dose({ isProven: false })]), PLAN],
    ['Inconclusive', 'too few requests were touched', endedBy('Completed', [dose({ faulted: 3 })]), PLAN],
    ['Inconclusive', 'too little was seen', endedBy('Completed', [dose({ steadyState: 'Undecided' })]), PLAN],
    ['Inconclusive', 'it was breached untouched', endedBy('Breached', [dose({ faulted: 0 })]), PLAN],
    ['Inconclusive', 'it was never admitted', endedBy('Denied', []), PLAN],
    ['Inconclusive', 'the fuse burnt', endedBy('FuseBurnt'), PLAN],
    ['Inconclusive', 'nobody could see it', endedBy('SourceDown'), PLAN],
    ['Inconclusive', 'the steady state was breached before', endedBy('BreachedBefore', []), PLAN],
    ['Stopped', 'an operator stopped it', endedBy('StopRequested'), PLAN],
    ['Stopped', 'it was deleted', endedBy('Deleted'), PLAN],
  ] as const)('is %s where %s', (verdict, _, context, plan) => {
    expect(outcomeOf(context, plan, SEEN_CLEAN)).toMatchObject({ verdict });
  });

  it('names the breach as all samples show it', () => {
    const doses = [dose({ steadyState: 'BreachedEverywhere', judged: 'both failed' })];
    expect(outcomeOf(endedBy('Breached', doses), PLAN, SEEN_CLEAN)).toMatchObject({
      reason: 'BreachedEverywhere',
      message: 'both failed',
    });
  });

  it('says the highest dose under which the steady state was shown to hold', () => {
    const doses = [dose({ dosePpm: 10_000 }), dose(), dose({ dosePpm: 200_000, steadyState: 'Breached' })];
    expect(outcomeOf(endedBy('Breached', doses), PLAN, SEEN_CLEAN).tolerancePpm).toBe(50_000);
    expect(outcomeOf(endedBy('Completed', [dose({ isProven: null })]), PLAN, SEEN_CLEAN).tolerancePpm).toBeNull();
  });

  it.each([
    ['nothing but its dose is right', dose({ dosePpm: 100, matched: 10_000, faulted: 1 })],
    ['the dose is not proven', dose({ dosePpm: 100, isProven: null })],
  ])('takes no dose for tolerated of which %s', (_, last) => {
    expect(outcomeOf(endedBy('Completed', [last]), PLAN, SEEN_CLEAN).tolerancePpm).toBeNull();
  });

  it.each([
    ['under every dose', dose({ dosePpm: 10_000 })],
    ['under the last dose', dose({ dosePpm: 10_000, steadyState: 'Undecided' })],
    ['under the last dose', dose({ dosePpm: 10_000, isProven: null })],
  ])('says that the steady state held %s, and no more than that', (words, first) => {
    const { verdict, message } = outcomeOf(endedBy('Completed', [first, dose()]), PLAN, SEEN_CLEAN);
    expect([verdict, message]).toEqual(['Passed', expect.stringContaining(words)]);
  });

  it('says when requests are still flagged long after the fault went', () => {
    const context = { ...endedBy('StopRequested'), injectedAt: 10_000, goneAt: 61_000 };
    const { verdict, message } = outcomeOf(context, PLAN, { at: 181_000, isClean: false });
    expect(verdict).toBe('Stopped');
    expect(message).toMatch(/still flagged, not by this fault: the object has been gone for 120 s/);
  });

  it('says when nobody could see that callers are untouched again', () => {
    expect(outcomeOf(endedBy('StopRequested'), PLAN, { at: 90_000, isClean: null }).message).toMatch(
      /nobody could see/,
    );
  });
});
