import { z } from 'zod';

const text = (meaning: string) => z.string().describe(meaning);
const time = (meaning: string) => z.string().meta({ format: 'date-time' }).describe(meaning);
const count = (meaning: string) => z.int().min(0).describe(meaning);

const condition = z.object({
  type: text('Admitted.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: text('Reason in CamelCase.'),
  message: text('One sentence for people.'),
  lastTransitionTime: time('When `status` last changed.'),
  observedGeneration: z.int().describe('Generation of the spec that this is about.').exactOptional(),
});

/** The phases of an experiment, in the order in which it passes them. */
export const EXPERIMENT_PHASES = ['Pending', 'Baseline', 'Armed', 'Injecting', 'Recovering', 'Finished'] as const;

export const VERDICTS = ['Passed', 'Failed', 'Inconclusive', 'Stopped'] as const;

/** `status` of a ChaosExperiment: written by the controller only. Every field may be absent. */
export const chaosExperimentStatusSchema = z
  .object({
    observedGeneration: z.int().describe('Generation of the spec that this status is about.').exactOptional(),
    phase: z
      .enum(EXPERIMENT_PHASES)
      .describe('What the experiment is doing. Finished only once callers were seen to be untouched.')
      .exactOptional(),
    verdict: z
      .enum(VERDICTS)
      .describe(
        'Passed: the steady state held under the proven last dose. Failed: it was breached, and not also without the fault. Stopped: somebody ended it. Inconclusive: anything else.',
      )
      .exactOptional(),
    reason: text('Reason in CamelCase.').exactOptional(),
    message: text('What is happening, or happened, and why, in one sentence.').exactOptional(),
    dose: z
      .object({
        asked: z.number().describe('Share of the matched requests that the present dose asks for, in percent.'),
        written: z.number().describe('What the fault says, in percent; absent without a fault.').exactOptional(),
        step: z.int().describe('Number of the present dose, from 1.'),
        steps: z.int().describe('How many doses there are.'),
      })
      .describe('The present dose.')
      .exactOptional(),
    seen: z
      .object({
        matched: count('Requests of the callers to the target, while it was injected.'),
        touched: count('Requests among them that the fault touched.'),
      })
      .describe("What callers' proxies counted.")
      .exactOptional(),
    tolerance: z
      .number()
      .describe('Highest dose under which the steady state was shown to hold, in percent; absent where there is none.')
      .exactOptional(),
    startedAt: time('When the baseline began.').exactOptional(),
    injectedAt: time('When requests were first touched.').exactOptional(),
    finishedAt: time('When it finished.').exactOptional(),
    fuseUntil: time('When the cluster takes the fault away by itself at the latest.').exactOptional(),
    neighbours: z
      .array(z.string())
      .describe(
        'Services, as namespace/name, whose releases and the experiment exclude each other: those of the callers, and what callers and target call.',
      )
      .exactOptional(),
    conditions: z
      .array(condition)
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
      .describe('Admitted: whether it may inject now, or what it waits for.')
      .exactOptional(),
    report: text('What was done and seen, as Markdown.').exactOptional(),
    machine: z
      .object({
        version: z.int().describe('Version of the machine that wrote it.'),
        state: text('State that the machine is in.'),
        context: z
          .record(z.string(), z.unknown())
          .meta({ 'x-kubernetes-preserve-unknown-fields': true })
          .describe('What the machine remembers.'),
      })
      .describe("The controller's own record, from which any replica goes on. Do not edit.")
      .exactOptional(),
  })
  .describe('Written by the controller.');
