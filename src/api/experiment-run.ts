import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { callersSchema, cohortSchema, targetSchema } from './experiment-scope.ts';
import { faultSchema } from './fault.ts';
import { duration, isDurationCel, labelName, numberBetween, objectRef } from './fields.ts';
import { namedOnce } from './named-once.ts';
import { experimentPrometheusSchema, namesRevision } from './prometheus-objective.ts';
import { requestsSchema } from './requests-objective.ts';
import { exactlyOneOf, type Rule, withRule } from './rule.ts';

/** Longest that an experiment may inject, all doses together. */
const MAX_TIME = '4h';

const doseSchema = z.strictObject({
  percentage: withRule(numberBetween(0.0001, 100, ' percent'), {
    cel: 'self * 10000.0 - double(int(self * 10000.0 + 0.5)) < 0.0001 && self * 10000.0 - double(int(self * 10000.0 + 0.5)) > -0.0001',
    holds: (percentage) => Math.abs(percentage * 10_000 - Math.round(percentage * 10_000)) < 0.0001,
    message: 'must have at most four decimals, such as 0.0125',
  }).describe('Share of the matched requests that are touched, in percent: 0.0001 to 100, at most four decimals.'),
  for: duration('10s', MAX_TIME).describe(`How long, from the moment it is in place: 10s to ${MAX_TIME}.`),
});

const risingRamp = withRule(z.array(doseSchema).min(1).max(20), {
  cel: 'self.map(d, d.percentage).isSorted()',
  holds: (ramp) => ramp.every(({ percentage }, index) => percentage >= (ramp[index - 1]?.percentage ?? percentage)),
  message: 'each percentage must be at least that of the dose before: put the doses in order',
});

// CEL writes a field that is named as a word of its own so: `__for__`.
const rampSchema = withRule(risingRamp, {
  cel: `self.exists(d, !${isDurationCel('d.__for__')}) || self.map(d, duration(d.__for__)).sum() <= duration('${MAX_TIME}')`,
  holds: (ramp) => ramp.length > 20 || !(totalMs(ramp) > (parseDuration(MAX_TIME) ?? 0)),
  message: `must take at most ${MAX_TIME}, all doses together: shorten some, or create several experiments`,
});

function totalMs(ramp: readonly { readonly for: string }[]): number {
  return ramp.reduce((sum, dose) => sum + (parseDuration(dose.for) ?? Number.NaN), 0);
}

/** The ways in which an objective of a steady state says what it asks for. */
const objectiveBlocks = {
  requests: requestsSchema.exactOptional(),
  prometheus: experimentPrometheusSchema.exactOptional(),
} as const;

const steadyStateSchema = z
  .strictObject({
    service: labelName(63, 'must have at most 63 characters').describe(
      "The callers' own Service, in the experiment's namespace: what its users see is judged.",
    ),
    objectives: namedOnce(
      z
        .array(
          withRule(
            z.strictObject({
              name: labelName(63, 'must have at most 63 characters').describe(
                'Name of the objective, unique in the experiment; status and report use it.',
              ),
              ...objectiveBlocks,
              objectiveRef: objectRef(
                "A ServiceLevelObjective in the experiment's namespace that says what is asked for. The experiment waits until it is there, and keeps what it said when the baseline began.",
                'Name of the ServiceLevelObjective.',
              ).exactOptional(),
            }),
            exactlyOneOf(
              [...Object.keys(objectiveBlocks), 'objectiveRef'],
              'keep or add one, for example `requests: {successRatio: 99.9}`',
            ),
          ),
        )
        .min(1)
        .max(8),
    ).describe('What must hold, as in a Rollout. 1 to 8, names unique.'),
  })
  .describe(
    'What must hold for the users of the callers. A breach takes the fault away at once. Without it nothing is judged, and nothing can pass.',
  );

const limitsSchema = z
  .strictObject({
    requestShare: numberBetween(0.01, 100, " percent of the target's requests")
      .describe(
        'Share of all requests to the target that may be touched, those of other callers counted in, in percent: 0.01 to 100. The experiment does not begin where its dose is above it, and ends where it comes above it.',
      )
      .default(5),
  })
  .describe('What the experiment must not exceed. The SafetyPolicy may ask for less.');

/** What one run is, of an experiment and of the template of a ChaosSchedule alike. */
export const runFields = {
  target: targetSchema,
  callers: callersSchema,
  cohort: cohortSchema.exactOptional(),
  fault: faultSchema,
  ramp: rampSchema
    .describe(
      `Doses, one after the other, none lower than the one before, at most ${MAX_TIME} together. 1 to 20. Needed unless the fault is a throttle or a circuit.`,
    )
    .exactOptional(),
  duration: duration('10s', MAX_TIME)
    .describe(
      `How long a throttle or a circuit is in place, which have no share of their own: 10s to ${MAX_TIME}. Instead of ramp.`,
    )
    .exactOptional(),
  steadyState: steadyStateSchema.exactOptional(),
  limits: limitsSchema.prefault({}),
  baseline: duration('10s', '1h')
    .describe('How long the steady state is watched before anything is injected: 10s to 1h.')
    .default('30s'),
  fuse: duration('20s', '10m')
    .describe('How long the fault stays at most when Sluice dies: 20s to 10m. It is renewed while Sluice lives.')
    .default('60s'),
  startWithin: duration('1m', '24h')
    .describe('How long the experiment may wait until it is admitted: 1m to 24h.')
    .default('10m'),
} as const;

type Run = z.output<z.ZodObject<typeof runFields>>;
/** What is injected, whoever is to see it. */
type Injection = Pick<Run, 'fault' | 'ramp' | 'duration' | 'cohort'>;

const hasRate = ({ fault }: Injection) => fault.throttle !== undefined || fault.circuit !== undefined;
const hasRateCel = '(has(self.fault.throttle) || has(self.fault.circuit))';

const injectionRules: readonly Rule<Injection>[] = [
  {
    cel: '!has(self.ramp) || !has(self.duration)',
    holds: ({ ramp, duration: time }) => ramp === undefined || time === undefined,
    field: 'duration',
    message: 'is for an experiment without ramp, whose doses say how long they are: remove one of the two',
  },
  {
    cel: `has(self.ramp) || ${hasRateCel}`,
    holds: (run) => run.ramp !== undefined || hasRate(run),
    field: 'ramp',
    message:
      'is needed, because nothing else says how many requests are touched: write `ramp: [{percentage: 1, for: 2m}]`',
  },
  {
    cel: `has(self.ramp) || has(self.duration) || !${hasRateCel}`,
    holds: (run) => run.ramp !== undefined || run.duration !== undefined || !hasRate(run),
    field: 'duration',
    message: 'is needed, because nothing else says when the fault ends: write `duration: 2m`',
  },
  {
    cel: `!has(self.ramp) || !${hasRateCel} || (self.ramp.size() == 1 && self.ramp[0].percentage == 100.0)`,
    holds: (run) =>
      run.ramp === undefined || !hasRate(run) || (run.ramp.length === 1 && run.ramp[0]?.percentage === 100),
    field: 'ramp',
    message:
      'must be one dose of 100 for a throttle or circuit, whose own limits say how much is refused: write `duration: 2m` instead',
  },
  {
    cel: `!has(self.cohort) || !(${hasRateCel} || has(self.fault.shed))`,
    holds: (run) => run.cohort === undefined || !(hasRate(run) || run.fault.shed !== undefined),
    field: 'cohort',
    message: 'is not possible with throttle, shed and circuit, which see no headers: remove it, or use `abort`',
  },
];

/** The schema of an object of fault, doses and cohort, with the rules that tie them together. */
export function withInjectionRules<S extends z.ZodType<Injection>>(schema: S): S {
  return injectionRules.reduce<S>((ruled, rule) => withRule(ruled, rule as Rule<z.output<S>>), schema);
}

const countersRule: Rule<Run> = {
  cel: "!has(self.steadyState) || has(self.callers.revision) || !self.steadyState.objectives.exists(o, has(o.prometheus) && (o.prometheus.bad.contains('{{revision}}') || o.prometheus.total.contains('{{revision}}')))",
  holds: ({ callers, steadyState }) =>
    callers.revision !== undefined ||
    steadyState?.objectives.some(({ prometheus }) => prometheus !== undefined && namesRevision(prometheus)) !== true,
  field: 'steadyState.objectives',
  message:
    'must not name {{revision}} in counters, which has no meaning where all versions of the callers are meant: remove that matcher, or set callers.revision',
};

/** The schema of an object of `runFields`, with the rules that tie them together. */
export function withRunRules<S extends z.ZodType<Run>>(schema: S): S {
  return withRule(withInjectionRules(schema), countersRule as Rule<z.output<S>>);
}

/** What a ChaosSchedule makes its experiments of: all of a spec but `stop`. */
export const runSchema = withRunRules(z.strictObject(runFields)).describe(
  'What is injected, for whom, and what must hold meanwhile: as `spec` of a ChaosExperiment, without `stop`.',
);
