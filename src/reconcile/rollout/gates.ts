import type { GateFact } from '../../../machines/rollout/facts.ts';
import type { Look } from '../../../machines/rollout/guards.ts';
import type { RolloutStatus } from '../../api/rollout.ts';
import { experimentNameOf } from '../../plan/gates.ts';
import type { RolloutRecord } from './record.ts';

type GateStatus = NonNullable<RolloutStatus['gates']>[number];

const STATES: Readonly<Record<GateFact['state'], GateStatus['state']>> = {
  absent: 'Running',
  running: 'Running',
  passed: 'Passed',
  failed: 'Failed',
  weakBefore: 'WeakBefore',
  inconclusive: 'Inconclusive',
};

/** How far the gates of a release are; nothing where its spec has none. */
export function gatesOf(
  rollout: string,
  { context: { release }, spec }: RolloutRecord,
  { facts: { gate: tried } }: Look,
): Pick<RolloutStatus, 'gates'> {
  const planned = spec?.resilience ?? [];
  if (release === null || planned.length === 0) return {};
  const gates = planned.map(({ name }): GateStatus => {
    const passed = release.gates.find((gate) => gate.name === name);
    if (passed !== undefined) return { name, state: passed.result, message: passed.message };
    if (release.gate?.name !== name) return { name, state: 'Waiting' };
    const experiment = experimentNameOf(rollout, release.gate);
    return tried === null
      ? { name, state: 'Running', experiment }
      : { name, state: STATES[tried.state], message: tried.message, experiment };
  });
  return { gates };
}
