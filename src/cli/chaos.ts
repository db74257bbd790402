import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { withoutManagedFields } from '../kube/reflector.ts';
import { EXIT, Failure } from './exit.ts';
import type { Session } from './session.ts';
import { nearNames } from './view/near-names.ts';
import { table } from './view/table.ts';
import { age } from './view/words.ts';

type Experiment = ChaosExperiment & KubeObject;

const WRITER = { fieldManager: 'sluice-cli' } as const;

/** `sluice chaos list`: experiments in a table. */
export async function listExperiments(
  session: Session,
  options: { readonly allNamespaces?: boolean },
): Promise<number> {
  const { kube, namespace, out, isJson, clock } = session;
  const { items } = await kube.list<Experiment>(
    kinds.chaosExperiment,
    options.allNamespaces === true ? {} : { namespace },
  );
  const experiments = items.map(withoutManagedFields);
  if (isJson) out.write(`${JSON.stringify(experiments, null, 2)}\n`);
  else if (experiments.length === 0) session.note(`there is no ChaosExperiment in ${placeIn(session, options)}`);
  else {
    const rows = experiments.map(({ metadata, spec, status = {} }) => [
      ...(options.allNamespaces === true ? [metadata.namespace ?? ''] : []),
      metadata.name,
      status.phase ?? 'Unknown',
      status.verdict ?? '-',
      status.dose?.written === undefined ? '-' : `${status.dose.written} %`,
      spec.target.service.name,
      age(metadata.creationTimestamp, clock.now()),
      status.message ?? 'no controller has looked at it yet',
    ]);
    const header = ['NAME', 'PHASE', 'VERDICT', 'DOSE', 'TARGET', 'AGE', 'MESSAGE'];
    const lines = table([options.allNamespaces === true ? ['NAMESPACE', ...header] : header, ...rows]);
    out.write(`${lines.join('\n')}\n`);
  }
  return EXIT.ok;
}

/** `sluice chaos report NAME`: what was done and seen, as Markdown, or the whole status as JSON. */
export async function reportExperiment(session: Session, name: string): Promise<number> {
  const { status } = await findExperiment(session, name);
  if (session.isJson) session.out.write(`${JSON.stringify(status ?? {}, null, 2)}\n`);
  else if (status?.report === undefined)
    throw new Failure(`${name} has not finished: ${status?.message ?? ''}`, EXIT.no);
  else session.out.write(`${status.report}\n`);
  return EXIT.ok;
}

/** `sluice chaos stop NAME`: ends it at once; asking again changes nothing. */
export async function stopExperiment(session: Session, name: string): Promise<number> {
  const { spec, status } = await findExperiment(session, name);
  if (status?.phase === 'Finished') return say(session, { name, outcome: 'Already' }, `${name} has finished already`);
  if (spec.stop === true) return say(session, { name, outcome: 'Already' }, `${name} is being stopped already`);
  const ref = { kind: kinds.chaosExperiment, namespace: session.namespace, name };
  await session.kube.mergePatch(ref, { spec: { stop: true } }, WRITER);
  return say(session, { name, outcome: 'Requested' }, `${name}: stop requested`);
}

/** The experiment of that name in the session's namespace. A Failure says which one may have been meant. */
export async function findExperiment(session: Session, name: string): Promise<Experiment> {
  const { kube, namespace } = session;
  const found = await kube.get<Experiment>({ kind: kinds.chaosExperiment, namespace, name });
  if (found !== undefined) return found;
  const { items } = await kube.list(kinds.chaosExperiment, { namespace });
  const near = nearNames(
    name,
    items.map(({ metadata }) => metadata.name),
  );
  const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '; see all: sluice chaos list -A';
  throw new Failure(`there is no ChaosExperiment "${name}" in namespace "${namespace}"${hint}`);
}

function say({ isJson, out }: Session, values: object, text: string): number {
  out.write(`${isJson ? JSON.stringify({ ...values, message: text }) : text}\n`);
  return EXIT.ok;
}

function placeIn({ namespace }: Session, { allNamespaces }: { readonly allNamespaces?: boolean }): string {
  return allNamespaces === true ? 'any namespace' : `namespace "${namespace}"; all: sluice chaos list -A`;
}
