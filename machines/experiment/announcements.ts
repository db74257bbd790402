import type { ExperimentContext } from './context.ts';
import { presentDose } from './look.ts';

/** What the machine asks for by itself: to tell users what happened. All other effects follow from `desiredOf`. */
export interface AnnounceCommand {
  readonly kind: 'Announce';
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

const normal = (reason: string, message: string): AnnounceCommand => ({
  kind: 'Announce',
  severity: 'Normal',
  reason,
  message,
});

export const started = (): AnnounceCommand => normal('Started', 'admitted; the steady state is watched');

export const injecting = (context: ExperimentContext): AnnounceCommand =>
  normal(
    'Injecting',
    `${(presentDose(context)?.dosePpm ?? 0) / 10_000} % of the matched requests are touched from now on`,
  );

/** Why the fault goes. */
export const ended = ({ ended: ending }: ExperimentContext): AnnounceCommand => ({
  ...normal(ending?.cause ?? 'Ended', ending?.message ?? ''),
  severity: ending?.cause === 'Completed' ? 'Normal' : 'Warning',
});

/** What came of it. */
export const finished = ({ outcome }: ExperimentContext): AnnounceCommand => ({
  ...normal(outcome?.verdict ?? 'Finished', outcome?.message ?? ''),
  severity: outcome?.verdict === 'Passed' || outcome?.verdict === 'Stopped' ? 'Normal' : 'Warning',
});
