import { z } from 'zod';
import { chaosExperimentStatusSchema } from './chaos-experiment-status.ts';
import { faultSchema } from './fault.ts';
import { duration, labelName, numberBetween } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { type Parsed, parseAs } from './parse.ts';
import { requestsSchema } from './requests-objective.ts';
import { exactlyOneOf, withChangeRule, withRule } from './rule.ts';

/** Names of fuses are `<experiment>-fuse-<number>`, and labels carry the name. */
const MAX_NAME = 50;

const targetSchema = z
  .strictObject({
    namespace: labelName(63, 'must have at most 63 characters')
      .describe("Namespace of the Service. Default: the experiment's own.")
      .exactOptional(),
    service: z
      .strictObject({
        name: labelName(63, 'must have at most 63 characters').describe('Name of the Service.'),
        port: withRule(z.int(), {
          cel: 'self >= 1 && self <= 65535',
          holds: (port) => port >= 1 && port <= 65_535,
          message: "must be the number of one of the Service's ports, from 1 to 65535",
        }).describe("Number of the Service's port, which must be an HTTP port."),
      })
      .describe('The Service that the callers ask.'),
  })
  .describe(
    'What seems to fail: requests to it are touched on their way, by the proxies of the callers. The target itself is left alone.',
  );

const callersSchema = withRule(
  z.strictObject({
    matchLabels: withRule(z.record(z.string().max(317), z.string().max(63)), {
      cel: 'self.size() >= 1 && self.size() <= 10',
      holds: (labels) => Object.keys(labels).length >= 1 && Object.keys(labels).length <= 10,
      message: 'needs 1 to 10 labels: name those of the pods that are to see the fault, or set everyone: true',
    })
      .describe("Labels of the callers' pods, in the experiment's namespace.")
      .exactOptional(),
    everyone: z.literal(true).describe("Every pod with a sidecar in the experiment's namespace.").exactOptional(),
  }),
  exactlyOneOf(['matchLabels', 'everyone'], 'say who sees the fault, for example `matchLabels: {app: checkout}`'),
).describe('Who sees the fault. Exactly one of the fields.');

const headerSchema = withRule(
  z.strictObject({
    name: z.string().min(1).max(128).describe('Name of the header, in lower case.'),
    exact: z.string().max(512).describe('It has this value.').exactOptional(),
    prefix: z.string().min(1).max(512).describe('Its value begins so.').exactOptional(),
    regex: z.string().min(1).max(512).describe('Its whole value matches this expression (RE2).').exactOptional(),
    present: z.literal(true).describe('It is there, whatever its value.').exactOptional(),
  }),
  exactlyOneOf(['exact', 'prefix', 'regex', 'present'], 'keep or add one, for example `exact: chaos`'),
);

const cohortSchema = z
  .strictObject({
    headers: z.array(headerSchema).min(1).max(10).describe('Headers that a request must have, all of them. 1 to 10.'),
  })
  .describe('Which requests of the callers may be touched. Default: all.');

const doseSchema = z.strictObject({
  percentage: withRule(numberBetween(0.0001, 100, ' percent'), {
    cel: 'self * 10000.0 - double(int(self * 10000.0 + 0.5)) < 0.0001 && self * 10000.0 - double(int(self * 10000.0 + 0.5)) > -0.0001',
    holds: (percentage) => Math.abs(percentage * 10_000 - Math.round(percentage * 10_000)) < 0.0001,
    message: 'must have at most four decimals, such as 0.0125',
  }).describe('Share of the matched requests that are touched, in percent: 0.0001 to 100, at most four decimals.'),
  for: duration('10s', '4h').describe('How long, from the moment it is in place: 10s to 4h.'),
});

const rampSchema = withRule(z.array(doseSchema).min(1).max(20), {
  cel: 'self.map(d, d.percentage).isSorted()',
  holds: (ramp) => ramp.every(({ percentage }, index) => percentage >= (ramp[index - 1]?.percentage ?? 0)),
  message: 'each percentage must be at least that of the dose before: put the doses in order',
});

const steadyStateSchema = z
  .strictObject({
    service: labelName(63, 'must have at most 63 characters').describe(
      "The callers' own Service, in the experiment's namespace: what its users see is judged.",
    ),
    objectives: z
      .array(
        z.strictObject({
          name: labelName(63, 'must have at most 63 characters').describe(
            'Name of the objective, unique in the experiment.',
          ),
          requests: requestsSchema,
        }),
      )
      .min(1)
      .max(8)
      .superRefine((objectives, context) => {
        for (const [index, { name }] of objectives.entries()) {
          if (objectives.findIndex((other) => other.name === name) === index) continue;
          const message = `Duplicate value: another objective is named ${name} too; rename one of them`;
          context.addIssue({ code: 'custom', path: [index], message });
        }
      })
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
      .describe('What must hold, as in a Rollout. 1 to 8, names unique.'),
  })
  .describe(
    'What must hold for the users of the callers. A breach takes the fault away at once. Without it nothing is judged, and nothing can pass.',
  );

const specFields = z.strictObject({
  target: targetSchema,
  callers: callersSchema,
  cohort: cohortSchema.exactOptional(),
  fault: faultSchema,
  ramp: rampSchema.describe(
    'Doses, one after the other, none lower than the one before. 1 to 20; for a throttle one of 100.',
  ),
  steadyState: steadyStateSchema.exactOptional(),
  baseline: duration('10s', '1h')
    .describe('How long the steady state is watched before anything is injected: 10s to 1h.')
    .default('30s'),
  fuse: duration('20s', '10m')
    .describe('How long the fault stays at most when Sluice dies: 20s to 10m. It is renewed while Sluice lives.')
    .default('60s'),
  startWithin: duration('1m', '24h')
    .describe('How long the experiment may wait until it is admitted: 1m to 24h.')
    .default('10m'),
  stop: z
    .boolean()
    .describe('Ends the experiment at once when true. Written by `sluice chaos stop`. It cannot be taken back.')
    .exactOptional(),
});

const throttled = withRule(specFields, {
  cel: '!has(self.fault.throttle) || (self.ramp.size() == 1 && self.ramp[0].percentage == 100.0)',
  holds: ({ fault, ramp }) => fault.throttle === undefined || (ramp.length === 1 && ramp[0]?.percentage === 100),
  field: 'ramp',
  message:
    'must be one dose of 100 for a throttle, whose rate says how much is refused: write `ramp: [{percentage: 100, for: 2m}]`',
});

const withoutCohort = withRule(throttled, {
  cel: '!has(self.fault.throttle) || !has(self.cohort)',
  holds: ({ fault, cohort }) => fault.throttle === undefined || cohort === undefined,
  field: 'cohort',
  message: 'is not possible with a throttle, which sees no headers: remove it, or use `abort`',
});

const FIXED = ['target', 'callers', 'fault', 'ramp', 'baseline', 'fuse', 'startWithin'] as const;
const FIXED_OPTIONAL = ['cohort', 'steadyState'] as const;
const isFixed = [
  ...FIXED.map((field) => `self.${field} == oldSelf.${field}`),
  ...FIXED_OPTIONAL.map(
    (field) =>
      `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  ),
].join(' && ');

const immutableSpec = withChangeRule(withoutCohort, {
  cel: isFixed,
  message: 'is immutable but for stop: an experiment is one run; create another one and stop this',
});

/** `spec` of a ChaosExperiment. */
export const chaosExperimentSpecSchema = withChangeRule(immutableSpec, {
  cel: '!has(oldSelf.stop) || !oldSelf.stop || (has(self.stop) && self.stop)',
  field: 'stop',
  message: 'cannot be taken back: create another experiment',
}).describe('What is injected, for whom, and what must hold meanwhile.');

/** A whole ChaosExperiment as the API server gives it. */
export const chaosExperimentSchema = withRule(
  z.strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('ChaosExperiment'),
    metadata: metadataSchema,
    spec: chaosExperimentSpecSchema,
    status: chaosExperimentStatusSchema.exactOptional(),
  }),
  {
    cel: `self.metadata.name.size() <= ${MAX_NAME}`,
    holds: ({ metadata }) => metadata.name.length <= MAX_NAME,
    message: `metadata.name must have at most ${MAX_NAME} characters, because its fuses are named after it: choose a shorter name`,
  },
).describe(
  'A ChaosExperiment lets requests of chosen callers to one service fail, wait or come slowly, for a while and in a stated share, and judges whether the users of the callers notice. The cluster itself ends it when Sluice dies.',
);

/** A ChaosExperiment with defaults filled in. */
export type ChaosExperiment = z.output<typeof chaosExperimentSchema>;
/** What the controller says about it. */
export type ChaosExperimentStatus = z.output<typeof chaosExperimentStatusSchema>;

/** Checks a ChaosExperiment as {@link parseAs} says. */
export function parseChaosExperiment(object: unknown): Parsed<ChaosExperiment> {
  return parseAs(chaosExperimentSchema, object);
}
