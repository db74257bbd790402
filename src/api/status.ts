import { z } from 'zod';

/** The phases of a Rollout, in the order in which a good release passes them; the last five are ways off that path. */
const PHASES = [
  'Adopting',
  'Idle',
  'Preparing',
  'Progressing',
  'Baking',
  'Promoting',
  'Paused',
  'RollingBack',
  'TakenOver',
  'Stalled',
  'Terminating',
] as const;

/** How a release ended. */
const OUTCOMES = ['Promoted', 'RolledBack', 'Aborted', 'Superseded', 'Reverted', 'TakenOver', 'Deleted'] as const;

const text = (meaning: string) => z.string().describe(meaning);
const time = (meaning: string) => z.string().meta({ format: 'date-time' }).describe(meaning);
const count = (meaning: string) => z.int().min(0).describe(meaning);
const percent = (meaning: string) => z.number().describe(meaning);

const version = () =>
  z.object({
    revision: text('Value of the `pod-template-hash` label of its pods.'),
    replicas: count('Pods asked for.').exactOptional(),
    readyReplicas: count('Pods that are ready.').exactOptional(),
  });

const requestCounts = () =>
  z.object({
    requests: count('Requests counted since the evidence began.'),
    failures: count('Failed requests among them.'),
  });

const objectiveStatus = z.object({
  name: text('Name of the objective.'),
  verdict: z.enum(['Pass', 'Fail', 'Inconclusive']).describe('What the evidence says at this moment.'),
  message: text('Why, in one sentence.').exactOptional(),
  expectedAt: time(
    'When the evidence is expected to be enough for a promotion, if it goes on as it does.',
  ).exactOptional(),
  odds: z
    .number()
    .describe('Evidence against the new version, as odds: 100 means 100 to 1 against "harmless".')
    .exactOptional(),
  canary: requestCounts().describe('Requests of the new version.').exactOptional(),
  stable: requestCounts().describe('Requests of the stable version in the same time.').exactOptional(),
});

const gateStatus = z.object({
  name: text('Name of the gate.'),
  state: z
    .enum(['Waiting', 'Running', 'Passed', 'WeakBefore', 'Failed', 'Inconclusive'])
    .describe(
      'WeakBefore: an objective is broken under the fault, by the stable version too. Inconclusive holds the release.',
    ),
  message: text('Why, in one sentence.').exactOptional(),
  experiment: text('The ChaosExperiment that tries it, while it is tried.').exactOptional(),
});

const historyEntry = z.object({
  revision: text('The revision that was released.'),
  outcome: z.enum(OUTCOMES).describe('How the release ended.'),
  reason: text('Reason in CamelCase, as in conditions and Events.').exactOptional(),
  message: text('Why, in one sentence.').exactOptional(),
  startedAt: time('When the release began.'),
  finishedAt: time('When it ended.'),
  failedRequests: count('Failed requests that the release has cost.').exactOptional(),
});

const condition = z.object({
  type: text('Ready, Reconciling, Stalled, ObjectivesReady, AnalysisHealthy or TrafficVerified.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: text('Reason in CamelCase.'),
  message: text('One sentence for people.'),
  lastTransitionTime: time('When `status` last changed.'),
  observedGeneration: z.int().describe('Generation of the Rollout that this is about.').exactOptional(),
});

const anyObject = (meaning: string) =>
  z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true }).describe(meaning);

/** `status`: written by the controller only. Every field may be absent. */
export const statusSchema = z
  .object({
    observedGeneration: z.int().describe('Generation of the spec that this status is about.').exactOptional(),
    phase: z.enum(PHASES).describe('What the Rollout is doing.').exactOptional(),
    message: text('What is happening and why, in one sentence.').exactOptional(),
    stable: version().describe('The version that gets all requests between releases.').exactOptional(),
    canary: version().describe('The new version; absent between releases.').exactOptional(),
    step: z
      .object({
        index: z.int().describe('Number of the present step, from 1.'),
        count: z.int().describe('How many steps there are; absent where the evidence says the steps.').exactOptional(),
        weight: percent('Weight of the present step, in percent.'),
      })
      .describe('The present step; absent between releases.')
      .exactOptional(),
    weight: z
      .object({
        desired: percent('What the new version is to get.'),
        applied: percent('What the route says.').exactOptional(),
        observed: percent('What the requests were seen to do; absent when there were too few.').exactOptional(),
      })
      .describe('Share of the requests for the new version, in percent.')
      .exactOptional(),
    objectives: z.array(objectiveStatus).max(16).describe('The evidence, objective by objective.').exactOptional(),
    gates: z.array(gateStatus).max(4).describe('The faults that the release has to bear.').exactOptional(),
    waiting: z
      .object({
        reason: text('Reason in CamelCase.'),
        message: text('What must happen, in one sentence.'),
        until: time('When the wait ends at the latest.').exactOptional(),
        expectedAt: time(
          'When the release is expected to be decided: all holds and the bake are over and every objective is shown. Absent where nobody knows.',
        ).exactOptional(),
      })
      .describe('What the release waits for.')
      .exactOptional(),
    failedRequests: count('Failed requests that the release in progress has cost so far.').exactOptional(),
    lastAction: z
      .object({
        type: text("The operator's request."),
        revision: text('The revision that was meant.'),
        id: text("The request's id.").exactOptional(),
        outcome: z.enum(['Accepted', 'Ignored']).describe('Whether it had an effect.').exactOptional(),
        message: text('What came of it, in one sentence.').exactOptional(),
      })
      .describe("The operator's latest request, and what came of it.")
      .exactOptional(),
    history: z.array(historyEntry).max(10).describe('Finished releases, the newest last, at most ten.').exactOptional(),
    conditions: z
      .array(condition)
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
      .describe('Standard conditions; `kubectl wait --for=condition=Ready` works.')
      .exactOptional(),
    machine: z
      .object({
        version: z.int().describe('Version of the machine that wrote it.'),
        state: text('State that the machine is in.'),
        context: anyObject('What the machine remembers.'),
      })
      .describe("The controller's own record, from which any replica goes on. Do not edit.")
      .exactOptional(),
  })
  .describe('Written by the controller.');
