import { z } from 'zod';
import { runFields, withInjectionRules } from './experiment-run.ts';
import { labelName, numberBetween } from './fields.ts';
import { namedOnce } from './named-once.ts';
import type { Rule } from './rule.ts';
import { DEFAULT_STEPS } from './strategy.ts';

const { target, cohort, fault, ramp, duration, limits, baseline, fuse, startWithin } = runFields;

const gateSchema = z.strictObject({
  name: labelName(20, 'must have at most 20 characters, because its experiments are named after it').describe(
    'Name of the gate, unique in the Rollout; status and its experiments use it. At most 20 characters.',
  ),
  at: z
    .strictObject({
      weight: numberBetween(0.01, 99, ' percent').describe(
        'Weight that the new version has meanwhile, in percent: below 100, and with fixed steps one of theirs. It gets no more before the gate is passed.',
      ),
    })
    .describe('When it is tried.'),
  experiment: withInjectionRules(
    z.strictObject({ target, cohort, fault, ramp, duration, limits, baseline, fuse, startWithin }),
  ).describe(
    'What is injected meanwhile, as in a ChaosExperiment. Its callers are the pods of both versions of this Rollout, and its steady state are the objectives on requests.',
  ),
});

/** `spec.resilience`: faults that a new version has to bear as well as the stable one. */
export const resilienceSchema = namedOnce(z.array(gateSchema).min(1).max(4), 'gate').describe(
  'Faults that the new version has to bear before it gets more requests. Both versions see the same fault, so that only a weakness that the stable version does not have counts. 1 to 4, names unique.',
);

/** One of them. */
export type ResilienceGate = z.output<typeof gateSchema>;

interface GatedSpec {
  readonly strategy: {
    readonly canary?: { readonly steps?: readonly { readonly weight: number }[]; readonly adaptive?: object };
  };
  readonly objectives: readonly { readonly requests?: object; readonly objectiveRef?: object }[];
  readonly resilience?: readonly ResilienceGate[];
}

const weightsOf = ({ strategy: { canary } }: GatedSpec): readonly number[] =>
  (canary?.steps ?? DEFAULT_STEPS).map(({ weight }) => weight);
const isAdaptive = ({ strategy: { canary } }: GatedSpec) => canary?.adaptive !== undefined;

const DEFAULT_WEIGHTS_CEL = `[${DEFAULT_STEPS.map(({ weight }) => `${weight}.0`).join(', ')}]`;
const STEP_WEIGHTS_CEL = `(has(self.strategy.canary.steps) ? self.strategy.canary.steps.map(s, s.weight) : ${DEFAULT_WEIGHTS_CEL})`;

/** Gates are tried at weights that the release has. */
export const gateWeightRule: Rule<GatedSpec> = {
  cel: `!has(self.resilience) || !has(self.strategy.canary) || has(self.strategy.canary.adaptive) || self.resilience.all(g, g.at.weight in ${STEP_WEIGHTS_CEL})`,
  holds: (spec) => isAdaptive(spec) || (spec.resilience ?? []).every(({ at }) => weightsOf(spec).includes(at.weight)),
  field: 'resilience',
  message: 'is tried at a weight that no step has: set `at.weight` to that of a step below 100, or add the step',
};

/** The two versions are compared by their users. */
export const gateObjectiveRule: Rule<GatedSpec> = {
  cel: '!has(self.resilience) || self.objectives.exists(o, has(o.requests) || has(o.objectiveRef))',
  holds: ({ resilience, objectives }) =>
    resilience === undefined ||
    objectives.some(({ requests, objectiveRef }) => requests !== undefined || objectiveRef !== undefined),
  field: 'resilience',
  message: 'needs an objective on requests, by which users of both versions are compared: add one to spec.objectives',
};
