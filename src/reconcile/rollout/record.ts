import { initialContext, type RolloutContext } from '../../../machines/rollout/context.ts';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import type { Route } from '../../../machines/rollout/facts.ts';
import type { RolloutSpec, RolloutStatus } from '../../api/rollout.ts';
import { AppError } from '../../lib/errors.ts';
import type { Baseline } from '../../plan/baseline.ts';
import type { RouteOriginal } from '../../routing/port.ts';

/** What must survive a restart, kept in `status.machine`. Everything else is read from the cluster again. */
export interface RolloutRecord {
  readonly state: RolloutState;
  readonly context: RolloutContext;
  /** The spec that the release in progress follows: an edit takes effect with the next release. Null at rest. */
  readonly spec: RolloutSpec | null;
  /** What stable's past said of each objective when the release began, by name. Empty at rest. */
  readonly baselines: Readonly<Record<string, Baseline>>;
  /** The revision that the release is compared with: still the one before it when the release has become stable itself. Null at rest. */
  readonly comparedWith: string | null;
  /** The user's route as it was before the release. Null at rest. */
  readonly original: RouteOriginal | null;
  /** Routes that Sluice may have written: anything else in the route is somebody else's. */
  readonly expected: readonly Route[];
}

/** Raised when the record changes its meaning, so that an older controller does not act on what it misreads. */
const RECORD_VERSION = 1;

const STATES: Readonly<Record<RolloutState, true>> = {
  Adopting: true,
  Idle: true,
  OpeningStable: true,
  RoutingStable: true,
  Scaling: true,
  Shifting: true,
  Holding: true,
  Baking: true,
  HandingOver: true,
  Returning: true,
  Closing: true,
  Withdrawing: true,
  RemovingCanary: true,
  Relinquishing: true,
  Gone: true,
};

const initialRecord: RolloutRecord = {
  state: 'Adopting',
  context: initialContext,
  spec: null,
  baselines: {},
  comparedWith: null,
  original: null,
  expected: [],
};

/** Reads the record back. Throws ConfigError RECORD_UNKNOWN for one that this version cannot continue from. */
export function recordOf(status: RolloutStatus | undefined): RolloutRecord {
  const machine = status?.machine;
  if (machine === undefined) return initialRecord;
  if (machine.version !== RECORD_VERSION || !Object.hasOwn(STATES, machine.state)) {
    throw new AppError('ConfigError', 'RECORD_UNKNOWN', 'status.machine was written by another version of Sluice', {
      details: { version: machine.version, state: machine.state },
    });
  }
  const kept = machine.context as unknown as KeptContext;
  return {
    state: machine.state as RolloutState,
    context: contextOf(kept),
    spec: kept.spec ?? null,
    baselines: kept.baselines ?? {},
    comparedWith: kept.comparedWith ?? (kept.spec == null ? null : kept.machine.stable),
    original: kept.original ?? null,
    expected: kept.expected ?? [],
  };
}

/** Records of before raises, targets and gates were kept get what they would have had. */
function contextOf({ machine, spec }: KeptContext): RolloutContext {
  const { release } = machine;
  if (release == null) return { ...initialContext, ...machine };
  const weight = spec?.strategy.canary?.steps?.[release.stepIndex]?.weight ?? 100;
  const missing = { targetBp: Math.round(weight * 100), raises: [], gate: null, gates: [], faults: [] };
  return { ...initialContext, ...machine, release: { ...missing, ...release } };
}

interface KeptContext {
  readonly machine: RolloutContext;
  readonly spec?: RolloutSpec | null;
  readonly baselines?: RolloutRecord['baselines'];
  /** Absent in records of older controllers. */
  readonly comparedWith?: string | null;
  readonly original?: RouteOriginal | null;
  readonly expected?: readonly Route[];
}

/** The record as `status.machine` holds it. */
export function machineStatusOf(record: RolloutRecord): NonNullable<RolloutStatus['machine']> {
  const { context, spec, baselines, comparedWith, original, expected } = record;
  const kept: KeptContext = { machine: context, spec, baselines, comparedWith, original, expected };
  return { version: RECORD_VERSION, state: record.state, context: kept as unknown as Record<string, unknown> };
}
