import { describe, expect, it } from 'vitest';
import { GATED_PLAN, MachineWorld, PLAN } from '../../test/support/machine-world.ts';

const released = (plan = GATED_PLAN) => {
  const world = new MachineWorld();
  world.plan = plan;
  world.pass(1_000);
  world.release('v2');
  return world;
};

const kindsOf = (world: MachineWorld) =>
  world.performed.flatMap((command): readonly (string | number)[] => {
    if (command.kind === 'WriteRoute' && command.route.kind === 'revisions') return [command.route.canaryBp];
    if (command.kind === 'OpenExperiment') return [`opens ${command.gate}`];
    return command.kind === 'StopExperiment' ? [`stops ${command.name}`] : [];
  });

describe('a gate', () => {
  it('is tried at its weight, once the release may go on, and before it gets more', () => {
    const world = released();
    world.pass(400_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429', 5_000, 'opens payments-slow', 10_000]);
    expect(world.machine.context.history).toMatchObject([{ revision: 'v2', kind: 'Promoted' }]);
    expect(world.announced.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['GateOpened', 'GatePassed', 'WeightRaised']),
    );
  });

  it('takes back a version that fails it: the requests first, then the fault', () => {
    const world = released();
    world.gateAnswer = 'failed';
    world.pass(400_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429', 0, 'stops fault-1']);
    expect(world.machine.context.history).toMatchObject([
      { kind: 'RolledBack', reason: 'ResilienceGateFailed', message: 'gate payments-429: it is failed' },
    ]);
  });

  it('lets pass what stable does not bear either, with a warning', () => {
    const world = released();
    world.gateAnswer = 'weakBefore';
    world.pass(400_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
    expect(world.announced.filter(({ severity }) => severity === 'Warning').map(({ reason }) => reason)).toEqual([
      ...['GateWeakBefore', 'GateWeakBefore'],
    ]);
  });

  it('that shows nothing holds the release, however long', () => {
    const world = released();
    world.gateAnswer = 'inconclusive';
    world.pass(1_600_000);
    expect(world.machine.state).toBe('Holding');
    expect(world.machine.context.release).toMatchObject({ weightBp: 500, gates: [], outcome: null });
  });

  it('takes its time from nobody: the deadline stands still meanwhile', () => {
    const world = released();
    world.faultMs = 900_000;
    world.pass(60_000);
    const deadlineAt = world.machine.context.release?.deadlineAt ?? 0;
    world.pass(1_000_000);
    expect(world.machine.context.release?.deadlineAt).toBeGreaterThanOrEqual(deadlineAt + 850_000);
  });

  it('that shows nothing is tried again once its experiment is deleted', () => {
    const world = released();
    world.gateAnswer = 'inconclusive';
    world.pass(200_000);
    world.faults = [];
    world.gateAnswer = 'passed';
    world.pass(400_000);
    expect(kindsOf(world).filter((kind) => kind === 'opens payments-429')).toHaveLength(2);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('is skipped by an operator who promotes, and its experiment stopped', () => {
    const world = released();
    world.faultMs = 600_000;
    world.pass(60_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429']);
    world.request = { type: 'Promote', revision: 'v2', id: '1' };
    world.pass(300_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429', 'stops fault-1', 10_000]);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });
});

describe('an experiment of a gate', () => {
  const begun = () => {
    const world = released();
    world.faultMs = 900_000;
    world.pass(60_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429']);
    return world;
  };

  it('ends with its release', () => {
    const world = begun();
    world.badRevisions.add('v2');
    world.pass(1_000);
    expect(kindsOf(world)).toEqual([0, 500, 'opens payments-429', 0, 'stops fault-1']);
  });

  it('ends also where nobody looked while the release did', () => {
    const world = begun();
    world.machine = { state: 'Idle', context: { ...world.machine.context, release: null } };
    world.release('v1');
    world.reconcile();
    expect(kindsOf(world).at(-1)).toBe('stops fault-1');
  });
});

describe("somebody's experiment on what the release calls", () => {
  it('holds it, and moves its deadline on', () => {
    const world = released(PLAN);
    world.passUntil('Holding');
    const deadlineAt = world.machine.context.release?.deadlineAt ?? 0;
    world.faultMs = 60_000;
    world.inject();
    world.pass(59_000);
    expect(world.machine.state).toBe('Holding');
    world.pass(3_000);
    expect((world.machine.context.release?.deadlineAt ?? 0) - deadlineAt).toBeGreaterThanOrEqual(60_000);
    world.pass(300_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('is stopped when the canary breaks under it, before anybody is blamed', () => {
    const world = released(PLAN);
    world.passUntil('Holding');
    world.faultMs = 600_000;
    world.inject({ isBreached: true });
    world.pass(1_000);
    expect(kindsOf(world)).toEqual([0, 500, 'stops fault-1']);
    expect(world.machine.state).toBe('Holding');
    world.pass(300_000);
    expect(world.machine.context.history).toMatchObject([{ kind: 'Promoted' }]);
  });

  it('is stopped before a canary is called lost when stable is lost as well', () => {
    const world = released(PLAN);
    world.passUntil('Holding');
    world.faultMs = 20_000;
    world.inject();
    world.unreadyRevisions.add('v1').add('v2');
    world.pass(2_000);
    expect(kindsOf(world)).toEqual([0, 500, 'stops fault-1']);
    expect(world.machine.context.release?.outcome).toBeNull();
    world.passUntil('Withdrawing', 60_000);
    expect(world.machine.context.release?.outcome).toMatchObject({ reason: 'CanaryLost' });
  });

  it('is remembered when it is deleted, until its fuse is out', () => {
    const world = released(PLAN);
    world.passUntil('Holding');
    const from = world.at;
    world.inject();
    world.pass(1_000);
    world.faults = [];
    world.pass(1_000);
    expect(world.machine.context.release?.faults).toEqual([
      { id: 'fault-1', from, until: from + 75_000, fuseUntil: from + 60_000 },
    ]);
  });
});
