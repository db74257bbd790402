import type { JudgeParameters, Verdict } from '../../machines/judge/index.ts';
import { grouped, percent, spanInWords } from '../../machines/judge/words.ts';

/** A parameter of the judge and what it does here, in one sentence for an operator (analysis 2f). */
export interface ParameterMeaning {
  readonly name: keyof JudgeParameters;
  /** As the sentence writes it. */
  readonly value: string;
  readonly meaning: string;
}

/** What each parameter meant for this objective. Those that had no say in it are left out. */
export function meaningsOf(parameters: JudgeParameters, verdict: Verdict): readonly ParameterMeaning[] {
  const all = [...errorRates(parameters, verdict), ...harm(parameters), ...patience(parameters)];
  return all.filter((meaning) => meaning !== null);
}

type Meaning = ParameterMeaning | null;

function errorRates(parameters: JudgeParameters, { acceptance }: Verdict): readonly Meaning[] {
  const { falseRollback, falseAccept, sloFailureRatio } = parameters;
  return [
    {
      name: 'falseRollback',
      value: percent(falseRollback),
      meaning: `Of ${grouped(1 / falseRollback)} harmless releases at most one is taken back by mistake, however often one looks: from these odds on a release is taken back.`,
    },
    {
      name: 'falseAccept',
      value: percent(falseAccept),
      meaning: `Of ${grouped(1 / falseAccept)} releases that fail more than ${percent(acceptance.tolerableRatio)} at most one is promoted by mistake: from these odds on a release is good enough.`,
    },
    sloFailureRatio === null
      ? null
      : {
          name: 'sloFailureRatio',
          value: percent(sloFailureRatio),
          meaning: `The objective allows ${percent(sloFailureRatio)} of the requests to fail; more than that counts against the canary where stable keeps it.`,
        },
  ];
}

function harm(parameters: JudgeParameters): readonly Meaning[] {
  const { margin, latencyMargin, latencyEdge, dispersion, sloFailureRatio, harmlessRatio } = parameters;
  const harmless = harmlessRatio ?? (sloFailureRatio === null ? null : sloFailureRatio / 50);
  return [
    {
      name: 'margin',
      value: `${margin}`,
      meaning: `Up to ${margin} times as many failures as stable are no harm; a larger margin overlooks more and wrongs fewer.`,
    },
    latencyEdge === null
      ? null
      : {
          name: 'latencyMargin',
          value: `${latencyMargin}`,
          meaning: `Up to ${latencyMargin} times as many slow requests as stable are no harm; half of the test's weight is on those slower than ${latencyEdge} ms.`,
        },
    harmless === null || harmless === 0
      ? null
      : {
          name: 'harmlessRatio',
          value: percent(harmless),
          meaning: `A canary that fails at most ${percent(harmless)} harms nobody, however much better stable is.`,
        },
    {
      name: 'dispersion',
      value: `${Number(dispersion.toPrecision(3))}`,
      meaning:
        dispersion === 1
          ? "Each failure counts in full: stable's did not come in bursts in the hour before, or were too few to tell."
          : `Stable's failures came in bursts in the hour before, so evidence is divided by ${Number(dispersion.toPrecision(3))}: decisions take longer and stay right.`,
    },
  ];
}

function patience(parameters: JudgeParameters): readonly Meaning[] {
  const { minFailures, minBatches, minRequests, plannedBatches, blameWindowMs } = parameters;
  return [
    {
      name: 'minFailures',
      value: grouped(minFailures),
      meaning: `Fewer than ${grouped(minFailures)} failed canary requests never take a release back.`,
    },
    {
      name: 'minBatches',
      value: grouped(minBatches),
      meaning: `It takes ${grouped(minBatches)} batches of requests to take a release back, or one with the square of the odds.`,
    },
    {
      name: 'minRequests',
      value: grouped(minRequests),
      meaning: `No step is taken before the canary has answered ${grouped(minRequests)} requests.`,
    },
    {
      name: 'plannedBatches',
      value: grouped(plannedBatches),
      meaning: `A fault is expected to begin within ${grouped(plannedBatches)} batches; one that begins later takes a little longer to be seen.`,
    },
    {
      name: 'blameWindowMs',
      value: spanInWords(blameWindowMs / 1000),
      meaning: `Where both versions begin to fail within ${spanInWords(blameWindowMs / 1000)} of a raise of the canary's weight, the canary is suspected: it loses its requests, and is blamed if stable recovers at once. What began later than 5 s, or nobody knows when, is blamed the second time only.`,
    },
    {
      name: 'stepsBack',
      value: parameters.stepsBack ? 'yes' : 'no',
      meaning: parameters.stepsBack
        ? 'A breach where stable gets no requests gives it some back, so that both can be compared before anything is decided.'
        : 'A breach where stable gets no requests takes the release back, because there is no lower weight to compare at.',
    },
    {
      name: 'calmBefore',
      value: { true: 'yes', false: 'no', null: 'unknown' }[`${parameters.calmBefore}`],
      meaning: calmMeaning(parameters),
    },
  ];
}

function calmMeaning({ calmBefore, stepsBack }: JudgeParameters): string {
  if (calmBefore === null)
    return `It is not known whether stable kept the objective before the release, so a breach of both from the first request on is ${stepsBack ? 'only a suspicion, which is tried' : "nobody's"}.`;
  return calmBefore
    ? 'Stable kept the objective right before the release, so a breach of both versions from the first request on began with it.'
    : 'Stable breached the objective right before the release, so a breach of both from the first request on did not begin with it.';
}
