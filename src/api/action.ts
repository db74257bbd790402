import { z } from 'zod';
import { withRule } from './rule.ts';

const REVISION = /^[a-z0-9]+$/;

/** A revision as status shows it: the value of the pods' `pod-template-hash` label. */
const revisionSchema = withRule(z.string().min(1).max(63), {
  cel: `self.matches('${REVISION.source}')`,
  holds: (text) => REVISION.test(text),
  message: 'must be a revision as status.canary.revision shows it: lower-case letters and digits',
});

/** `spec.action`: the operator's latest request. */
export const actionSchema = z
  .strictObject({
    type: z
      .enum(['Pause', 'Resume', 'Promote', 'Abort'])
      .describe(
        'Pause keeps the weight as it is (a bad version is still taken back). Resume goes on. Promote skips what is left of steps, holds and bake. Abort gives all requests back to the stable version.',
      ),
    revision: revisionSchema.describe(
      'The revision that is meant, from `status.canary.revision`. A request for any other revision than the one in progress does nothing, so a late repeat is harmless.',
    ),
    id: z
      .string()
      .max(64)
      .describe(
        'Tells a request from an earlier one of the same type: any text that is new for each request, such as the time.',
      )
      .exactOptional(),
  })
  .describe(
    "The operator's latest request for the release in progress. Written by `sluice pause|resume|promote|abort`.",
  );
