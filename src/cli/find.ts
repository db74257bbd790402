import type { Rollout } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { ObjectRef } from '../kube/port.ts';
import { withoutManagedFields } from '../kube/reflector.ts';
import { Failure } from './exit.ts';
import type { Session } from './session.ts';
import { nearNames } from './view/near-names.ts';

/** Where a Rollout of the session's namespace is. */
export function refOf({ namespace }: Session, name: string): ObjectRef {
  return { kind: kinds.rollout, namespace, name };
}

/** The Rollout of that name in the session's namespace. A Failure says which names there are. */
export async function findRollout(session: Session, name: string): Promise<Rollout> {
  const found = await session.kube.get<Rollout>(refOf(session, name));
  if (found !== undefined) return withoutManagedFields(found);
  const { items } = await session.kube.list<Rollout>(kinds.rollout, { namespace: session.namespace });
  throw new Failure(
    notFound(
      name,
      session.namespace,
      items.map(({ metadata }) => metadata.name),
    ),
  );
}

const MOST_NAMES = 10;

/** Says that there is no such Rollout, and which one may have been meant. */
export function notFound(name: string, namespace: string, names: readonly string[]): string {
  const what = `there is no Rollout "${name}" in namespace "${namespace}"`;
  const near = nearNames(name, names);
  if (near.length > 0) return `${what}; did you mean ${near.join(' or ')}?`;
  if (names.length === 0) return `${what}, nor any other; name another namespace with -n, or see all: sluice get -A`;
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${what}; it has: ${[...names].sort().slice(0, MOST_NAMES).join(', ')}${more}`;
}
