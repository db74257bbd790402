import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Session } from '../session.ts';
import { percent } from './words.ts';

/** Counts alone are told only so often. */
const COUNTS_EVERY_MS = 10_000;

type Status = NonNullable<ChaosExperiment['status']>;

/** Writes a line when a phase or a dose has changed, or what it waits for; at the end the verdict and the report. */
export function createProgress({ clock, out, isJson, paint }: Session, name: string) {
  let shown: string | undefined;
  let message: string | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show({ status = {} }: Pick<ChaosExperiment, 'status'>): void {
      const now = clock.now();
      const step = JSON.stringify([status.phase, status.dose?.step, status.dose?.written, status.verdict]);
      const isCount = step === shown;
      if (isCount && (status.message === message || now < shownAt + COUNTS_EVERY_MS)) return;
      [shown, message, shownAt] = [step, status.message, now];
      const at = new Date(now).toISOString();
      if (isJson) {
        const { machine: _, ...told } = status;
        out.write(`${JSON.stringify({ at, name, ...told })}\n`);
        return;
      }
      out.write(`${at} ${name}: ${lineOf(status)}\n`);
      if (status.phase !== 'Finished') return;
      const { verdict = 'Inconclusive', report = '' } = status;
      out.write(`\n${paint(verdict === 'Passed' ? 'good' : 'bad', verdict)}\n\n${report}\n`);
    },
  };
}

/** `Injecting, dose 2 of 3 (5 % asked, 4.9 % seen so far): …`. */
function lineOf({ phase, dose, seen, message, verdict, reason }: Status): string {
  if (phase === undefined) return 'waits for the controller';
  const words = message === undefined ? '' : `: ${message}`;
  if (phase === 'Finished') return `${verdict} (${reason})${words}`;
  if (phase !== 'Injecting' || dose === undefined) return `${phase}${words}`;
  const { step, steps, asked, written } = dose;
  const there = written === asked ? '' : ', not in place yet';
  const so =
    seen === undefined || seen.matched === 0 ? '' : `, ${percent((seen.touched / seen.matched) * 100)} of all so far`;
  return `${phase}, dose ${step} of ${steps} (${asked} % asked${there}${so})${words}`;
}
