import { firstWeight, type SteppingParameters } from '../judge/index.ts';
import type { Release } from './context.ts';
import type { Facts } from './facts.ts';
import type { Plan, PlannedStep, Stepping } from './plan.ts';

/** Where steps end and the bake begins. */
export const ALL_BP = 10_000;

/** Weight of the first step, in basis points: the plan's, or the largest that a release which fails altogether may have. */
export function firstTargetBp({ stepping, gates }: Plan, { preflight }: Facts): number {
  const least = gates[0]?.atBp ?? ALL_BP;
  return Math.min(least, firstOf(stepping, preflight));
}

function firstOf(stepping: Stepping, preflight: Facts['preflight']): number {
  if (stepping.kind === 'fixed') return stepping.steps[0]?.weightBp ?? ALL_BP;
  if (stepping.firstBp !== null) return stepping.firstBp;
  return firstWeightBp(preflight.state === 'passed' ? (preflight.requestRate ?? 0) : 0, stepping.parameters);
}

/** First weight of adaptive steps at a number of requests per second, in basis points. */
export function firstWeightBp(requestRate: number, parameters: SteppingParameters): number {
  return Math.max(1, Math.round(firstWeight(requestRate, parameters) * ALL_BP));
}

/** Weight of the step after the present one; the present one where the evidence allows no more yet. */
export function nextTargetBp(
  { targetBp, stepIndex }: Release,
  { plan: { stepping }, facts }: { readonly plan: Plan; readonly facts: Facts },
): number {
  if (stepping.kind === 'fixed') return stepping.steps[stepIndex + 1]?.weightBp ?? targetBp;
  return Math.min(ALL_BP, Math.max(targetBp, facts.verdict?.nextBp ?? 0));
}

/** Where all requests go to the canary and it breaches an objective, this much lets both versions be compared at a tenth of the harm. */
const COMPARED_BP = 1_000;

/** The step to go back to from 100 %, or null where the plan has no lower weight: the largest of at most 10 %, or else the smallest. */
export function stepBackTo(release: Release, { stepping }: Plan): Pick<Release, 'stepIndex' | 'targetBp'> | null {
  if (stepping.kind === 'adaptive') return { stepIndex: release.stepIndex + 1, targetBp: COMPARED_BP };
  const low = stepping.steps.findLastIndex(({ weightBp }) => weightBp <= COMPARED_BP);
  const stepIndex = Math.max(0, low);
  const targetBp = stepping.steps[stepIndex]?.weightBp ?? ALL_BP;
  return targetBp < ALL_BP ? { stepIndex, targetBp } : null;
}

/** Weight of the present step of a release that had to give up its requests: the plan's, or the last that it had. */
export function resumedTargetBp({ stepIndex, raises }: Release, { stepping }: Plan): number {
  const last = raises.findLast(({ weightBp }) => weightBp > 0)?.weightBp ?? ALL_BP;
  return stepping.kind === 'fixed' ? (stepping.steps[stepIndex]?.weightBp ?? last) : last;
}

/** How long the present step is held at least, in ms; at 100 % the bake says how long to watch. */
export function holdMsOf({ targetBp, stepIndex }: Release, { stepping }: Plan): number {
  if (targetBp >= ALL_BP) return 0;
  return stepping.kind === 'fixed' ? (stepping.steps[stepIndex]?.holdMs ?? 0) : stepping.dwellMs;
}

/** True when the release has the last weight, or asks for it. */
export function isLastStep(release: Release | null): boolean {
  return release !== null && release.targetBp >= ALL_BP;
}

/** The steps that the plan states, or null where the evidence says them. */
export function plannedStepsOf({ stepping }: Plan): readonly PlannedStep[] | null {
  return stepping.kind === 'fixed' ? stepping.steps : null;
}
