import { formatDuration, parseDuration } from '../lib/duration.ts';
import { isDurationCel } from './fields.ts';
import type { Rule } from './rule.ts';
import { DEFAULT_HOLD, DEFAULT_STEPS } from './strategy.ts';

/** The part of a spec that says how long a release takes at least. */
export interface TimedSpec {
  readonly strategy: {
    readonly canary?: { readonly steps?: typeof DEFAULT_STEPS; readonly adaptive?: object };
  };
  readonly analysis: { readonly bake: string; readonly deadline: string };
}

/** How long a release takes at least, in ms: all holds and the bake; NaN where one of them is no duration. */
function neededMs({ strategy, analysis }: TimedSpec): number {
  const { steps, adaptive } = strategy.canary ?? {};
  return holdsMs(steps ?? (adaptive === undefined ? DEFAULT_STEPS : [])) + (parseDuration(analysis.bake) ?? Number.NaN);
}

function holdsMs(steps: typeof DEFAULT_STEPS): number {
  // At weight 100 the bake says how long to watch.
  const holds = steps.filter(({ weight }) => weight < 100).map(({ hold = DEFAULT_HOLD }) => hold);
  return holds.reduce((totalMs, text) => totalMs + (parseDuration(text) ?? Number.NaN), 0);
}

const HOLD_CEL = `(s.weight >= 100.0 ? duration('0s') : has(s.hold) ? duration(s.hold) : duration('${DEFAULT_HOLD}'))`;
const HOLDS_CEL = [
  `has(self.strategy.canary.steps) ? self.strategy.canary.steps.map(s, ${HOLD_CEL}).sum()`,
  `duration(has(self.strategy.canary.adaptive) ? '0s' : '${formatDuration(holdsMs(DEFAULT_STEPS))}')`,
].join(' : ');
const NEEDED_CEL = `duration(self.analysis.bake) + (${HOLDS_CEL})`;
const DEADLINE_CEL = 'duration(self.analysis.deadline)';

const isTimedCel = [
  'has(self.strategy.canary)',
  isDurationCel('self.analysis.bake'),
  isDurationCel('self.analysis.deadline'),
  `(!has(self.strategy.canary.steps) || self.strategy.canary.steps.all(s, !has(s.hold) || ${isDurationCel('s.hold')}))`,
].join(' && ');

/** Rule that the deadline leaves room for all holds and the bake; a bake that is longer by itself has its own rule. */
export const deadlineRule: Rule<TimedSpec> = {
  cel: `!(${isTimedCel}) || duration(self.analysis.bake) >= ${DEADLINE_CEL} || ${NEEDED_CEL} < ${DEADLINE_CEL}`,
  holds: (spec) => {
    const deadlineMs = parseDuration(spec.analysis.deadline) ?? Number.NaN;
    return (parseDuration(spec.analysis.bake) ?? 0) >= deadlineMs || !(neededMs(spec) >= deadlineMs);
  },
  field: 'analysis.deadline',
  message:
    'must be longer than all holds and the bake together: lengthen the deadline, or shorten the holds or the bake',
  messageCel:
    "'must be longer than all holds and the bake together, but is ' + self.analysis.deadline + ': lengthen the deadline, or shorten the holds or the bake'",
  messageFor: ({ analysis }) =>
    `must be longer than all holds and the bake together, but is ${analysis.deadline}: lengthen the deadline, or shorten the holds or the bake`,
};
