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
  // The API server sees this by the list's map keys.
  .superRefine((objectives, context) => {
    for (const [index, { name }] of objectives.entries()) {
      if (objectives.findIndex((other) => other.name === name) === index) continue;
      const message = `Duplicate value: another objective is named ${name} too; rename one of them`;
      context.addIssue({ code: 'custom', path: [index], message });
    }
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
  .describe(
    'What the new version must keep: it is taken back when it fails one of them, or is worse than the stable version. 1 to 16, names unique. Default: one named availability, 99 % of the requests succeed.',
  )
  .default([{ name: 'availability', requests: { successRatio: 99 } }]);
