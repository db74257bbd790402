import { z } from 'zod';
import { labelName } from './fields.ts';
import { exactlyOneOf, withRule } from './rule.ts';

const requestsSchema = z
  .strictObject({
    successRatio: z
      .number()
      .gt(0)
      .lt(100)
      .describe(
        "Share of the new version's requests that must succeed, in percent: more than 0, less than 100. An answer with status 500 or above, or none at all, is a failure.",
      ),
  })
  .describe("Judge the requests that callers' proxies sent to the new version.");

/** One entry of `spec.objectives`. */
export const objectiveSchema = withRule(
  z.strictObject({
    name: labelName(63, 'must have at most 63 characters').describe(
      'Name of the objective, unique in the Rollout; status and Events use it.',
    ),
    requests: requestsSchema.exactOptional(),
  }),
  exactlyOneOf(['requests'], 'add for example `requests: {successRatio: 99.9}`'),
);

/** `spec.objectives`: what the new version must keep. */
export const objectivesSchema = z
  .array(objectiveSchema)
  .min(1)
  .max(16)
  // The API server does this by the list's map keys.
  .refine((objectives) => new Set(objectives.map(({ name }) => name)).size === objectives.length, {
    error: 'names must be unique: rename one of the objectives that share a name',
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
  .describe(
    'What the new version must keep: it is taken back when it fails one of them, or is worse than the stable version. 1 to 16, names unique. Default: one named availability, 99 % of the requests succeed.',
  )
  .default([{ name: 'availability', requests: { successRatio: 99 } }]);
