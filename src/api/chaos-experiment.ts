import { z } from 'zod';
import { chaosExperimentStatusSchema } from './chaos-experiment-status.ts';
import { runFields, withRunRules } from './experiment-run.ts';
import { metadataSchema } from './metadata.ts';
import { type Parsed, parseAs } from './parse.ts';
import { withChangeRule, withRule } from './rule.ts';

/** Names of fuses are `<experiment>-fuse-<number>`, and labels carry the name. */
const MAX_NAME = 50;

const specFields = withRunRules(
  z.strictObject({
    ...runFields,
    stop: z
      .boolean()
      .describe('Ends the experiment at once when true. Written by `sluice chaos stop`. It cannot be taken back.')
      .exactOptional(),
  }),
);

const isFixed = Object.keys(runFields)
  .map(
    (field) =>
      `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  )
  .join(' && ');

const immutableSpec = withChangeRule(specFields, {
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
