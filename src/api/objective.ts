import { z } from 'zod';
import { labelName, objectRef } from './fields.ts';
import { namedOnce } from './named-once.ts';
import { prometheusSchema } from './prometheus-objective.ts';
import { requestsSchema } from './requests-objective.ts';
import { exactlyOneOf, withRule } from './rule.ts';

/** The ways in which an objective says what it asks for; a ServiceLevelObjective has the same. */
export const objectiveBlocks = {
  requests: requestsSchema.exactOptional(),
  prometheus: prometheusSchema.exactOptional(),
} as const;

/** One entry of `spec.objectives`. */
export const objectiveSchema = withRule(
  z.strictObject({
    name: labelName(63, 'must have at most 63 characters').describe(
      'Name of the objective, unique in the Rollout; status and Events use it.',
    ),
    ...objectiveBlocks,
    objectiveRef: objectRef(
      "A ServiceLevelObjective in the Rollout's namespace that says what is asked for. A release keeps what it said when the release began.",
      'Name of the ServiceLevelObjective.',
    ).exactOptional(),
  }),
  exactlyOneOf(
    ['requests', 'prometheus', 'objectiveRef'],
    'keep or add one, for example `requests: {successRatio: 99.9}`',
  ),
);

/** `spec.objectives`: what the new version must keep. */
export const objectivesSchema = namedOnce(z.array(objectiveSchema).min(1).max(16), 'objective')
  .describe(
    'What the new version must keep: it is taken back when it fails one of them, or is worse than the stable version. 1 to 16, names unique. Default: one named availability, 99 % of the requests succeed.',
  )
  .default([{ name: 'availability', requests: { successRatio: 99 } }]);
