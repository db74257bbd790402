import { z } from 'zod';
import { metadataSchema } from './metadata.ts';
import { objectiveBlocks } from './objective.ts';
import { type Parsed, parseAs } from './parse.ts';
import { exactlyOneOf, withRule } from './rule.ts';

/** `spec` of a ServiceLevelObjective. */
export const serviceLevelObjectiveSpecSchema = withRule(
  z.strictObject({
    description: z
      .string()
      .max(1024)
      .describe('What the objective means to the users of the service, for people. At most 1024 characters.')
      .exactOptional(),
    ...objectiveBlocks,
  }),
  exactlyOneOf(Object.keys(objectiveBlocks), 'keep or add one, for example `requests: {successRatio: 99.9}`'),
).describe('What is promised. Exactly one of the blocks requests and prometheus.');

/** A whole ServiceLevelObjective as the API server gives it. */
export const serviceLevelObjectiveSchema = z
  .strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('ServiceLevelObjective'),
    metadata: metadataSchema,
    spec: serviceLevelObjectiveSpecSchema,
  })
  .describe(
    'A ServiceLevelObjective says once what several Rollouts of its namespace must keep; they name it by `objectiveRef`. An edit takes effect with the next release.',
  );

/** A ServiceLevelObjective with defaults filled in. */
export type ServiceLevelObjective = z.output<typeof serviceLevelObjectiveSchema>;

/** Checks a ServiceLevelObjective as {@link parseAs} says. */
export function parseServiceLevelObjective(object: unknown): Parsed<ServiceLevelObjective> {
  return parseAs(serviceLevelObjectiveSchema, object);
}
