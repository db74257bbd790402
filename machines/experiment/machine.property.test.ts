import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExperimentWorld } from '../../test/support/experiment-world.ts';
import { settle } from './settle.ts';

const happening = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 500, max: 70_000 }) }),
  },
  fc.record({
    kind: fc.constant('evidence' as const),
    state: fc.constantFrom<ExperimentWorld['evidence']>('fresh', 'stale', 'down', 'starting'),
  }),
  fc.record({
    kind: fc.constant('admission' as const),
    state: fc.constantFrom<ExperimentWorld['admission']['state']>('allowed', 'waiting', 'denied', 'unknown'),
  }),
  fc.record({
    kind: fc.constant('steadyState' as const),
    state: fc.constantFrom<ExperimentWorld['steadyState']>('Holds', 'Undecided', 'Breached', 'BreachedEverywhere'),
  }),
  fc.record({ kind: fc.constant('stop' as const) }),
  fc.record({ kind: fc.constant('edit' as const) }),
  fc.record({ kind: fc.constant('crash' as const), effects: fc.nat(3), deadMs: fc.integer({ min: 0, max: 150_000 }) }),
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function apply(world: ExperimentWorld, what: Happening): void {
  switch (what.kind) {
    case 'pass':
      world.pass(what.ms);
      return;
    case 'evidence':
      world.evidence = what.state;
      break;
    case 'admission':
      world.admission = { state: what.state, reason: 'Asked', message: what.state };
      break;
    case 'steadyState':
      world.steadyState = what.state;
      break;
    case 'stop':
      world.end = { reason: 'StopRequested', message: 'stop' };
      break;
    case 'edit':
      if (world.fault !== null) world.fault.isForeign = true;
      break;
    case 'crash':
      world.diesAfter = what.effects;
      world.pass(20_000);
      world.isDead = true;
      world.pass(what.deadMs);
      world.restart();
      return;
  }
  world.reconcile();
}

describe('whatever happens to an experiment', () => {
  it('keeps every promise of the world, renews without a gap, and ends with nothing left', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 25 }), (happenings) => {
        const world = new ExperimentWorld();
        world.reconcile();
        for (const what of happenings) apply(world, what);
        const look = world.look();
        const again = settle(world.machine, look);
        expect(again).toEqual({ ...world.machine, announcements: [] });
        world.pass(1_200_000);
        expect(world.machine.state).toBe('Finished');
        expect([world.fault, world.fuses.size, world.gaps]).toEqual([null, 0, 0]);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('leaves no fault behind once the fuse is over, when it dies at any moment and never comes back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), fc.nat(4), (ms, effects) => {
        const world = new ExperimentWorld();
        world.reconcile();
        world.pass(ms);
        world.diesAfter = effects;
        world.pass(10_000);
        world.isDead = true;
        const diedAt = world.at;
        world.pass(300_000);
        expect(world.fault).toBeNull();
        expect(world.touchedUntil).toBeLessThanOrEqual(diedAt + world.plan.fuseMs + 1_000);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
