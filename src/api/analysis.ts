import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { duration, isDurationCel, numberBetween, objectRef } from './fields.ts';
import { withRule } from './rule.ts';

const analysisFields = z.strictObject({
  falseRollback: numberBetween(0.000_01, 0.2, ', for example 0.01 for one harmless release in a hundred')
    .describe(
      'Probability that a harmless release is taken back all the same, over the whole release and all objectives: 0.00001 to 0.2. Smaller needs more evidence before a bad release is taken back.',
    )
    .default(0.01),
  falsePromote: numberBetween(0.000_01, 0.2, ', for example 0.05 for one harmful release in twenty')
    .describe(
      'Probability that a release is promoted although it fails more than it may: the objective, or three times what the stable version surely fails where that is more. 0.00001 to 0.2. Smaller needs more requests before a good release is promoted.',
    )
    .default(0.05),
  minRequests: z
    .int()
    .min(1)
    .max(1_000_000)
    .describe('Requests that the new version must have answered before a step may go on: 1 to 1000000.')
    .default(50),
  margin: z
    .number()
    .min(1)
    .max(10)
    .describe(
      "How many times the stable version's error ratio is still no harm: 1 to 10. Larger takes back fewer releases that are only a little worse.",
    )
    .default(1.5),
  warmup: duration('0s', '10m')
    .describe(
      'How long durations do not count after each raise that starts pods of the new version, while their caches are cold: 0s to 10m. Failures count from the first request.',
    )
    .default('10s'),
  bake: duration('0s', '24h')
    .describe(
      'How long the new version is watched at weight 100 before it is promoted: 0s to 24h. The stable pods are kept at full size until then.',
    )
    .default('5m'),
  deadline: duration('1m', '168h')
    .describe(
      'How long the whole release may take, not counting pauses by an operator: 1m to 168h. Must be longer than all holds and the bake together. What happens then says `onInconclusive`.',
    )
    .default('1h'),
  onInconclusive: z
    .enum(['RollBack', 'Hold'])
    .describe(
      'What happens when the deadline is reached without a verdict. RollBack takes the release back; Hold keeps the weight as it is and waits for an operator.',
    )
    .default('RollBack'),
  sourceRef: objectRef(
    "The MetricsSource in the Rollout's namespace that has the mesh's request metrics. Default: the controller's own.",
    'Name of the MetricsSource.',
  ).exactOptional(),
});

/** `spec.analysis`: how much evidence a decision needs. */
export const analysisSchema = withRule(analysisFields, {
  cel: `!${isDurationCel('self.bake')} || !${isDurationCel('self.deadline')} || duration(self.bake) < duration(self.deadline)`,
  holds: ({ bake, deadline }) => !((parseDuration(bake) ?? 0) >= (parseDuration(deadline) ?? Number.NaN)),
  field: 'bake',
  message: 'must be shorter than spec.analysis.deadline: shorten the bake or lengthen the deadline',
  messageCel:
    "'must be shorter than spec.analysis.deadline (' + self.deadline + '), but is ' + self.bake + ': shorten the bake or lengthen the deadline'",
  messageFor: ({ bake, deadline }) =>
    `must be shorter than spec.analysis.deadline (${deadline}), but is ${bake}: shorten the bake or lengthen the deadline`,
}).describe('How much evidence a decision needs, and what happens without it.');
