import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { namesRevision } from '../api/prometheus-objective.ts';
import type { Rollout, RolloutStatus } from '../api/rollout.ts';
import { parseServiceLevelObjective } from '../api/service-level-objective.ts';
import { hasEntries } from '../lib/has-entries.ts';
import type { EdgeCallers } from '../metrics/port.ts';

type Version = NonNullable<ChaosExperiment['spec']['callers']['revision']>;

/** A release of which both versions answer requests. Revisions are pod-template-hashes. */
export interface OpenRelease {
  readonly namespace: string;
  /** Names of the Rollout, its Service and its Deployment. */
  readonly rollout: string;
  readonly service: string;
  readonly workload: string;
  readonly stable: string;
  readonly canary: string;
}

/** One version of a release that is open. */
export interface VersionScope extends OpenRelease {
  readonly version: Version;
}

/** What a spec names and does not say itself, as it was when the baseline began. Of `callers` and `target` null where no version is named. */
export interface ExperimentScope {
  readonly callers: VersionScope | null;
  readonly target: VersionScope | null;
  /** Those of the steady state, each with what it asks for; null where none names another object, so that the spec says it all. */
  readonly objectives: readonly ResolvedObjective[] | null;
}

type SteadyState = NonNullable<ChaosExperiment['spec']['steadyState']>;
export type ResolvedObjective = Omit<SteadyState['objectives'][number], 'objectiveRef'>;

/** That of a spec that names neither versions nor other objects. */
export const WHOLE_SCOPE: ExperimentScope = { callers: null, target: null, objectives: null };

export type ScopeAnswer =
  | { readonly state: 'resolved'; readonly scope: ExperimentScope }
  /** `waiting` may be resolved later. */
  | { readonly state: 'waiting' | 'denied'; readonly reason: string; readonly message: string };

/** A Rollout, and the labels of its Deployment's pods; null where there is no such Deployment. */
export interface Candidate {
  readonly rollout: Rollout;
  readonly podLabels: Readonly<Record<string, string>> | null;
}

/** Both versions answer requests, and none of them is on its way out. */
const OPEN: readonly RolloutStatus['phase'][] = ['Progressing', 'Baking', 'Paused', 'Stalled'];

/** The pod-template-hash of the version that is meant, and that of the other one. */
export function revisionOf({ version, stable, canary }: VersionScope): string {
  return version === 'Canary' ? canary : stable;
}

export function otherRevisionOf({ version, stable, canary }: VersionScope): string {
  return version === 'Canary' ? stable : canary;
}

/** The callers of one version, as their proxies name themselves. */
export function callersOfRevision({ namespace, workload }: OpenRelease, revision: string): EdgeCallers {
  return { namespace, workloads: [workload], pods: [podNameBeginning(workload, revision)] };
}

/** Names of a ReplicaSet's pods begin with its own, of which Kubernetes takes 58 characters. */
function podNameBeginning(workload: string, revision: string): string {
  return `${workload}-${revision}-`.slice(0, 58);
}

/** The release that a Rollout is in the middle of; null when it is not. */
export function openReleaseOf({ metadata, spec, status }: Rollout): OpenRelease | null {
  const { phase, stable, canary } = status ?? {};
  if (stable === undefined || canary === undefined || !OPEN.includes(phase)) return null;
  return {
    namespace: metadata.namespace ?? 'default',
    rollout: metadata.name,
    ...{ service: spec.service.name, workload: spec.workloadRef.name },
    ...{ stable: stable.revision, canary: canary.revision },
  };
}

export interface ScopeSources {
  readonly candidates: readonly Candidate[];
  /** A ServiceLevelObjective of the experiment's namespace; undefined where there is none. */
  readonly objective: (name: string) => unknown;
}

/** What a spec names, as it stands for now. Pure. */
export function resolveScope(
  { metadata, spec }: Pick<ChaosExperiment, 'metadata' | 'spec'>,
  { candidates, objective }: ScopeSources,
): ScopeAnswer {
  const place = { home: metadata.namespace ?? 'default', spec, candidates };
  const callers = spec.callers.revision === undefined ? null : callersScope(spec.callers.revision, place);
  if (callers !== null && 'state' in callers) return callers;
  const target = spec.target.revision === undefined ? null : targetScope(spec.target.revision, place);
  if (target !== null && 'state' in target) return target;
  const objectives = resolveObjectives(spec, objective);
  return 'state' in objectives ? objectives : { state: 'resolved', scope: { callers, target, ...objectives } };
}

/** Why what the scope stands for is no more; null while it is. Another release of the same Rollout is not the one that was meant. */
export function scopeEnd(
  { callers, target }: Pick<ExperimentScope, 'callers' | 'target'>,
  candidates: readonly Candidate[],
): string | null {
  const named = [
    ['spec.callers.revision', callers],
    ['spec.target.revision', target],
  ] as const;
  for (const [field, version] of named) {
    if (version === null) continue;
    const found = candidates.find(({ rollout }) => isNamed(rollout, version));
    const now = found === undefined ? null : openReleaseOf(found.rollout);
    if (now?.stable === version.stable && now.canary === version.canary) continue;
    const { namespace, rollout } = version;
    const phase = found?.rollout.status?.phase ?? 'deleted';
    return `${field}: the release of Rollout ${namespace}/${rollout} that it is about is over (${phase})`;
  }
  return null;
}

type Unresolved = Exclude<ScopeAnswer, { state: 'resolved' }>;

interface Place {
  readonly home: string;
  readonly spec: ChaosExperiment['spec'];
  readonly candidates: readonly Candidate[];
}

function callersScope(
  version: Version,
  { home, spec: { callers, steadyState }, candidates }: Place,
): VersionScope | Unresolved {
  const near = candidates.filter(
    ({ rollout, podLabels }) =>
      (rollout.metadata.namespace ?? 'default') === home &&
      podLabels !== null &&
      hasEntries(podLabels, callers.matchLabels ?? {}),
  );
  const where = `whose Deployment's pods are among spec.callers, in namespace ${home}`;
  const found = oneOpen(near, { field: 'spec.callers.revision', where });
  if ('state' in found) return found;
  const { workload, stable, canary, service, rollout } = found;
  if (podNameBeginning(workload, stable) === podNameBeginning(workload, canary)) {
    const message = `spec.callers.revision: names of pods of Deployment ${home}/${workload} are too long to tell its versions apart: remove it`;
    return { state: 'denied', reason: 'VersionsIndistinct', message };
  }
  if (steadyState !== undefined && steadyState.service !== service) {
    const message = `spec.steadyState.service: must be ${service}, which Rollout ${home}/${rollout} releases, or users of one version cannot be told from those of the other`;
    return { state: 'denied', reason: 'SteadyStateElsewhere', message };
  }
  return { ...found, version };
}

function targetScope(version: Version, { home, spec, candidates }: Place): VersionScope | Unresolved {
  const { namespace = home, service } = spec.target;
  const near = candidates.filter(
    ({ rollout }) =>
      (rollout.metadata.namespace ?? 'default') === namespace && rollout.spec.service.name === service.name,
  );
  const where = `of Service ${namespace}/${service.name}`;
  const found = oneOpen(near, { field: 'spec.target.revision', where });
  return 'state' in found ? found : { ...found, version };
}

/** An objective that is not there may come; without it nothing begins. */
function resolveObjectives(
  { steadyState, callers }: ChaosExperiment['spec'],
  read: ScopeSources['objective'],
): Pick<ExperimentScope, 'objectives'> | Unresolved {
  const named = steadyState?.objectives ?? [];
  if (named.every(({ objectiveRef }) => objectiveRef === undefined)) return { objectives: null };
  const objectives: ResolvedObjective[] = [];
  for (const [index, { objectiveRef, ...objective }] of named.entries()) {
    if (objectiveRef === undefined) {
      objectives.push(objective);
      continue;
    }
    const path = `spec.steadyState.objectives[${index}].objectiveRef`;
    const found = read(objectiveRef.name);
    if (found === undefined) {
      const message = `${path}: there is no ServiceLevelObjective ${objectiveRef.name} in the experiment's namespace: create it`;
      return { state: 'waiting', reason: 'ObjectiveUnknown', message };
    }
    const parsed = parseServiceLevelObjective(found);
    if (!parsed.ok) {
      const what = parsed.problems.map((problem) => `${problem.path} ${problem.message}`).join('; ');
      const message = `${path}: ServiceLevelObjective ${objectiveRef.name}: ${what}`;
      return { state: 'waiting', reason: 'ObjectiveInvalid', message };
    }
    const { requests, prometheus } = parsed.value.spec;
    if (prometheus !== undefined && namesRevision(prometheus) && callers.revision === undefined) {
      const message = `${path}: counters of ServiceLevelObjective ${objectiveRef.name} name {{revision}}, which has no meaning where all versions of the callers are meant: write them here without it, or set spec.callers.revision`;
      return { state: 'denied', reason: 'ObjectiveOfOneVersion', message };
    }
    const blocks = { ...(requests !== undefined && { requests }), ...(prometheus !== undefined && { prometheus }) };
    objectives.push({ ...objective, ...blocks });
  }
  return { objectives };
}

function oneOpen(
  near: readonly Candidate[],
  { field, where }: { readonly field: string; readonly where: string },
): OpenRelease | Unresolved {
  const open = near.map(({ rollout }) => openReleaseOf(rollout)).filter((release) => release !== null);
  const [one, another] = open;
  if (one !== undefined && another === undefined) return one;
  if (another !== undefined) {
    const names = open.map(({ rollout }) => rollout).join(', ');
    const message = `${field}: several releases ${where} are in progress (${names}): name labels that only one has`;
    return { state: 'denied', reason: 'SeveralReleases', message };
  }
  const preparing = near.find(({ rollout }) => rollout.status?.phase === 'Preparing');
  if (preparing !== undefined) {
    const message = `${field}: the release of Rollout ${preparing.rollout.metadata.name} is being prepared`;
    return { state: 'waiting', reason: 'ReleasePreparing', message };
  }
  const message = `${field}: no release ${where} is in progress: start one first, or remove it for all versions`;
  return { state: 'denied', reason: 'NoRelease', message };
}

function isNamed({ metadata }: Rollout, { namespace, rollout }: OpenRelease): boolean {
  return metadata.name === rollout && (metadata.namespace ?? 'default') === namespace;
}
