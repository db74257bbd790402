import {
  forget,
  type JudgeParameters,
  learn,
  nextWeight,
  requestsToAccept,
  type SteppingParameters,
  tolerableRatio,
  UNKNOWN_RISK,
} from '../../machines/judge/index.ts';
import type { Plan } from '../../machines/rollout/plan.ts';
import { firstWeightBp } from '../../machines/rollout/steps.ts';
import type { Baseline } from './baseline.ts';

/** What a forecast starts from: one objective, how it is judged, and what its past was. */
export interface Expected {
  readonly parameters: JudgeParameters;
  readonly baseline: Baseline;
}

/** How long a release takes to be shown good by one objective, if the new version is as good as stable. */
export interface Forecast {
  /** Requests that the canary must answer. */
  readonly requests: number;
  /** From the first weight to the promotion, with all holds and the bake. */
  readonly seconds: number;
}

/** A schedule that does not get on is not followed for ever: so many steps of dwelling. */
const MOST_DWELLS = 10_000;

/**
 * Foretells when an objective will be shown, at the traffic of the past hour (analysis 2d.8, 2f); null where the past says too little: no
 * traffic, or a stable version that fails about as often as can be tolerated.
 */
export function forecast(plan: Plan, { parameters, baseline }: Expected): Forecast | null {
  const { requestRate, failureRatio, requests: seen } = baseline;
  if (requestRate <= 0) return null;
  const needed = requestsToAccept({
    falseAccept: parameters.falseAccept,
    expectedRatio: failureRatio,
    tolerableRatio: tolerableRatio({ requests: seen, failures: failureRatio * seen }, parameters),
    lnAccept: 0,
    dispersion: parameters.dispersion,
  });
  if (needed === null) return null;
  const requests = Math.max(needed, parameters.minRequests);
  const { minRequests } = parameters;
  const { stepping } = plan;
  const climb =
    stepping.kind === 'fixed'
      ? byPlan(stepping.steps, { requestRate, minRequests })
      : byEvidence(stepping.parameters, {
          requestRate,
          failureRatio,
          minRequests,
          requests,
          dwellMs: stepping.dwellMs,
          first: stepping.firstBp ?? firstWeightBp(requestRate, stepping.parameters),
        });
  const seconds = climb.seconds + Math.max(plan.bakeMs / 1000, (requests - climb.requests) / requestRate);
  return { requests, seconds };
}

interface Climb {
  /** Canary requests on the way to 100 %. */
  readonly requests: number;
  readonly seconds: number;
}

/** The holds, each as long as it takes to see enough requests for going on. */
function byPlan(
  steps: readonly { readonly weightBp: number; readonly holdMs: number }[],
  { requestRate, minRequests }: { readonly requestRate: number; readonly minRequests: number },
): Climb {
  return steps.reduce<Climb>(
    (climb, { weightBp, holdMs }) => {
      const rate = (requestRate * weightBp) / 10_000;
      const seconds = Math.max(holdMs / 1000, (minRequests - climb.requests) / rate);
      return { requests: climb.requests + rate * seconds, seconds: climb.seconds + seconds };
    },
    { requests: 0, seconds: 0 },
  );
}

interface Traffic {
  readonly requestRate: number;
  readonly failureRatio: number;
  readonly minRequests: number;
  /** Canary requests that show the release good. */
  readonly requests: number;
  readonly dwellMs: number;
  /** First weight in basis points. */
  readonly first: number;
}

/** The weights that the evidence will allow if the canary fails as often as stable, one dwell after the other. */
function byEvidence(parameters: SteppingParameters, traffic: Traffic): Climb {
  const { requestRate, failureRatio, minRequests, dwellMs, first } = traffic;
  const dwell = Math.max(1, dwellMs / 1000);
  let weight = first / 10_000;
  let [risk, requests, seconds] = [UNKNOWN_RISK, 0, 0];
  for (let count = 0; count < MOST_DWELLS && weight < 1; count += 1) {
    const answered = requestRate * weight * dwell;
    requests += answered;
    seconds += dwell;
    risk = learn(risk, { requests: answered, failures: answered * failureRatio }, failureRatio);
    if (requests < minRequests) continue;
    const isShownGood = requests >= traffic.requests;
    const next = nextWeight({ weight, risk, stableRatio: failureRatio, isShownGood }, parameters);
    if (next > weight) risk = forget(risk, parameters);
    weight = next;
  }
  return { requests, seconds };
}
