import type { ExplainedObjective } from './explanation.ts';
import type { Moment } from './replay.ts';

/** Evidence over time and the odds that decide; logarithms to the base 10, since people count zeros. */
export interface EvidenceLine {
  readonly kind: 'harm' | 'good';
  readonly title: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
  readonly threshold: number;
  /** What happens at the threshold. */
  readonly consequence: string;
}

/** What speaks against a harmless release. */
export function harmLine({ recorded, replay }: ExplainedObjective): EvidenceLine {
  return {
    kind: 'harm',
    title: 'evidence that the canary does harm',
    points: replay.moments.map((moment) => pointOf(moment, moment.verdict.lnTotal)),
    threshold: -Math.log10(recorded.parameters.falseRollback),
    consequence: 'taken back',
  };
}

/** What speaks for a release that is good enough. */
export function goodLine({ recorded, replay }: ExplainedObjective): EvidenceLine {
  return {
    kind: 'good',
    title: 'evidence that the canary is good enough',
    points: replay.moments.map((moment) => pointOf(moment, moment.verdict.lnAccept)),
    threshold: -Math.log10(recorded.parameters.falseAccept),
    consequence: 'may be promoted',
  };
}

function pointOf({ batch }: Moment, ln: number): { readonly at: number; readonly value: number } {
  return { at: batch.at, value: Math.max(0, ln / Math.LN10) };
}
