import { z } from 'zod';
import { labelName, uniqueList } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { withRule } from './rule.ts';

/** `spec` of the SafetyPolicy. */
export const safetyPolicySpecSchema = z
  .strictObject({
    halt: z
      .boolean()
      .describe(
        'Ends every experiment at once and admits none while true. Written by `sluice halt`. Taking it back starts nothing by itself.',
      )
      .default(false),
    reason: z
      .string()
      .max(512)
      .describe('Why, for those who find their experiments denied. At most 512 characters.')
      .exactOptional(),
    protectedNamespaces: uniqueList(labelName(63, 'must have at most 63 characters'), 100)
      .describe('Namespaces in which no experiment runs, neither on callers nor on targets. 1 to 100, none twice.')
      .exactOptional(),
  })
  .describe('What holds for every experiment of the cluster.');

/** The SafetyPolicy as the API server gives it. */
export const safetyPolicySchema = withRule(
  z.strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('SafetyPolicy'),
    metadata: metadataSchema,
    spec: safetyPolicySpecSchema,
  }),
  {
    cel: "self.metadata.name == 'default'",
    holds: ({ metadata }) => metadata.name === 'default',
    message: 'there is one SafetyPolicy, and its metadata.name must be default: rename it',
  },
).describe('The SafetyPolicy named default is the lever that stops all experiments, and says where none may run.');

/** The SafetyPolicy with defaults filled in. */
export type SafetyPolicy = z.output<typeof safetyPolicySchema>;
