import { describe, expect, it } from 'vitest';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import { brokenConditionRules } from '../../../test/support/conditions-check.ts';
import { MachineWorld } from '../../../test/support/machine-world.ts';
import { conditionsOf } from './conditions.ts';
import { waitOf } from './waiting.ts';

const EDITED = { kind: 'foreign', message: 'changed by somebody else', namesRevisions: true } as const;

/** The conditions of a release in `state` after somebody edited the route, by type. */
function afterAnEdit(state: RolloutState): Readonly<Record<string, string>> {
  const world = new MachineWorld();
  world.pass(2_000);
  world.release('v2');
  world.passUntil(state);
  world.route = EDITED;
  const conditions = conditionsOf({
    state,
    context: world.machine.context,
    facts: world.facts(),
    isRouteSeen: false,
    phase: 'Progressing',
    message: 'waits',
    obstacle: null,
    trouble: null,
    isWaitingForPreflight: false,
    baselines: {},
    before: [],
    generation: 1,
    at: new Date(world.at).toISOString(),
  });
  expect(brokenConditionRules({ metadata: { generation: 1 }, status: { conditions } })).toEqual([]);
  return Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
}

describe('an edit of the route by somebody else', () => {
  it('stalls a release that goes forward, which then is not reconciling', () => {
    expect(afterAnEdit('Holding')).toMatchObject({ Ready: 'False', Stalled: 'True', Reconciling: 'False' });
  });

  it('that names revisions stalls also a promoted release, and says so as what it waits for', () => {
    const world = new MachineWorld();
    world.pass(2_000);
    world.release('v2');
    world.passUntil('Returning');
    world.route = EDITED;
    const record = {
      state: 'Returning',
      context: world.machine.context,
      spec: null,
      baselines: {},
      comparedWith: null,
      original: null,
      expected: [],
    } as const;
    expect(waitOf(record, world.look())).toMatchObject({ reason: 'RouteChanged', message: EDITED.message });
  });

  it('does not stall a release on its way back once it names no revision', () => {
    const world = new MachineWorld();
    world.pass(2_000);
    world.release('v2');
    world.passUntil('Returning');
    world.route = { ...EDITED, namesRevisions: false };
    const { context } = world.machine;
    const conditions = conditionsOf({
      ...{
        state: 'Returning',
        context,
        facts: world.facts(),
        isRouteSeen: false,
        phase: 'Promoting',
        message: 'waits',
      },
      ...{
        obstacle: null,
        isWaitingForPreflight: false,
        baselines: {},
        trouble: null,
        before: [],
        generation: 1,
        at: new Date(world.at).toISOString(),
      },
    });
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'False' }));
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Reconciling', status: 'True' }));
  });
});
