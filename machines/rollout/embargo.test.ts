import { describe, expect, it } from 'vitest';
import { MachineWorld } from '../../test/support/machine-world.ts';

const atRest = () => {
  const world = new MachineWorld();
  world.pass(1_000);
  return world;
};

describe('a release under an embargo', () => {
  it('does not begin, goes on under one that comes later, and begins once it is over', () => {
    const world = atRest();
    const embargo = { reason: 'Frozen', message: 'black week', until: null };
    world.embargo = embargo;
    world.release('v2');
    world.pass(300_000);
    expect(world.machine.state).toBe('Idle');
    expect(world.performed.some(({ kind }) => kind === 'WriteRoute')).toBe(false);
    world.embargo = null;
    world.passUntil('Holding');
    world.embargo = embargo;
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v2');
  });

  it('goes back to stable where a newer template must not begin', () => {
    const world = atRest();
    world.release('v2');
    world.passUntil('Holding');
    world.embargo = { reason: 'Frozen', message: 'black week', until: null };
    world.release('v3');
    world.pass(300_000);
    expect(world.machine).toMatchObject({ state: 'Idle', context: { stable: 'v1', release: null } });
    world.embargo = null;
    world.pass(300_000);
    expect(world.machine.context.stable).toBe('v3');
  });
});
