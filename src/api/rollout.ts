import { z } from 'zod';
import { actionSchema } from './action.ts';
import { analysisSchema } from './analysis.ts';
import { duration } from './fields.ts';
import { metadataSchema } from './metadata.ts';
import { deadlineRule } from './needed-time.ts';
import { type objectiveSchema, objectivesSchema } from './objective.ts';
import { gateObjectiveRule, gateWeightRule, resilienceSchema } from './resilience.ts';
import { withChangeRule, withRule } from './rule.ts';
import { statusSchema } from './status.ts';
import { strategySchema } from './strategy.ts';
import { routingSchema, serviceSchema, workloadRefSchema } from './target.ts';

const specFields = z.strictObject({
  workloadRef: workloadRefSchema,
  service: serviceSchema,
  routing: routingSchema,
  strategy: strategySchema,
  objectives: objectivesSchema,
  analysis: analysisSchema.prefault({}),
  progressDeadline: duration('10s', '24h')
    .describe('How long pods may take to become ready before the release is taken back: 10s to 24h.')
    .default('10m'),
  propagation: duration('0s', '1m')
    .describe(
      'Advanced. How long proxies are given to learn of new endpoints before the route names them: 0s to 1m. Envoy alone may take 1s to use a pod that has just become ready; too short loses requests.',
    )
    .default('3s'),
  drain: duration('0s', '10m')
    .describe(
      "Advanced. How long nothing is deleted after the last route write, so that requests under way can end: 0s to 10m. At least as long as your callers' longest request.",
    )
    .default('5s'),
  resilience: resilienceSchema.exactOptional(),
  action: actionSchema.exactOptional(),
});

const gatedSpec = withRule(withRule(specFields, gateWeightRule), gateObjectiveRule);

/** `spec` of a Rollout. Parsing fills in the same defaults as the API server does. */
export const specSchema = withRule(gatedSpec, deadlineRule).describe(
  'What is released and how. An edit during a release takes effect with the next one; only `action` works at once.',
);

const namedRollout = withRule(
  z.strictObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('Rollout'),
    metadata: metadataSchema,
    spec: specSchema,
    status: statusSchema.exactOptional(),
  }),
  {
    cel: 'self.metadata.name.size() <= 63',
    holds: ({ metadata }) => metadata.name.length <= 63,
    message: 'metadata.name must have at most 63 characters, because labels carry it: choose a shorter name',
  },
);

/** A whole Rollout as the API server gives it. */
export const rolloutSchema = withChangeRule(namedRollout, {
  cel: 'self.spec.routing == oldSelf.spec.routing || !has(oldSelf.status) || !has(oldSelf.status.canary)',
  field: 'spec.routing',
  message:
    'must not change during a release, because the requests follow the route of before: end it by `sluice abort`, change this field, and then the pod template to release again',
  messageCel:
    "'must not change during a release, because the requests follow the route of before: end it by `sluice abort ' + self.metadata.name + '`, change this field, and then the pod template to release again'",
}).describe(
  'A Rollout releases new versions of one service: a change of the workload is given a small share of the requests, then more of it for as long as the evidence supports it, and is taken back the moment it is seen to be worse.',
);

/** A Rollout with defaults filled in. */
export type Rollout = z.output<typeof rolloutSchema>;
/** What the user asked for, with defaults filled in. */
export type RolloutSpec = z.output<typeof specSchema>;
/** What the controller says about it. */
export type RolloutStatus = z.output<typeof statusSchema>;
/** One thing that the new version must keep. */
export type Objective = z.output<typeof objectiveSchema>;
/** The operator's latest request. */
export type RolloutAction = z.output<typeof actionSchema>;
