import { describe, expect, it } from 'vitest';
import { ExperimentWorld } from '../../test/support/experiment-world.ts';
import type { ExperimentFacts } from './facts.ts';
import { settle } from './settle.ts';

const passed = (ms: number, change: (world: ExperimentWorld) => void = () => undefined) => {
  const world = new ExperimentWorld();
  change(world);
  world.reconcile();
  world.pass(ms);
  return world;
};
const outcomeOf = (world: ExperimentWorld) => world.machine.context.outcome;
/** In the first dose, with some touched requests seen. */
const untilInjecting = () => passed(56_000);

describe('an experiment', () => {
  it('watches, lights a fuse, gives each dose its time, removes the fault, and says what it has shown', () => {
    const world = passed(400_000);
    expect(world.announced).toEqual(['Started', 'Injecting', 'Injecting', 'Completed', 'Passed']);
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Passed', tolerancePpm: 50_000 });
    const kinds = world.performed.map(({ kind }) => kind);
    expect(kinds.indexOf('LightFuse')).toBeLessThan(kinds.indexOf('WriteFault'));
    expect(world.performed.at(-1)).toEqual({ kind: 'RemoveFault' });
    expect(world.gaps).toBe(0);
  });

  it('waits for its admission, and not for ever', () => {
    const waiting = { state: 'waiting', reason: 'TargetHeld', message: 'waits for another' } as const;
    const world = passed(60_000, (fresh) => {
      fresh.admission = waiting;
    });
    expect(world.machine.state).toBe('Pending');
    world.pass(600_000);
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'NotAdmitted' });
  });

  it('does not hold against its first dose what could not be seen before it', () => {
    const { plan, machine } = passed(0);
    const context = { ...machine.context, createdAt: 0, startedAt: 0, blindSince: 1_000 };
    const fuses = [{ number: 1, expiresAt: 999_000, isOwner: false }];
    const seen: ExperimentFacts = {
      ...{ deleting: false, end: null, isClean: null, measuredFrom: null, steadyState: null },
      ...{
        admission: { state: 'allowed' as const, reason: 'Admitted', message: '' },
        evidence: { state: 'fresh' as const, message: '' },
      },
      ...{ fault: { exists: false, dosePpm: null, isForeign: false, fuses } },
      ...{ dose: { matched: 0, faulted: 0, isProven: null, message: '' } },
    };
    const { state } = settle({ state: 'Arming', context }, { at: 35_000, plan, facts: seen });
    expect(state).toBe('Injecting');
  });

  it('injects nothing where the steady state is breached before', () => {
    const world = passed(60_000, (fresh) => {
      fresh.steadyState = 'Breached';
    });
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'BreachedBefore' });
    expect(world.performed).toEqual([]);
  });

  it.each([
    ['a breach', 'Failed', (world: ExperimentWorld) => Object.assign(world, { steadyState: 'Breached' })],
    [
      'a breach everywhere',
      'Inconclusive',
      (world: ExperimentWorld) => Object.assign(world, { steadyState: 'BreachedEverywhere' }),
    ],
    [
      'a stop',
      'Stopped',
      (world: ExperimentWorld) => Object.assign(world, { end: { reason: 'StopRequested', message: 'stop' } }),
    ],
    ['its deletion', 'Stopped', (world: ExperimentWorld) => Object.assign(world, { deleting: true })],
    [
      'the lever',
      'Stopped',
      (world: ExperimentWorld) =>
        Object.assign(world, { admission: { state: 'denied', reason: 'Halted', message: 'halted' } }),
    ],
    [
      "somebody's edit",
      'Inconclusive',
      (world: ExperimentWorld) => Object.assign(world.fault ?? {}, { isForeign: true }),
    ],
    [
      "somebody's deletion of the fault",
      'Inconclusive',
      (world: ExperimentWorld) => Object.assign(world, { fault: null }),
    ],
  ])('takes the fault away at the very next look for %s', (_, verdict, happen) => {
    const world = untilInjecting();
    expect(world.fault).not.toBeNull();
    happen(world);
    world.reconcile();
    expect(world.fault).toBeNull();
    world.pass(300_000);
    expect(outcomeOf(world)?.verdict).toBe(verdict);
  });

  it.each([
    ['another has its target', 'waiting', 'Denied'],
    ['nobody knows for long whether it may', 'unknown', 'SourceDown'],
  ] as const)('does not inject for ever where %s', (_, state, reason) => {
    const world = untilInjecting();
    world.admission = { state, reason: 'Asked', message: 'asked' };
    world.pass(40_000);
    expect(world.fault).toBeNull();
    world.pass(300_000);
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason });
  });

  it('does not wait for ever to begin', () => {
    const world = passed(7_200_000, (fresh) => {
      fresh.evidence = 'stale';
    });
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'NotStarted' });
    expect(world.performed).toEqual([]);
  });

  it('goes on through a short silence of the source, and ends in a long one', () => {
    const world = untilInjecting();
    world.evidence = 'down';
    world.pass(20_000);
    expect(world.fault).not.toBeNull();
    world.pass(20_000);
    expect(world.fault).toBeNull();
    world.pass(300_000);
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'SourceDown' });
    expect(outcomeOf(world)?.message).toMatch(/nobody could see/);
  });

  it('dies, and the cluster ends its fault by the fuse', () => {
    const world = untilInjecting();
    world.isDead = true;
    world.pass(60_000);
    expect(world.fault).toBeNull();
    world.pass(60_000);
    world.restart();
    world.pass(300_000);
    expect(outcomeOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'FuseBurnt' });
  });

  it('takes nothing back of what was counted while its evidence is read anew, and counts what the last look shows', () => {
    const world = untilInjecting();
    world.pass(25_000);
    world.end = { reason: 'StopRequested', message: 'stop' };
    world.reconcile();
    const { context } = world.machine;
    const counted = context.doses.at(-1)?.faulted ?? 0;
    const look = world.look();
    const facts = { ...look.facts, isClean: null, dose: { matched: 0, faulted: 0, isProven: null, message: '' } };
    const anew = settle(world.machine, { ...look, facts });
    expect(counted).toBeGreaterThan(0);
    expect(anew.context.doses.at(-1)?.faulted).toBe(counted);
    const dose = { ...look.facts.dose, matched: look.facts.dose.matched + 50, faulted: counted + 5 };
    const last = { ...look.facts, isClean: true, dose, fault: { ...look.facts.fault, exists: false, fuses: [] } };
    const gone = settle(world.machine, { ...look, facts: { ...last, isClean: null } });
    const over = settle(gone, { ...look, facts: last });
    expect([over.state, over.context.doses.at(-1)?.faulted]).toEqual(['Finished', counted + 5]);
  });

  it('does not recover for ever where requests stay flagged after its fault went', () => {
    const world = untilInjecting();
    world.end = { reason: 'StopRequested', message: 'stop' };
    world.reconcile();
    const { facts } = world.look();
    const look = (at: number) => ({ ...world.look(), at, facts: { ...facts, isClean: false } });
    const waiting = settle(world.machine, look(world.at));
    expect(settle(waiting, look(world.at + 119_000)).state).toBe('Recovering');
    const { state, context } = settle(waiting, look(world.at + 120_000));
    expect(state).toBe('Finished');
    expect(context.outcome).toMatchObject({ verdict: 'Stopped', message: expect.stringContaining('still flagged') });
  });

  it('tells that its fault is gone, and not that its share is another one', () => {
    const world = untilInjecting();
    const look = world.look();
    const fault = { exists: false, dosePpm: null, isForeign: false, fuses: look.facts.fault.fuses };
    const dose = { matched: 2_000, faulted: 5, isProven: false, message: '5 of 2,000' };
    const { context } = settle(world.machine, { ...look, facts: { ...look.facts, fault, dose } });
    expect(context.ended?.cause).toBe('FaultGone');
  });
});
