import { worstVerdict } from '../../../machines/judge/index.ts';
import type { FaultWindow } from '../../../machines/rollout/context.ts';
import type { FaultFact, GateFact, TrialFact } from '../../../machines/rollout/facts.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Batch } from '../../metrics/port.ts';
import {
  experimentNameOf,
  faultsOn,
  type GateTrial,
  gateFactOf,
  type SeenUnderFault,
  trialsOf,
  type VerdictUnderFault,
} from '../../plan/gates.ts';
import type { Deployment } from '../../workloads/objects.ts';
import { createJudging, type JudgedRelease } from './judging.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

/** A batch that does not say when its requests began may hold those of one scrape interval, in ms. */
const SCRAPE_MS = 15_000;

type Window = Pick<FaultWindow, 'from' | 'until'>;
type Batches = ReadonlyMap<string, readonly Batch[]>;

/** What of the faults of experiments concerns a release, of which nothing has been judged yet. */
export function faultsOf(
  rollout: RolloutObservation['rollout'],
  { context: { release } }: RolloutRecord,
  {
    experiments,
    deployment,
  }: { readonly experiments: readonly ChaosExperiment[]; readonly deployment: Deployment | undefined },
): readonly Omit<FaultFact, 'isBreached'>[] {
  if (release === null) return [];
  const place = {
    namespace: rollout.metadata.namespace ?? 'default',
    rollout: rollout.metadata.name,
    service: rollout.spec.service.name,
    podLabels: deployment?.spec.template.metadata?.labels ?? {},
    startedAt: release.startedAt,
    trial: trialOf(release),
  };
  return faultsOn(place, experiments);
}

/** All windows of a release: what is remembered, and what was seen just now. */
export function windowsOf(
  remembered: readonly FaultWindow[],
  seen: readonly Omit<FaultFact, 'isBreached'>[],
): readonly Window[] {
  return [...remembered.filter(({ id }) => seen.every((fault) => fault.id !== id)), ...seen];
}

/** The batches that hold no request from under a fault. */
export function withoutFaults(batches: readonly Batch[], windows: readonly Window[]): readonly Batch[] {
  if (windows.length === 0) return batches;
  const touches = ({ at, from = at - SCRAPE_MS }: Batch) =>
    windows.some((window) => at > window.from && from < (window.until ?? Number.POSITIVE_INFINITY));
  return batches.filter((batch) => !touches(batch));
}

/** Judges each fault that goes on, and the gate that is tried, by what was answered under it. */
export function judgeFaults(
  release: JudgedRelease,
  batches: Batches,
  faults: readonly Omit<FaultFact, 'isBreached'>[],
): { readonly faults: readonly FaultFact[]; readonly underGate: VerdictUnderFault | null } {
  const judged = faults.map((fault) => {
    const isJudged = fault.until === null || fault.gate !== null;
    return { fault, verdict: isJudged ? verdictUnder(release, batches, fault) : null };
  });
  return {
    faults: judged.map(({ fault, verdict }) => ({ ...fault, isBreached: verdict?.kind === 'Rollback' })),
    underGate: judged.find(({ fault }) => fault.gate !== null)?.verdict ?? null,
  };
}

/** From nothing at each look: a fault is short, and both versions begin under it together. */
function verdictUnder(release: JudgedRelease, batches: Batches, { from, until }: Window): VerdictUnderFault | null {
  const inside = ({ at }: Batch) => at > from && at <= (until ?? Number.POSITIVE_INFINITY);
  const under = new Map([...batches].map(([name, all]) => [name, all.filter(inside)]));
  // Nothing was raised under it: a breach of both that begins with the fault is the fault's.
  const verdicts = createJudging().judge('', { ...release, raises: [], stepping: null }, under);
  const worst = worstVerdict(verdicts);
  if (worst === undefined) return null;
  const isShownGood = verdicts.every(({ acceptance }) => acceptance.reached);
  return { kind: worst.kind, reason: worst.reason, message: `${worst.objective}: ${worst.message}`, isShownGood };
}

/** The gate that is tried, with the experiment that tries it as far as it exists; null where none is. */
export function presentTrial(
  { metadata: { name, namespace = 'default' } }: RolloutObservation['rollout'],
  { context: { release } }: Pick<RolloutRecord, 'context'>,
  experiments: readonly ChaosExperiment[],
): { readonly trial: GateTrial; readonly experiment: ChaosExperiment | undefined } | null {
  const trial = release === null ? null : trialOf(release);
  if (trial === null) return null;
  const wanted = experimentNameOf(name, trial);
  const experiment = experiments.find(({ metadata }) => metadata.namespace === namespace && metadata.name === wanted);
  return { trial, experiment };
}

/** What became of the gate that is tried; null where none is. */
export function gateOf(present: ReturnType<typeof presentTrial>, seen: SeenUnderFault): GateFact | null {
  return present === null ? null : gateFactOf(present.trial, present.experiment, seen);
}

/** Experiments of all gates of the Rollout that are not over, whatever its release does. */
export function unfinishedTrials(
  rollout: RolloutObservation['rollout'],
  { context: { release } }: Pick<RolloutRecord, 'context'>,
  experiments: readonly ChaosExperiment[],
): readonly TrialFact[] {
  return trialsOf(rollout, release === null ? null : trialOf(release), experiments);
}

function trialOf({ gate }: NonNullable<RolloutRecord['context']['release']>): GateTrial | null {
  return gate === null ? null : { name: gate.name, openedAt: gate.openedAt };
}
