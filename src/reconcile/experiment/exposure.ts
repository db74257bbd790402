import type { ExperimentContext } from '../../../machines/experiment/context.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { Flow } from '../../metrics/flows.ts';
import type { PlannedExperiment } from '../../plan/experiment-plan.ts';
import { type CanaryExposure, type Exposure, type LedgerRequest, shareProblem } from '../../plan/ledger.ts';
import { keyOf } from '../key.ts';
import type { ExperimentCopies } from './copies.ts';
import { callersOf, hostsOf } from './places.ts';

/** What an experiment touches at a dose, by what is planned and what was counted. */
export function exposureOf(
  copies: ExperimentCopies,
  {
    metadata,
    planned,
    context,
  }: Pick<ChaosExperiment, 'metadata'> & {
    readonly planned: PlannedExperiment;
    readonly context: ExperimentContext;
  },
  { dosePpm, now, flows }: { readonly dosePpm: number; readonly now: number; readonly flows: readonly Flow[] },
): Exposure {
  const { target, callers, namespace } = planned.fault;
  const { revision } = target;
  return {
    experiment: keyOf({ metadata }),
    target,
    hosts: revision === undefined ? hostsSeen(copies, target, flows) : [`${target.service}-${revision}`],
    callers: { namespace, workloads: callers === null ? null : callersOf(copies.pods, planned) },
    part: partOf(copies, planned),
    dose: planned.isShare ? dosePpm / 1_000_000 : null,
    seenPerSecond: seenPerSecond(context, now),
  };
}

/** Why the experiment would be too much beside the earlier ones, or null. */
export function tooMany(
  copies: ExperimentCopies,
  { planned, ...request }: Omit<LedgerRequest, 'canary' | 'allHosts'> & { readonly planned: PlannedExperiment },
): string | null {
  const allHosts = hostsSeen(copies, planned.fault.target, request.flows);
  return shareProblem({ ...request, canary: canaryOf(copies, planned), allHosts });
}

/** Hosts of a Service; also those of revisions that are gone, and had requests in the last minutes that now go to the Service itself. */
function hostsSeen(
  { services }: ExperimentCopies,
  { namespace, service }: Exposure['target'],
  flows: readonly Flow[],
): readonly string[] {
  const gone = flows.flatMap(({ to }) =>
    to.namespace === namespace && to.host.startsWith(`${service}-`) && services.get(namespace, to.host) === undefined
      ? [to.host]
      : [],
  );
  return [...new Set([...hostsOf(services, namespace, service), ...gone])];
}

/** Requests that a release in progress sends to its canary. */
function canaryOf({ rollouts }: ExperimentCopies, { fault: { target } }: PlannedExperiment): CanaryExposure | null {
  const release = rollouts
    .list(target.namespace)
    .find(({ spec, status }) => spec.service.name === target.service && status?.canary !== undefined);
  if (release === undefined) return null;
  const overlap =
    target.revision === undefined
      ? 'independent'
      : target.revision === release.status?.canary?.revision
        ? 'inside'
        : 'apart';
  return { rollout: keyOf(release), share: canaryShare(release, Math.max), overlap };
}

/** Of the callers' requests, those of the version that is meant: the greater part of it, while the route follows what is wanted. */
function partOf({ rollouts }: ExperimentCopies, { scope: { callers } }: PlannedExperiment): number {
  if (callers === null) return 1;
  const release = rollouts.get(callers.namespace, callers.rollout);
  if (callers.version === 'Canary') return release === undefined ? 0 : canaryShare(release, Math.max);
  return release === undefined ? 1 : 1 - canaryShare(release, Math.min);
}

/** What the route says and what it is to say: the greater or the lesser of the two, while one follows the other. */
function canaryShare({ status }: Rollout, pick: (...weights: readonly number[]) => number): number {
  return pick(status?.weight?.applied ?? 0, status?.weight?.desired ?? 0) / 100;
}

function seenPerSecond({ doses }: ExperimentContext, now: number): number {
  const last = doses.findLast(({ since }) => since !== null);
  if (last?.since == null) return 0;
  const seconds = ((last.until ?? now) - last.since) / 1000;
  return seconds > 0 ? last.faulted / seconds : 0;
}
