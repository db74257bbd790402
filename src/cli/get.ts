import type { Rollout } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import { withoutManagedFields } from '../kube/reflector.ts';
import { EXIT } from './exit.ts';
import { findRollout } from './find.ts';
import type { Session } from './session.ts';
import { detailLines } from './view/details.ts';
import { listLines } from './view/list.ts';

/** `sluice get [NAME]`: all Rollouts in a table, or one in detail. */
export async function get(
  session: Session,
  name: string | undefined,
  options: { readonly allNamespaces?: boolean },
): Promise<number> {
  const { out, isJson, clock, paint } = session;
  const rollouts = name === undefined ? await listed(session, options) : [await findRollout(session, name)];
  const lines = (): readonly string[] => {
    const [one] = rollouts;
    if (name !== undefined && one !== undefined) return detailLines(one, { nowMs: clock.now(), paint });
    return listLines(rollouts, { nowMs: clock.now(), paint, hasNamespaces: options.allNamespaces === true });
  };
  if (isJson) out.write(`${JSON.stringify(rollouts, null, 2)}\n`);
  else if (rollouts.length > 0) out.write(`${lines().join('\n')}\n`);
  else {
    const where =
      options.allNamespaces === true ? 'any namespace' : `namespace "${session.namespace}"; all: sluice get -A`;
    session.note(`there is no Rollout in ${where}`);
  }
  return EXIT.ok;
}

async function listed({ kube, namespace }: Session, options: { readonly allNamespaces?: boolean }) {
  const { items } = await kube.list<Rollout>(kinds.rollout, options.allNamespaces === true ? {} : { namespace });
  return items.map(withoutManagedFields);
}
