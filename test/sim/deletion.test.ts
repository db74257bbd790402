import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import { NAME, NAMESPACE } from './cluster.ts';
import { releasing, until, weightOf } from './releasing.ts';
import type { World } from './world.ts';

const LIMIT_MS = 120_000;
const REF = { kind: kinds.rollout, namespace: NAMESPACE, name: NAME };

/** What the controllers wrote of errors from line `from` of the trace on. */
const errorsFrom = (world: World, from: number) =>
  world.monitor.trace.slice(from).filter((line) => /reconcile failed|command refused/.test(line));

describe('a Rollout that is deleted in the middle of a release', () => {
  it.each([1, 2, 3])('goes without an error in the log (%i)', async (seed) => {
    const world = await releasing(seed);
    await until(world, LIMIT_MS, () => weightOf(world) === 5);
    const from = world.monitor.trace.length;
    await world.kube.delete(REF);
    await until(world, LIMIT_MS, () => world.rollout() === undefined);
    await world.pass(30_000);
    expect(world.monitor.trace.slice(from).join('\n')).toContain('Event LetGo');
    expect(errorsFrom(world, from)).toEqual([]);
  });

  it.each([1, 2, 3])(
    'by force, without its finalizer, while a decision is written down, neither (%i)',
    async (seed) => {
      const world = await releasing(seed);
      await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
      await until(world, LIMIT_MS, () => world.rollout()?.status?.phase === 'Idle');
      const from = world.monitor.trace.length;
      let isForced = false;
      world.onWrite = (moment, what) => {
        if (isForced || moment !== 'before' || !what.startsWith('apply Rollout')) return;
        isForced = true;
        void world.patch(kinds.rollout, NAME, { metadata: { finalizers: null } });
      };
      await world.kube.delete(REF);
      await until(world, LIMIT_MS, () => world.rollout() === undefined);
      await world.pass(30_000);
      expect(isForced).toBe(true);
      expect(errorsFrom(world, from)).toEqual([]);
    },
  );
});
