import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADAPTIVE_PLAN, GATED_PLAN, MachineWorld, PLAN } from '../../test/support/machine-world.ts';
import { commandsFor } from './commands.ts';
import type { Raise } from './context.ts';
import type { GateFact } from './facts.ts';
import { liveWeightBp } from './guards.ts';
import type { Plan } from './plan.ts';
import { settle } from './settle.ts';
import { wakeAt } from './wake.ts';

/** What can happen to a release from outside, in any order. */
const disturbance = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ kind: fc.constant('release' as const), template: fc.constantFrom('v1', 'v2', 'v3', 'v4') }),
  fc.record({
    kind: fc.constant('metrics' as const),
    state: fc.constantFrom('fresh' as const, 'stale' as const, 'down' as const),
  }),
  fc.record({ kind: fc.constant('traffic' as const), flows: fc.boolean() }),
  fc.record({ kind: fc.constant('verdict' as const), verdict: fc.constantFrom('Advance' as const, 'Hold' as const) }),
  fc.record({
    kind: fc.constant('outage' as const),
    outage: fc.constantFrom<MachineWorld['outage']>('none', 'unrelated', 'sinceStep'),
  }),
  fc.record({ kind: fc.constant('evidence' as const), nextBp: fc.constantFrom(null, 200, 1_000, 5_000, 10_000) }),
  fc.record({ kind: fc.constant('harm' as const), template: fc.constantFrom('v2', 'v3', 'v4') }),
  fc.record({
    kind: fc.constant('unready' as const),
    template: fc.constantFrom('v2', 'v3', 'v4'),
    isReady: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('request' as const),
    type: fc.constantFrom('Pause' as const, 'Resume' as const, 'Promote' as const, 'Abort' as const),
    revision: fc.constantFrom('v2', 'v3'),
    id: fc.constantFrom('1', '2', '3'),
  }),
  fc.record({ kind: fc.constant('scale' as const), replicas: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('edit' as const), namesRevisions: fc.boolean() }),
  fc.record({ kind: fc.constant('undoEdit' as const) }),
  fc.record({ kind: fc.constant('stuckProxies' as const), isStuck: fc.boolean() }),
  fc.record({ kind: fc.constant('unpause' as const) }),
  fc.record({ kind: fc.constant('inject' as const), ms: fc.integer({ min: 1_000, max: 120_000 }) }),
  fc.record({ kind: fc.constant('breach' as const) }),
  fc.record({ kind: fc.constant('forget' as const) }),
  fc.record({
    kind: fc.constant('gate' as const),
    answer: fc.constantFrom<GateFact['state']>('passed', 'failed', 'weakBefore', 'inconclusive'),
  }),
);
const PLANS: fc.Arbitrary<Plan> = fc.constantFrom(PLAN, ADAPTIVE_PLAN, GATED_PLAN);
type Disturbance = typeof disturbance extends fc.Arbitrary<infer T> ? T : never;

class Disturbed {
  readonly world = new MachineWorld();
  private ours: MachineWorld['route'] = { kind: 'plain' };

  constructor(plan: Plan) {
    this.world.plan = plan;
    this.world.pass(1_000);
  }

  apply(what: Disturbance): void {
    const { world } = this;
    switch (what.kind) {
      case 'pass':
        world.pass(what.ms);
        return;
      case 'release':
        world.release(what.template);
        break;
      case 'metrics':
        world.metrics = what.state;
        break;
      case 'traffic':
        world.hasTraffic = what.flows;
        break;
      case 'verdict':
        world.verdict = what.verdict;
        break;
      case 'outage':
        world.outage = what.outage;
        break;
      case 'evidence':
        world.nextBp = what.nextBp;
        break;
      case 'harm':
        world.badRevisions.add(what.template);
        break;
      case 'unready':
        if (what.isReady) world.unreadyRevisions.delete(what.template);
        else world.unreadyRevisions.add(what.template);
        break;
      case 'request':
        world.request = { type: what.type, revision: what.revision, id: what.id };
        break;
      case 'scale':
        world.resize(what.replicas);
        break;
      case 'edit':
        if (world.route.kind === 'revisions') {
          this.ours = world.route;
          world.route = { kind: 'foreign', message: 'edited', namesRevisions: what.namesRevisions };
        }
        break;
      case 'undoEdit':
        this.undoEdit();
        break;
      case 'stuckProxies':
        world.stuckRoute = what.isStuck ? world.route : null;
        break;
      case 'unpause':
        world.paused = false;
        break;
      case 'inject':
        world.faultMs = what.ms;
        world.inject();
        break;
      case 'breach':
        world.faults = world.faults.map((fault) => ({ ...fault, isBreached: fault.until === null }));
        break;
      case 'forget':
        world.faults = [];
        break;
      case 'gate':
        world.gateAnswer = what.answer;
        break;
    }
    world.becomeReady();
    world.reconcile();
  }

  /** Once the release is over its Services are gone, and what is put back is the user's own route. */
  private undoEdit(): void {
    const { world } = this;
    if (world.route.kind !== 'foreign') return;
    world.route = world.machine.context.release === null ? { kind: 'plain' } : this.ours;
  }

  /** Everything that could keep a release from ending is taken away. */
  calm(): void {
    const { world } = this;
    this.undoEdit();
    world.metrics = 'fresh';
    world.hasTraffic = true;
    world.verdict = 'Advance';
    world.outage = 'none';
    world.nextBp = 10_000;
    world.stuckRoute = null;
    world.request = null;
    world.unreadyRevisions.clear();
    world.gateAnswer = 'passed';
    world.faultMs = 20_000;
  }
}

describe('whatever happens to a release', () => {
  // The world throws on weights without ready endpoints, on deletions of what a route names, and on a route without its original.
  it('keeps every promise of the world, never sleeps for ever, and ends at rest once it is left alone', () => {
    fc.assert(
      fc.property(PLANS, fc.array(disturbance, { maxLength: 40 }), (plan, happenings) => {
        const disturbed = new Disturbed(plan);
        const { world } = disturbed;
        for (const what of happenings) {
          disturbed.apply(what);
          const { state, context } = world.machine;
          expect(wakeAt(state, context, plan, world.at)).toBeGreaterThan(world.at);
          expectOrder(plan, context.release?.raises ?? []);
        }
        disturbed.calm();
        world.pass(1_500_000);
        expect(world.machine.state).toBe('Idle');
        expect(world.route).toEqual({ kind: 'plain' });
        expect(
          [...world.revisions.values()].filter(({ owner, hasService }) => owner === 'Rollout' || hasService),
        ).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 240_000);

  it('changes nothing at a repeated look', () => {
    fc.assert(
      fc.property(PLANS, fc.array(disturbance, { maxLength: 25 }), (plan, happenings) => {
        const disturbed = new Disturbed(plan);
        const { world } = disturbed;
        for (const what of happenings) disturbed.apply(what);
        const look = world.look();
        const { announcements, ...again } = settle(world.machine, look);
        expect(again).toEqual(world.machine);
        expect(announcements).toEqual([]);
        expect(commandsFor(again.state, again.context, look)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  }, 240_000);

  it('takes harm to weight 0 at the very next look, in every state that gives weight', () => {
    fc.assert(
      fc.property(PLANS, fc.array(disturbance, { maxLength: 8 }), (plan, happenings) => {
        const disturbed = new Disturbed(plan);
        const { world } = disturbed;
        world.release('v2');
        world.passUntil('Holding');
        for (const what of happenings) disturbed.apply(what);
        const { state, context } = world.machine;
        // Without a ready stable pod the canary is the lesser evil.
        fc.pre(liveWeightBp(state, context) > 0 && state !== 'HandingOver' && context.release !== null);
        fc.pre((world.revisions.get(context.stable ?? '')?.ready ?? 0) > 0);
        world.badRevisions.add(context.release?.revision ?? '');
        const count = world.performed.length;
        world.reconcile();
        expect(world.performed[count]).toMatchObject({ kind: 'WriteRoute', route: { canaryBp: 0 } });
      }),
      { numRuns: 150 },
    );
  }, 240_000);
});

/** Weight only rises, but for the step back from 100 % and the suspension at 0, after which it is no lower than before. */
function expectOrder({ stepping }: Plan, raises: readonly Raise[]): void {
  const low = stepping.kind === 'fixed' ? 500 : 1_000;
  const weights = raises.map(({ weightBp }) => weightBp);
  for (const [index, weight] of weights.entries()) {
    const before = weights.slice(0, index).findLast((earlier) => earlier > 0) ?? 0;
    const wasSuspended = weights[index - 1] === 0;
    if (weight === 0 || (wasSuspended && weight === before)) continue;
    if (weight <= before) expect([before, weight]).toEqual([10_000, low]);
  }
}
