import { describe, expect, it } from 'vitest';
import { ADAPTIVE_PLAN, MachineWorld, PLAN } from '../../test/support/machine-world.ts';
import type { Plan } from './plan.ts';
import { reasonToWithdraw } from './withdrawal.ts';

const weights = (world: MachineWorld) =>
  world.performed.flatMap((command) =>
    command.kind === 'WriteRoute' && command.route.kind === 'revisions' ? [command.route.canaryBp] : [],
  );

const adopted = () => {
  const world = new MachineWorld();
  world.pass(1_000);
  return world;
};

describe('a release', () => {
  it('pauses a Deployment that is at rest and does nothing else', () => {
    const world = adopted();
    expect(world.machine.state).toBe('Idle');
    expect(world.performed).toEqual([{ kind: 'PauseDeployment', paused: true }]);
  });

  it('takes a good version through every step, hands it over and leaves the route as it was', () => {
    const world = adopted();
    world.release('v2');
    world.pass(300_000);
    expect(world.visited.slice(1)).toEqual([
      ...['OpeningStable', 'RoutingStable', 'Scaling', 'Shifting', 'Holding', 'Scaling', 'Shifting', 'Holding'],
      ...['Scaling', 'Shifting', 'Baking', 'HandingOver', 'Returning', 'Closing', 'Idle'],
    ]);
    expect(weights(world)).toEqual([0, 500, 5_000, 10_000]);
    expect(world.route).toEqual({ kind: 'plain' });
    expect([...world.revisions.keys()]).toContain('v2');
    expect(world.revisions.get('v2')).toMatchObject({ owner: 'Deployment', replicas: 4, hasService: false });
    expect(world.machine.context).toMatchObject({ stable: 'v2', release: null });
    expect(world.machine.context.history).toMatchObject([{ revision: 'v2', kind: 'Promoted' }]);
  });

  it('takes traffic from a bad version before it does anything else', () => {
    const world = adopted();
    world.badRevisions.add('v2');
    world.release('v2');
    world.pass(300_000);
    const shift = world.performed.findIndex((command) => command.kind === 'WriteRoute' && weights(world)[1] === 500);
    expect(shift).toBeGreaterThanOrEqual(0);
    const afterShift = world.performed.slice(
      world.performed.findIndex((command) => JSON.stringify(command).includes('"canaryBp":500')) + 1,
    );
    expect(afterShift[0]).toEqual({
      kind: 'WriteRoute',
      route: { kind: 'revisions', stable: 'v1', canary: null, canaryBp: 0 },
      replacesForeign: false,
    });
    expect(world.machine.state).toBe('Idle');
    expect(world.machine.context).toMatchObject({ stable: 'v1', refused: { revision: 'v2' } });
    expect(world.revisions.get('v2')).toBeUndefined();
    expect(world.route).toEqual({ kind: 'plain' });
  });

  it('does not try a refused version again until the template changes', () => {
    const world = adopted();
    world.badRevisions.add('v2');
    world.release('v2');
    world.pass(300_000);
    const count = world.performed.length;
    world.pass(600_000);
    expect(world.performed).toHaveLength(count);
    world.release('v3');
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v3');
  });

  it('never gives weight to a canary whose pods do not become ready, and takes it back at the progress deadline', () => {
    const world = adopted();
    world.unreadyRevisions.add('v2');
    world.release('v2');
    world.pass(300_000);
    expect(weights(world)).toEqual([0]);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'ProgressDeadlineExceeded' }]);
  });

  it('gives a newer template its own release, with the old canary at weight 0 first', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    expect(world.machine.state).toBe('Holding');
    world.release('v3');
    world.pass(300_000);
    expect(weights(world)).toEqual([0, 500, 0, 500, 5_000, 10_000]);
    expect(world.machine.context.history.map(({ kind, revision }) => `${revision} ${kind}`)).toEqual([
      'v2 Superseded',
      'v3 Promoted',
    ]);
  });

  it('holds while metrics are silent and goes on when they are back', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.metrics = 'down';
    world.pass(120_000);
    expect(world.machine.state).toBe('Holding');
    world.metrics = 'fresh';
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('does not count a step as applied while proxies follow the old route', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Shifting');
    world.stuckRoute = { kind: 'revisions', stable: 'v1', canary: null, canaryBp: 0 };
    world.pass(200_000);
    expect(world.machine.state).toBe('Shifting');
    world.stuckRoute = null;
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('holds at a foreign edit until it is undone', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    const ours = world.route;
    world.route = { kind: 'foreign', message: 'edited', namesRevisions: true };
    const count = world.performed.length;
    world.pass(120_000);
    expect(world.performed).toHaveLength(count);
    expect(world.announced.filter(({ reason }) => reason === 'RouteChanged')).toHaveLength(1);
    world.route = ours;
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('writes over a foreign edit only with a Resume that came after it', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.request = { type: 'Resume', revision: 'v2', id: 'old' };
    world.pass(1_000);
    world.route = { kind: 'foreign', message: 'edited', namesRevisions: true };
    world.pass(60_000);
    expect(world.route.kind).toBe('foreign');
    world.request = { type: 'Resume', revision: 'v2', id: 'new' };
    world.pass(300_000);
    expect(world.performed).toContainEqual(expect.objectContaining({ kind: 'WriteRoute', replacesForeign: true }));
    expect(world.machine.context.stable).toBe('v2');
  });

  it('ends when somebody puts the plain route back, leaves that route alone and removes the canary', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.route = { kind: 'foreign', message: 'applied again', namesRevisions: false };
    const count = world.performed.length;
    world.pass(120_000);
    expect(world.performed.slice(count).filter(({ kind }) => kind === 'WriteRoute')).toEqual([]);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'RouteTakenAway' }]);
    expect(world.machine.state).toBe('Idle');
    expect(world.revisions.has('v2')).toBe(false);
  });

  it('completes a restore that was cut off between its two writes', () => {
    const world = adopted();
    world.cutsRestore = true;
    world.release('v2');
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
    expect(world.isRestored).toBe(true);
  });

  it('does not take a fix that arrives with the roll back for the version that was taken back', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.badRevisions.add('v2');
    world.release('v3');
    world.pass(300_000);
    expect(world.machine.context.history.map(({ revision, kind }) => `${revision} ${kind}`)).toEqual([
      'v2 RolledBack',
      'v3 Promoted',
    ]);
  });

  it('goes back even when the Deployment is gone', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.hasWorkload = false;
    world.pass(60_000);
    expect(world.machine.context.history.at(-1) ?? world.machine.context.release?.outcome).toMatchObject({
      reason: 'WorkloadDeleted',
    });
    expect(world.route).toEqual({ kind: 'plain' });
  });

  it('makes a Service of stable that somebody deleted again on the way back', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    const stable = world.revisions.get('v1');
    if (stable !== undefined) stable.hasService = false;
    world.badRevisions.add('v2');
    world.pass(1_000);
    expect(world.route).toEqual({ kind: 'revisions', stable: 'v1', canary: null, canaryBp: 0 });
  });

  it('lets a roll end that began before the Deployment could be paused', () => {
    const world = adopted();
    world.release('v2');
    world.revisions.set('v2', { owner: 'Deployment', replicas: 2, ready: 2, left: 2, hasService: false });
    world.pass(30_000);
    expect(world.machine.state).toBe('Idle');
    expect(world.machine.context).toMatchObject({ stable: 'v2', history: [] });
  });

  it('retires stable itself when the Deployment controller does not', () => {
    const world = adopted();
    world.retiresStable = false;
    world.release('v2');
    world.pass(300_000);
    expect(world.performed).toContainEqual({ kind: 'RetireStable', revision: 'v1' });
    expect(world.machine.context.stable).toBe('v2');
  });

  it('takes harm away even from a route that somebody edited', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.route = { kind: 'foreign', message: 'edited', namesRevisions: true };
    world.badRevisions.add('v2');
    world.pass(1_000);
    expect(world.route).toEqual({ kind: 'revisions', stable: 'v1', canary: null, canaryBp: 0 });
  });
});

describe('an operator', () => {
  const underWay = () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    return world;
  };

  it('pauses the release without stopping the way back', () => {
    const world = underWay();
    world.request = { type: 'Pause', revision: 'v2', id: '1' };
    world.pass(700_000);
    expect(world.machine.state).toBe('Holding');
    world.badRevisions.add('v2');
    world.pass(60_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack' }]);
  });

  it('does not lose time to a pause: the deadline moves on by its length', () => {
    const world = underWay();
    world.request = { type: 'Pause', revision: 'v2', id: '1' };
    world.pass(700_000);
    world.request = { type: 'Resume', revision: 'v2', id: '2' };
    world.pass(200_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('promotes past holds and bake, but only through ready pods', () => {
    const world = underWay();
    world.verdict = 'Hold';
    world.request = { type: 'Promote', revision: 'v2', id: '1' };
    world.pass(60_000);
    expect(world.machine.context.stable).toBe('v2');
    expect(weights(world)).toEqual([0, 500, 10_000]);
  });

  it('aborts, and a late repeat for another revision does nothing', () => {
    const world = underWay();
    world.request = { type: 'Abort', revision: 'v2', id: '1' };
    world.pass(60_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Aborted' }]);
    world.release('v3');
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v3');
  });
});

describe('the ways out', () => {
  it('lets go of a Rollout that is deleted mid-release, with the route as it was and stable at full size', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.resize(2);
    world.deleting = true;
    world.pass(300_000);
    expect(world.isGone).toBe(true);
    expect(world.route).toEqual({ kind: 'plain' });
    expect(world.replicas).toBe(4);
    // Un-paused, the Deployment would roll the unjudged template out.
    expect(world.paused).toBe(true);
  });

  it('un-pauses the Deployment of a Rollout that is deleted at rest', () => {
    const world = adopted();
    world.deleting = true;
    world.pass(10_000);
    expect(world.isGone).toBe(true);
    expect(world.paused).toBe(false);
  });

  it('gives the release up to a user who un-pauses the Deployment', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.paused = false;
    world.pass(8_000);
    expect(world.route).toEqual({ kind: 'plain' });
    expect(world.machine.context.history.at(-1) ?? world.machine.context.release?.outcome).toMatchObject({
      kind: 'TakenOver',
    });
  });

  it('takes a release back whose metrics never come, at the deadline', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.metrics = 'stale';
    world.pass(900_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'DeadlineExceeded' }]);
    expect(world.route).toEqual({ kind: 'plain' });
  });
});

describe('the evidence for a promotion', () => {
  it('keeps a release in its bake until it is shown to be good', () => {
    const world = adopted();
    world.isShownGood = false;
    world.release('v2');
    world.passUntil('Baking');
    world.pass(120_000);
    expect(world.machine.state).toBe('Baking');
    world.isShownGood = true;
    world.pass(60_000);
    expect(world.machine.context.history).toMatchObject([{ revision: 'v2', kind: 'Promoted' }]);
  });

  it('is not waited for beyond the deadline', () => {
    const world = adopted();
    world.isShownGood = false;
    world.release('v2');
    world.pass(900_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'DeadlineExceeded' }]);
  });

  it('is not asked of a release that an operator promotes', () => {
    const world = adopted();
    world.isShownGood = false;
    world.release('v2');
    world.passUntil('Holding');
    world.request = { type: 'Promote', revision: 'v2', id: '1' };
    world.pass(120_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('is told when the canary was given more weight', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Baking');
    const { release } = world.machine.context;
    expect(release?.raises.map(({ weightBp }) => weightBp)).toEqual([500, 5_000, 10_000]);
    expect(release?.raises[0]?.at).toBe(release?.evidenceSince);
  });
});

describe('objectives that cannot be measured', () => {
  it.each([
    { state: 'pending', message: 'asks' } as const,
    { state: 'failed', reason: 'NotACounter', message: 'it is a gauge' } as const,
  ])('keep a release from beginning while the answer is $state', (preflight) => {
    const world = adopted();
    world.preflight = preflight;
    const count = world.performed.length;
    world.release('v2');
    world.pass(60_000);
    expect(world.machine.state).toBe('Idle');
    expect(world.performed).toHaveLength(count);
    world.preflight = { state: 'passed', requestRate: 3 };
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('do not stop a release that has begun', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.preflight = { state: 'failed', reason: 'NotACounter', message: 'it is a gauge' };
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('let a superseded release go all the way back', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.preflight = { state: 'pending', message: 'asks' };
    world.release('v3');
    world.pass(60_000);
    expect(world.machine.state).toBe('Idle');
    expect(world.route).toEqual({ kind: 'plain' });
  });
});

describe('adaptive steps', () => {
  const adaptive = (requestRate: number | null = null) => {
    const world = adopted();
    world.plan = ADAPTIVE_PLAN;
    world.preflight = { state: 'passed', requestRate };
    world.release('v2');
    return world;
  };

  it.each([
    [null, 500],
    [10, 500],
    [1000, 50],
  ])('begin at a weight that fits %s requests a second', (requestRate, weightBp) => {
    const world = adaptive(requestRate);
    world.passUntil('Holding');
    expect(weights(world)).toEqual([0, weightBp]);
  });

  it('follow the evidence up and never down', () => {
    const world = adaptive();
    for (const nextBp of [1_000, 200, 3_500, null, 10_000]) {
      world.passUntil('Holding');
      world.nextBp = nextBp;
      world.pass(15_000);
    }
    world.pass(120_000);
    expect(weights(world)).toEqual([0, 500, 1_000, 3_500, 10_000]);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('gives no more weight when the evidence turns while pods are started for it, until it turns back', () => {
    const world = adopted();
    world.release('v2');
    const isStarting = () => world.machine.state === 'Scaling' && world.machine.context.release?.stepIndex === 1;
    for (let tries = 0; tries < 3_000 && !isStarting(); tries += 1) world.pass(100);
    expect(isStarting()).toBe(true);
    world.outage = 'unrelated';
    world.pass(60_000);
    expect(weights(world)).toEqual([0, 500]);
    world.outage = 'none';
    world.pass(300_000);
    expect(weights(world)).toEqual([0, 500, 5_000, 10_000]);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('stay where they are while the judge holds, or before the dwell is over', () => {
    const world = adaptive();
    world.passUntil('Holding');
    world.nextBp = 1_000;
    world.verdict = 'Hold';
    world.pass(60_000);
    expect(weights(world)).toEqual([0, 500]);
    world.verdict = 'Advance';
    world.pass(15_000);
    expect(weights(world)).toEqual([0, 500, 1_000]);
    world.nextBp = 2_000;
    world.pass(30_000);
    const [, second, third] = world.machine.context.release?.raises ?? [];
    expect((third?.at ?? 0) - (second?.at ?? 0)).toBeGreaterThanOrEqual(10_000);
  });
});

describe('a breach at 100 %', () => {
  const baking = (plan: Plan = PLAN) => {
    const world = adopted();
    world.plan = plan;
    world.nextBp = 10_000;
    world.release('v2');
    world.passUntil('Baking');
    return world;
  };

  it.each([
    ['the largest planned weight of at most 10 %', PLAN, [5_000, 10_000, 500, 5_000, 10_000]],
    ['10 % where the evidence says the steps', ADAPTIVE_PLAN, [10_000, 1_000, 10_000]],
    [
      'the smallest planned weight where all are larger',
      planOf(2_000, 5_000, 10_000),
      [5_000, 10_000, 2_000, 5_000, 10_000],
    ],
  ])('gives the canary %s, and the steps again when it ends', (_, plan, newest) => {
    const world = baking(plan);
    world.outage = 'unrelated';
    const count = world.performed.length;
    world.reconcile();
    const low = newest[newest.indexOf(10_000) + 1];
    expect(world.performed.slice(count)).toMatchObject([{ kind: 'WriteRoute', route: { canaryBp: low } }]);
    expect(world.announced.at(-1)).toMatchObject({ severity: 'Warning', reason: 'SteppedBack' });
    world.pass(60_000);
    expect(weights(world).at(-1)).toBe(low);
    expect(world.revisions.get('v2')).toMatchObject({ replicas: 4 });
    world.outage = 'none';
    world.pass(300_000);
    expect(weights(world).slice(-newest.length)).toEqual(newest);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('takes the release back at once where somebody edited the route, which is not written but to take traffic away', () => {
    const world = baking();
    world.route = { kind: 'foreign', message: 'edited', namesRevisions: true };
    world.outage = 'unrelated';
    world.reconcile();
    expect(weights(world).slice(-2)).toEqual([10_000, 0]);
    expect(world.machine.context.release?.outcome).toMatchObject({ kind: 'RolledBack', reason: 'SloBreach' });
  });

  it('takes the release back where it is about to be handed over, or was promoted by hand', () => {
    const world = baking();
    world.outage = 'unrelated';
    const { context } = world.machine;
    const look = world.look();
    expect(reasonToWithdraw('Baking', context, look)).toBeNull();
    expect(reasonToWithdraw('HandingOver', context, look)).toMatchObject({ reason: 'SloBreach' });
    const promoted = { ...context, release: context.release && { ...context.release, isPromoted: true } };
    expect(reasonToWithdraw('Baking', promoted, look)).toMatchObject({ reason: 'SloBreach' });
  });

  it('takes the release back the second time: a fault that shows only with all requests must not go up and back for ever', () => {
    const world = baking();
    world.outage = 'unrelated';
    world.reconcile();
    world.outage = 'none';
    world.passUntil('Baking');
    world.outage = 'unrelated';
    world.reconcile();
    expect(world.machine.context.release?.outcome).toMatchObject({ kind: 'RolledBack', reason: 'SloBreach' });
  });

  it('takes the canary back once stable has shown not to fail', () => {
    const world = baking();
    world.outage = 'unrelated';
    world.reconcile();
    world.outage = 'none';
    world.badRevisions.add('v2');
    world.pass(60_000);
    expect(weights(world).slice(-3)).toEqual([10_000, 500, 0]);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'HarmAgainstStable' }]);
  });
});

describe('the deadline', () => {
  it('does not undo what is decided: a hand-over, or what an operator promoted', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Baking');
    const { context } = world.machine;
    if (context.release === null) throw new Error('no release');
    const look = { ...world.look(), at: context.release.deadlineAt };
    expect(reasonToWithdraw('Baking', context, look)).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(reasonToWithdraw('HandingOver', context, look)).toBeNull();
    const promoted = { ...context, release: { ...context.release, isPromoted: true } };
    expect(reasonToWithdraw('Baking', promoted, look)).toBeNull();
  });
});

describe('a breach of both versions since a step', () => {
  const suspended = (plan: Plan = PLAN) => {
    const world = adopted();
    world.plan = plan;
    world.nextBp = 1_000;
    world.release('v2');
    world.passUntil('Holding');
    world.outage = 'sinceStep';
    world.reconcile();
    return world;
  };

  it('takes the requests from the canary at once, and leaves it its pods', () => {
    const world = suspended();
    expect(world.performed.at(-1)).toMatchObject({ kind: 'WriteRoute', route: { canary: null, canaryBp: 0 } });
    expect(world.announced.at(-1)).toMatchObject({ severity: 'Warning', reason: 'Suspended' });
    const { replicas } = world.revisions.get('v2') ?? {};
    world.pass(60_000);
    expect(world.revisions.get('v2')).toMatchObject({ replicas });
    expect(weights(world)).toEqual([0, 500, 0]);
  });

  it.each([
    ['the weight of its step', PLAN, [0, 500, 0, 500, 5_000, 10_000]],
    ['the weight that it had, where the evidence says the steps', ADAPTIVE_PLAN, [0, 500, 0, 500, 10_000]],
  ])('gives it back %s when another breach is over, and goes on', (_, plan, all) => {
    const world = suspended(plan);
    world.outage = 'unrelated';
    world.pass(60_000);
    expect(weights(world)).toEqual([0, 500, 0]);
    world.outage = 'none';
    world.nextBp = 10_000;
    world.pass(300_000);
    expect(weights(world)).toEqual(all);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('takes it back when the judge blames it', () => {
    const world = suspended();
    world.badRevisions.add('v2');
    world.pass(60_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack' }]);
    expect(weights(world)).toEqual([0, 500, 0]);
  });

  it('takes it back when stable does not recover for 5 min, but not while an operator pauses it', () => {
    const world = suspended();
    const { release } = world.machine.context;
    if (release === null) throw new Error('no release');
    world.request = { type: 'Pause', revision: 'v2', id: '1' };
    world.pass(400_000);
    expect(world.machine.context.release?.outcome).toBeNull();
    world.request = { type: 'Resume', revision: 'v2', id: '2' };
    world.pass(120_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'RolledBack', reason: 'BreachSinceStep' }]);
  });

  it('takes it back at once where somebody edited the route', () => {
    const world = adopted();
    world.release('v2');
    world.passUntil('Holding');
    world.route = { kind: 'foreign', message: 'edited', namesRevisions: true };
    world.outage = 'sinceStep';
    world.reconcile();
    expect(world.machine.context.release?.outcome).toMatchObject({ kind: 'RolledBack', reason: 'BreachSinceStep' });
  });

  it('lets an operator promote it', () => {
    const world = suspended();
    world.outage = 'none';
    world.request = { type: 'Promote', revision: 'v2', id: '1' };
    world.pass(120_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });
});

function planOf(...weightsBp: readonly number[]): Plan {
  const steps = weightsBp.map((weightBp) => ({ weightBp, holdMs: weightBp === 10_000 ? 0 : 10_000 }));
  return { ...PLAN, stepping: { kind: 'fixed', steps } };
}
