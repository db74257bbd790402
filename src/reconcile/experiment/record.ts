import { type ExperimentContext, initialContext } from '../../../machines/experiment/context.ts';
import type { ExperimentState } from '../../../machines/experiment/desired.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import type { ChaosExperimentStatus } from '../../api/chaos-experiment.ts';
import { AppError } from '../../lib/errors.ts';
import type { ExperimentScope } from '../../plan/experiment-scope.ts';

/** Raised when the record changes its meaning, so that an older controller does not act on what it misreads. */
const RECORD_VERSION = 1;

const STATES: readonly string[] = ['Pending', 'Baseline', 'Arming', 'Injecting', 'Recovering', 'Finished'];

/** Reads back where the experiment stands. Throws ConfigError RECORD_UNKNOWN for what this version cannot continue from. */
export function standingOf(status: ChaosExperimentStatus | undefined): Standing {
  const machine = status?.machine;
  if (machine === undefined) return { state: 'Pending', context: initialContext };
  if (machine.version !== RECORD_VERSION || !STATES.includes(machine.state)) {
    throw new AppError('ConfigError', 'RECORD_UNKNOWN', 'status.machine was written by another version of Sluice', {
      details: { version: machine.version, state: machine.state },
    });
  }
  const { scope: _, ...context } = { ...initialContext, ...keptIn(machine.context) };
  return { state: machine.state as ExperimentState, context };
}

/** What the versions of the spec stand for since the baseline began; null before. */
export function scopeOf(status: ChaosExperimentStatus | undefined): ExperimentScope | null {
  return keptIn(status?.machine?.context ?? {}).scope ?? null;
}

type Kept = ExperimentContext & { readonly scope?: ExperimentScope | null };

function keptIn(context: Record<string, unknown>): Kept {
  return context as unknown as Kept;
}

export function machineStatusOf(
  { state, context }: Standing,
  scope: ExperimentScope | null,
): NonNullable<ChaosExperimentStatus['machine']> {
  const kept: Kept = { ...context, scope };
  return { version: RECORD_VERSION, state, context: kept as unknown as Record<string, unknown> };
}
