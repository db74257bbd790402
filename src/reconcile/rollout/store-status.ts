import type { Look } from '../../../machines/rollout/guards.ts';
import type { Rollout } from '../../api/rollout.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube } from '../../kube/port.ts';
import { writeStatus } from '../write-status.ts';
import type { RolloutObservation } from './observation.ts';
import type { Obstacle } from './obstacle.ts';
import { project } from './project.ts';
import type { RolloutRecord } from './record.ts';

/** Writes the status where it differs, guarded by the version that the decision was made from. */
export async function persist(
  kube: Kube,
  observation: RolloutObservation,
  {
    record,
    look,
    obstacle,
  }: { readonly record: RolloutRecord; readonly look: Look; readonly obstacle: Obstacle | null },
): Promise<Rollout> {
  return await writeStatus(kube, kinds.rollout, observation.rollout, project({ record, observation, look, obstacle }));
}
