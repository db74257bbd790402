import { createHash } from 'node:crypto';
import type { FaultFact, GateFact, TrialFact } from '../../machines/rollout/facts.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Rollout, RolloutSpec } from '../api/rollout.ts';
import type { ObjectMeta, OwnerReference } from '../kube/port.ts';
import { AppError } from '../lib/errors.ts';
import { hasEntries } from '../lib/has-entries.ts';
import { labels, MANAGER } from '../routing/own-object.ts';
import { MIN_FAULTED } from './experiment-plan.ts';

/** Labels of an experiment that a gate of a release has made. */
export const gateLabels = {
  /** Name of the Rollout. */
  rollout: 'sluice.dev/gate-of',
  gate: 'sluice.dev/gate',
} as const;

const CURES = 'delete the experiment to try again, or `sluice promote` to go on without';

/** One trial of a gate. */
export interface GateTrial {
  readonly name: string;
  /** When it began, in ms; two trials of one release differ by it. */
  readonly openedAt: number;
}

type Labels = Readonly<Record<string, string>>;

/** Names of experiments have at most 50 characters; a gate has up to 20, and the trial 8. */
const MAX_PREFIX = 20;
/** As many objectives as an experiment takes. */
const MAX_OBJECTIVES = 8;

/** Name of the experiment of a trial: the same whenever it is asked for. */
export function experimentNameOf(rollout: string, { name, openedAt }: GateTrial): string {
  const trial = createHash('sha256').update(`${rollout}/${name}/${openedAt}`).digest('hex').slice(0, 8);
  const prefix = rollout
    .slice(0, MAX_PREFIX)
    .replace(/[-.]+$/, '')
    .replaceAll('.', '-');
  return `${prefix}-${name}-${trial}`;
}

/**
 * The experiment of a trial, as `spec`, the pinned one, says. Its callers are the pods of both versions: they see the same fault, and what they
 * answer to their own users is compared. Throws ConfigError where the pods cannot be told by labels.
 */
export function experimentOf(
  { metadata }: Pick<Rollout, 'metadata'>,
  spec: RolloutSpec,
  { trial, callers }: { readonly trial: GateTrial; readonly callers: Labels | undefined },
): { readonly metadata: ObjectMeta; readonly spec: ChaosExperiment['spec'] } {
  const gate = spec.resilience?.find(({ name }) => name === trial.name);
  if (gate === undefined) throw new AppError('InvariantError', 'GATE_UNKNOWN', `gate ${trial.name} is not in the spec`);
  if (callers === undefined || Object.keys(callers).length === 0) {
    const message = `gate ${trial.name} needs matchLabels in the selector of Deployment ${spec.workloadRef.name}, by which the pods that are to see the fault are found: add them, or remove spec.resilience`;
    throw new AppError('ConfigError', 'GATE_WITHOUT_LABELS', message);
  }
  const objectives = spec.objectives
    .flatMap(({ name, requests }) => (requests === undefined ? [] : [{ name, requests }]))
    .slice(0, MAX_OBJECTIVES);
  return {
    metadata: {
      name: experimentNameOf(metadata.name, trial),
      namespace: metadata.namespace ?? 'default',
      labels: {
        [labels.managedBy]: MANAGER,
        [gateLabels.rollout]: metadata.name,
        [gateLabels.gate]: trial.name,
      },
    },
    spec: {
      ...gate.experiment,
      callers: { matchLabels: { ...callers } },
      ...(objectives.length > 0 && { steadyState: { service: spec.service.name, objectives } }),
    },
  };
}

/** A release, as far as faults of experiments concern it. */
export interface FaultedRelease {
  readonly namespace: string;
  readonly rollout: string;
  readonly service: string;
  /** Labels of the pods of both versions. */
  readonly podLabels: Labels;
  readonly startedAt: number;
  readonly trial: GateTrial | null;
}

/**
 * What experiments do to the answers of a release: faults in its pods' own calls, which may make them fail, and limits of connections to them,
 * of which nobody can tell the refused requests from those of a version that is down. All other faults in calls to it are counted apart by the
 * proxies. Only those since the release began. Pure.
 */
export function faultsOn(
  release: FaultedRelease,
  experiments: readonly ChaosExperiment[],
): readonly Omit<FaultFact, 'isBreached'>[] {
  return experiments.flatMap((experiment) => {
    const { metadata, status = {}, spec } = experiment;
    const from = timeOf(status.injectedAt);
    const until = timeOf(status.finishedAt);
    if (from === null || !concerns(release, experiment)) return [];
    if (until !== null && until < release.startedAt) return [];
    const fault = {
      ...{ id: metadata.uid ?? metadata.name, namespace: metadata.namespace ?? 'default', name: metadata.name },
      ...{ from, until },
      ...{ fuseUntil: timeOf(status.fuseUntil), isStopping: spec.stop === true },
    };
    return [{ ...fault, gate: trialOf(release, experiment) }];
  });
}

function concerns(
  { namespace, service, podLabels }: FaultedRelease,
  { metadata, spec: { callers, target, fault } }: ChaosExperiment,
): boolean {
  const own = metadata.namespace ?? 'default';
  const isCircuit =
    fault.circuit !== undefined && (target.namespace ?? own) === namespace && target.service.name === service;
  const isCaller = own === namespace && hasEntries(podLabels, callers.matchLabels ?? {});
  return isCircuit || isCaller;
}

function trialOf({ namespace, rollout, trial }: FaultedRelease, { metadata }: ChaosExperiment): string | null {
  const isOwn = trial !== null && metadata.namespace === namespace;
  return isOwn && metadata.name === experimentNameOf(rollout, trial) ? trial.name : null;
}

/** What both versions answered under the fault of a gate, judged as a release is. */
export interface VerdictUnderFault {
  readonly kind: 'Rollback' | 'Hold' | 'Advance';
  readonly reason: string;
  readonly message: string;
  readonly isShownGood: boolean;
}

/** What is known of a trial beside its experiment. */
export interface SeenUnderFault {
  /** Null where nothing was answered. */
  readonly verdict: VerdictUnderFault | null;
  /** Requests of the new version's own pods that the fault touched; null while nobody knows. */
  readonly touched: number | null;
}

/** What became of a trial, from its experiment and from what was answered under it. Pure. */
export function gateFactOf(
  { name }: GateTrial,
  experiment: Pick<ChaosExperiment, 'metadata' | 'status'> | undefined,
  seen: SeenUnderFault,
): GateFact {
  if (experiment === undefined) return { name, state: 'absent', message: 'its experiment is about to begin' };
  if (seen.verdict?.kind === 'Rollback') return { name, state: 'failed', message: seen.verdict.message };
  const { status = {}, metadata } = experiment;
  const own = `experiment ${metadata.name}`;
  if (status.phase === 'Finished') return { name, ...finishedFact(own, status, seen) };
  const phase = (status.phase ?? 'Pending').toLowerCase();
  return { name, state: 'running', message: `${own} is ${phase}: ${status.message ?? 'about to begin'}` };
}

function finishedFact(
  own: string,
  status: NonNullable<ChaosExperiment['status']>,
  { verdict, touched }: SeenUnderFault,
): Omit<GateFact, 'name'> {
  const inconclusive = (why: string) => ({ state: 'inconclusive' as const, message: `${why}; ${CURES}` });
  if (status.verdict === 'Failed' && verdict?.reason === 'StableBreachesSlo') {
    return { state: 'weakBefore', message: `not held against the new version: ${verdict.message}` };
  }
  if (status.verdict !== 'Passed')
    return inconclusive(`${own} ended as ${status.verdict ?? 'unknown'}: ${status.message ?? ''}`);
  if (touched === null) return { state: 'running', message: `${own} is over, and what the new version met is counted` };
  if (touched < MIN_FAULTED) {
    const question = 'does it call the target, and through a sidecar?';
    return inconclusive(`${touched} requests of the new version met the fault, too few to tell: ${question}`);
  }
  if (verdict?.isShownGood !== true)
    return inconclusive(`too little to show it: ${verdict?.message ?? 'nothing was seen'}`);
  return { state: 'passed', message: verdict.message };
}

/** The experiments that the gates of a Rollout have made and that have not finished; `trial` is tried now. */
export function trialsOf(
  { metadata }: Pick<Rollout, 'metadata'>,
  trial: GateTrial | null,
  experiments: readonly ChaosExperiment[],
): readonly TrialFact[] {
  const present = trial === null ? null : experimentNameOf(metadata.name, trial);
  return experiments
    .filter((experiment) => isOf(metadata, experiment) && experiment.status?.phase !== 'Finished')
    .map(({ metadata: { namespace = 'default', name }, spec }) => ({
      ...{ namespace, name, isPresent: name === present, isStopping: spec.stop === true },
    }));
}

function isOf({ uid, namespace }: Rollout['metadata'], { metadata }: ChaosExperiment): boolean {
  return metadata.namespace === namespace && ownerOf(metadata)?.uid === uid;
}

/** The Rollout of whose gate it is; undefined where it is none's. A label alone says nothing: anybody may write one. */
export function ownerOf(metadata: ChaosExperiment['metadata']): OwnerReference | undefined {
  const { ownerReferences = [], labels: has = {} } = metadata as ObjectMeta;
  const owner = ownerReferences.find(({ kind, controller }) => kind === 'Rollout' && controller === true);
  return owner !== undefined && has[gateLabels.rollout] === owner.name ? owner : undefined;
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}
