import { z } from 'zod';
import { duration, numberBetween } from './fields.ts';
import { exactlyOneOf, withRule } from './rule.ts';

/** How long a step is held when it does not say. */
export const DEFAULT_HOLD = '1m';

/** One entry of `steps`. */
interface Step {
  readonly weight: number;
  readonly hold?: string;
}

/** The steps of a canary strategy that says neither `steps` nor `adaptive`; no default of the schema, which would stand beside `adaptive`. */
export const DEFAULT_STEPS: readonly Step[] = [
  { weight: 1 },
  { weight: 5 },
  { weight: 25 },
  { weight: 50 },
  { weight: 100 },
];

/** Most weight that an adaptive release may begin with, in percent (analysis 3). */
const MAX_FIRST_WEIGHT = 5;

const weightSchema = withRule(numberBetween(0.01, 100, ' percent'), {
  // The weight is held in basis points; the tolerance is for binary fractions such as 0.29.
  cel: 'self * 100.0 - double(int(self * 100.0 + 0.5)) < 0.000001 && self * 100.0 - double(int(self * 100.0 + 0.5)) > -0.000001',
  holds: (weight) => Math.abs(weight * 100 - Math.round(weight * 100)) < 0.000_001,
  message: 'must have at most two decimals, such as 0.25',
});

const stepSchema = withRule(
  z.strictObject({
    weight: weightSchema.describe(
      'Share of the requests for the new version, in percent: 0.01 to 100, at most two decimals.',
    ),
    hold: duration('0s', '24h')
      .describe(
        `How long the new version is watched at this weight at least, counted from the moment the route is written, such as 90s or 2m. Default ${DEFAULT_HOLD}. Longer when the evidence is not enough yet. Not allowed at weight 100, where \`analysis.bake\` says it.`,
      )
      .exactOptional(),
  }),
  {
    cel: 'self.weight < 100.0 || !has(self.hold)',
    holds: (step) => step.weight < 100 || step.hold === undefined,
    field: 'hold',
    message: 'is not allowed at weight 100: remove it, and set spec.analysis.bake to how long to watch there',
  },
);

const ascendingSteps = withRule(z.array(stepSchema).min(1).max(50), {
  cel: 'self.map(s, s.weight).isSorted() && self.all(s, self.exists_one(t, t.weight == s.weight))',
  holds: (steps) => steps.every((step, index) => index === 0 || step.weight > (steps[index - 1]?.weight ?? 0)),
  message: 'each weight must be larger than the one before: put the steps in order and remove repeated weights',
});

const stepsSchema = withRule(ascendingSteps, {
  // An empty list and a weight above 100 are refused by their own limits.
  cel: 'self.size() == 0 || self[self.size() - 1].weight >= 100.0',
  holds: (steps) => (steps.at(-1)?.weight ?? 100) >= 100,
  message: 'the last step must have weight 100: add {weight: 100} at the end',
});

const adaptiveSchema = z
  .strictObject({
    profile: z
      .enum(['Careful', 'Fast'])
      .describe(
        'How much is risked for speed. Careful at most doubles the weight and stays 2m at each; Fast goes up by 2.5 times and stays 30s.',
      )
      .default('Careful'),
    firstWeight: withRule(weightSchema, {
      cel: `self <= ${MAX_FIRST_WEIGHT}.0 || self > 100.0`,
      holds: (weight) => weight <= MAX_FIRST_WEIGHT || weight > 100,
      message: `must be at most ${MAX_FIRST_WEIGHT}: nothing is known of the new version yet; it goes up as fast as the evidence allows`,
    })
      .describe(
        `Share of the requests that the new version begins with, in percent: 0.01 to ${MAX_FIRST_WEIGHT}, at most two decimals. Default: so much that a version that fails every request costs about 100 of them, at most ${MAX_FIRST_WEIGHT}.`,
      )
      .exactOptional(),
    dwell: duration('10s', '24h')
      .describe('Least time at each weight: 10s to 24h. Default 2m with Careful, 30s with Fast.')
      .exactOptional(),
  })
  .describe(
    'Raise the weight as far as the evidence allows: fast with much traffic and few failures, slowly otherwise. Instead of `steps`.',
  );

const canarySchema = withRule(
  z.strictObject({
    steps: stepsSchema
      .describe(
        'Weights that the new version gets one after the other: strictly ascending, the last one 100, at most 50. Default 1, 5, 25, 50, 100.',
      )
      .exactOptional(),
    adaptive: adaptiveSchema.exactOptional(),
  }),
  {
    cel: '!has(self.steps) || !has(self.adaptive)',
    holds: ({ steps, adaptive }) => steps === undefined || adaptive === undefined,
    message: 'takes either steps or adaptive: remove one of them',
  },
).describe(
  'Give the new version a small share of the requests, and more of it step by step: by `steps`, or by `adaptive` as the evidence allows.',
);

/** `spec.strategy`: in which steps the new version gets requests. */
export const strategySchema = withRule(
  z.strictObject({ canary: canarySchema.exactOptional() }),
  exactlyOneOf(['canary'], 'add `canary: {}`'),
).describe('How a release goes forward. Exactly one block.');

/** The steps of a strategy, those of the default where it says nothing; none where it is adaptive. */
export function fixedSteps({ canary }: z.output<typeof strategySchema>): readonly Step[] {
  return canary?.steps ?? (canary?.adaptive === undefined ? DEFAULT_STEPS : []);
}
