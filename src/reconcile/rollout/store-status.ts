import { isDeepStrictEqual } from 'node:util';
import type { Look } from '../../../machines/rollout/guards.ts';
import type { Rollout, RolloutStatus } from '../../api/rollout.ts';
import { FIELD_MANAGER } from '../../effects/rollout-effects.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube } from '../../kube/port.ts';
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
  return await writeStatus(kube, observation.rollout, project({ record, observation, look, obstacle }));
}

/** Writes a status as a whole; fields that are not in it are removed. */
export async function writeStatus(kube: Kube, rollout: Rollout, status: RolloutStatus): Promise<Rollout> {
  if (isDeepStrictEqual(withoutUndefined(status), withoutUndefined(rollout.status))) return rollout;
  const { name, namespace = 'default', resourceVersion } = rollout.metadata;
  const metadata = { name, namespace, ...(resourceVersion !== undefined && { resourceVersion }) };
  const body = { apiVersion: rollout.apiVersion, kind: rollout.kind, metadata, status } as unknown as Rollout;
  return await kube.apply<Rollout>(kinds.rollout, body, {
    fieldManager: FIELD_MANAGER,
    subresource: 'status',
    force: true,
  });
}

/** As the API server would give it back: without undefined fields. */
function withoutUndefined(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
