import { initialContext, type Raise, type Release, type RolloutContext } from '../../../machines/rollout/context.ts';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import type { Look } from '../../../machines/rollout/guards.ts';
import type { Rollout } from '../../../src/api/rollout.ts';
import type { Batch, Evidence } from '../../../src/metrics/port.ts';
import { NO_BASELINE } from '../../../src/plan/baseline.ts';
import { planRollout } from '../../../src/plan/rollout-plan.ts';
import { createJudging } from '../../../src/reconcile/rollout/judging.ts';
import type { RolloutObservation } from '../../../src/reconcile/rollout/observation.ts';
import { project } from '../../../src/reconcile/rollout/project.ts';
import type { RolloutRecord } from '../../../src/reconcile/rollout/record.ts';
import { toFacts } from '../../../src/reconcile/rollout/to-facts.ts';
import { AT_REST, SAMPLE_NOW_MS, sampleRollout } from '../../support/sample-rollout.ts';
import { specWith } from '../../support/sample-spec.ts';

const STABLE = '6d4b75cb6d';
const CANARY = '7f9c8b5d4f';
const STEPS = { canary: { steps: [{ weight: 5, hold: '2m' }, { weight: 25 }, { weight: 100 }] } };
const FRESH = 'Prometheus at prometheus:9090 has fresh samples for checkout in shop';
const SECOND_MS = 1_000;

/** What goes on in a release at one moment. Everything that is not said is as in a good one at its first weight. */
export interface Scene {
  readonly state?: RolloutState;
  /** For how many seconds the canary has had requests. */
  readonly seconds?: number;
  readonly requestsPerSecond?: number;
  /** Failures of both versions, as shares, at a second of the release. */
  readonly canaryFails?: (second: number) => number;
  readonly stableFails?: (second: number) => number;
  /** Raises of the weight in percent, by second. */
  readonly raises?: readonly (readonly [second: number, weight: number])[];
  readonly evidence?: Pick<Evidence, 'state' | 'message'>;
  readonly objectives?: readonly object[];
  readonly strategy?: object;
  readonly release?: Partial<Release>;
  readonly action?: 'Pause';
  readonly preflight?: Look['facts']['preflight'];
  readonly resilience?: readonly object[];
  /** Faults of experiments, and what became of the gate that is tried. */
  readonly seen?: Pick<RolloutObservation, 'faults' | 'gate'>;
  readonly embargo?: RolloutObservation['embargo'];
}

/** The Rollout of a scene with the status that the controller would write, and the verdicts that it was written from. */
export interface Shown {
  readonly rollout: Rollout;
  readonly verdicts: RolloutObservation['verdicts'];
  readonly raises: readonly Raise[];
  readonly startedAt: number;
}

export function show(scene: Scene): Shown {
  const { state = 'Holding', seconds = 60, raises: given = [[0, 5]] } = scene;
  const startedAt = SAMPLE_NOW_MS - seconds * SECOND_MS;
  const raises = given.map(([second, weight]) => ({ at: startedAt + second * SECOND_MS, weightBp: weight * 100 }));
  const spec = specWith({
    ...{ strategy: scene.strategy ?? STEPS, objectives: scene.objectives ?? [AVAILABILITY] },
    ...(scene.resilience !== undefined && { resilience: scene.resilience }),
    ...(scene.action !== undefined && { action: { type: scene.action, revision: CANARY, id: '1' } }),
  });
  const record = recordOf(scene, { state, spec, raises, startedAt });
  const baselines = record.baselines;
  const judged = { id: 'one', spec, baselines, raises, stepping: null };
  const evidence: Evidence = {
    ...{ state: 'fresh', message: FRESH, lastSampleAt: SAMPLE_NOW_MS },
    ...scene.evidence,
    batches: batchesOf(scene, { seconds, startedAt, raises }),
  };
  const known = new Map(
    spec.objectives.map(({ name, requests }) => [
      name,
      evidence.batches.map(
        ({ latency, from, ...batch }): Batch =>
          requests?.under === undefined || latency === undefined
            ? batch
            : { ...batch, latency, ...(from !== undefined && { from }) },
      ),
    ]),
  );
  const verdicts = record.context.release === null ? [] : createJudging().judge('one', judged, known);
  const rollout = { ...sampleRollout(AT_REST), spec };
  const observation = observationOf({
    rollout,
    evidence,
    verdicts,
    weightBp: raises.at(-1)?.weightBp ?? 0,
    state,
    seen: scene.seen,
    embargo: scene.embargo ?? null,
  });
  const planned = planRollout(spec);
  if (!planned.ok) throw new Error(JSON.stringify(planned.problems));
  const look = { at: SAMPLE_NOW_MS, plan: planned.plan, facts: toFacts(observation, record, scene.preflight) };
  const status = project({ record, observation, look, obstacle: null });
  return { rollout: { ...rollout, status }, verdicts, raises, startedAt };
}

export const AVAILABILITY = { name: 'availability', requests: { successRatio: 99 } };

function recordOf(
  scene: Scene,
  {
    state,
    spec,
    raises,
    startedAt,
  }: Pick<RolloutRecord, 'state'> & {
    readonly spec: Rollout['spec'];
    readonly raises: readonly Raise[];
    readonly startedAt: number;
  },
): RolloutRecord {
  const weightBp = raises.at(-1)?.weightBp ?? 0;
  const release: Release = {
    ...{ revision: CANARY, startedAt, replicas: 4, stepIndex: 0, targetBp: weightBp, weightBp },
    ...{ evidenceSince: startedAt, raises, deadlineAt: startedAt + 3_600_000, pausedAt: null, isPromoted: false },
    ...{ foreign: null, failedRequests: 0, outcome: null, gate: null, gates: [], faults: [] },
    ...scene.release,
  };
  const at = raises.at(-1)?.at ?? startedAt;
  const context: RolloutContext = {
    ...initialContext,
    ...{ stable: STABLE, since: at, routeSince: at, readySince: at },
    release: state === 'Idle' ? null : release,
  };
  // Stable was calm in the hour before.
  const baselines = Object.fromEntries(
    spec.objectives.map(({ name }) => [name, { ...NO_BASELINE, requests: 144_000, requestRate: 40, recentRatio: 0 }]),
  );
  return { state, context, spec, baselines, comparedWith: STABLE, original: null, expected: [] };
}

/** One batch a second, from counters that grow evenly. */
function batchesOf(
  { requestsPerSecond = 40, canaryFails = () => 0, stableFails = () => 0, objectives }: Scene,
  {
    seconds,
    startedAt,
    raises,
  }: { readonly seconds: number; readonly startedAt: number; readonly raises: readonly Raise[] },
): readonly Batch[] {
  const isTimed = objectives?.some((objective) => JSON.stringify(objective).includes('under')) === true;
  const sums = { canary: { requests: 0, failures: 0 }, stable: { requests: 0, failures: 0 } };
  return Array.from({ length: seconds }, (_, second): Batch => {
    const at = startedAt + (second + 1) * SECOND_MS;
    const weight = (raises.findLast((raise) => raise.at < at)?.weightBp ?? 0) / 10_000;
    const grown = (arm: 'canary' | 'stable', share: number, fails: number) => {
      const before = { ...sums[arm] };
      sums[arm].requests += requestsPerSecond * share;
      sums[arm].failures += requestsPerSecond * share * fails;
      const grew = (what: 'requests' | 'failures') =>
        Math.floor(sums[arm][what] + 1e-9) - Math.floor(before[what] + 1e-9);
      return { requests: grew('requests'), failures: grew('failures') };
    };
    const canary = grown('canary', weight, canaryFails(second));
    const stable = grown('stable', 1 - weight, stableFails(second));
    if (!isTimed) return { at, canary, stable };
    const timed = ({ requests, failures }: Batch['canary']) => ({ requests, within: [requests - failures, requests] });
    return {
      at,
      from: at - SECOND_MS,
      canary,
      stable,
      latency: { edges: [250, 500], canary: timed(canary), stable: timed(stable) },
    };
  });
}

/** All pods and endpoints are there, and the requests follow the route. */
function observationOf({
  rollout,
  evidence,
  verdicts,
  weightBp,
  state,
  seen,
  embargo,
}: Pick<RolloutObservation, 'verdicts'> & {
  readonly rollout: Rollout;
  readonly seen: Scene['seen'];
  readonly embargo: RolloutObservation['embargo'];
  readonly evidence: Evidence;
  readonly weightBp: number;
  readonly state: RolloutState;
}): RolloutObservation {
  const template = { metadata: { labels: { app: 'checkout' } } };
  const meta = { namespace: 'shop', uid: 'd' };
  const replicaSet = (revision: string, owner: string) => ({
    metadata: {
      ...{ ...meta, name: `checkout-${revision}`, labels: { 'pod-template-hash': revision } },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: owner,
          name: 'checkout',
          uid: owner === 'Deployment' ? 'd' : 'r',
          controller: true,
        },
      ],
    },
    spec: {
      replicas: 4,
      selector: {},
      template: { metadata: { labels: { app: revision === STABLE ? 'old' : 'checkout' } } },
    },
    status: { availableReplicas: 4 },
  });
  const pods = (revision: string) =>
    [0, 1, 2, 3].map((index) => ({
      metadata: { ...meta, name: `checkout-${revision}-${index}` },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    }));
  const service = { exists: true, readyEndpoints: 4, policiesInStep: true };
  const revisions = state === 'Idle' ? [STABLE] : [STABLE, CANARY];
  const total = 2_000;
  const canary = Math.round((total * weightBp) / 10_000);
  const route = { kind: 'revisions', stable: STABLE, canary: weightBp > 0 ? CANARY : null, canaryBp: weightBp };
  return {
    ...{ rollout, verdicts, evidence, ...(seen ?? { faults: [], trials: [], gate: null }), embargo },
    trials: [],
    failedRequests: evidence.batches.reduce((sum, batch) => sum + batch.canary.failures, 0),
    deployment: {
      metadata: { ...meta, name: 'checkout' },
      spec: { replicas: 4, paused: true, selector: {}, template },
    },
    replicaSets: revisions.map((revision) => replicaSet(revision, revision === STABLE ? 'Deployment' : 'Rollout')),
    pods: new Map(revisions.map((revision) => [revision, pods(revision)])),
    service: 'unknown',
    target: {},
    route: { observed: route, isRestored: true, objects: [] },
    services: new Map(revisions.map((revision) => [revision, service])),
    traffic: { plain: 0, stable: total - canary, canary },
  } as unknown as RolloutObservation;
}
