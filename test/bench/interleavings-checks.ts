import { isDeepStrictEqual } from 'node:util';
import type { ExperimentContext } from '../../machines/experiment/context.ts';
import type { EndedRelease } from '../e2e/support/stage.ts';
import type { Scene } from './interleavings-scene.ts';
import { type Sample, type Stretch, stretchesOf, type Write } from './interleavings-split.ts';

/** What must never break, and how the table calls it. */
export const FIGURES = {
  weight: 'no lost weight',
  split: 'requests go where the route says',
  fault: 'no lost fault',
  blame: 'no wrong blame',
  route: 'route at the end as before, byte for byte',
  left: 'no fault or fuse left',
} as const;
export type Figure = keyof typeof FIGURES;

/** What was seen of one release and one experiment. */
export interface Facts {
  readonly scene: Scene;
  readonly release: Pick<EndedRelease, 'outcome' | 'reason' | 'message'>;
  readonly experiment: {
    readonly verdict: string | undefined;
    readonly reason: string | undefined;
    readonly message: string | undefined;
    readonly touched: number;
    readonly doses: Pick<ExperimentContext, 'doses'>['doses'];
  };
  /** Weights that the status asked for, in percent, in order. */
  readonly asked: readonly number[];
  readonly writes: readonly Write[];
  readonly samples: readonly Sample[];
  /** Requests that the caller's proxy flagged as touched. */
  readonly flagged: number;
  readonly before: RouteState;
  readonly after: RouteState;
  readonly left: readonly string[];
}

/** The user's object but for what the API server keeps, and what the caller's proxy has of it. */
export interface RouteState {
  readonly object: string;
  readonly proxy: string;
}

/** Ends that an experiment may have without a fault having been lost: it says that nobody could see, or that somebody asked for it. */
const HONEST_ENDS = ['SourceDown', 'ControlPlane', 'NotAdmitted', 'NotStarted'];
/** Fewer requests than this say too little of a split. */
const ENOUGH = 50;

/** What broke, by figure; nothing where all is as it must be. */
export function brokenIn(facts: Facts): Readonly<Record<Figure, readonly string[]>> {
  return {
    weight: weightBroken(facts),
    split: splitBroken(facts),
    fault: faultBroken(facts),
    blame: blameBroken(facts),
    route: routeBroken(facts),
    left: facts.left,
  };
}

/** The route said each weight that was asked for, in the same order, and none else. */
function weightBroken({ asked, writes }: Facts): readonly string[] {
  const inOrder = <T>(list: readonly T[]) => list.filter((value, index) => value !== 0 && value !== list[index - 1]);
  const [wanted, said] = [
    inOrder(asked),
    inOrder(writes.map((write) => write.said).filter((value) => value !== 'plain')),
  ];
  if (wanted.length === 0) return ['no weight was asked for'];
  return isDeepStrictEqual(wanted, said) ? [] : [`asked for ${wanted.join(', ')}; the route said ${said.join(', ')}`];
}

/** A bad version may be gone before anybody could count; a good one is there for all of its steps. */
function splitBroken({ release, writes, samples }: Facts): readonly string[] {
  const stretches = stretchesOf(writes, samples).filter(({ all }) => all >= ENOUGH);
  if (stretches.length === 0 && release.outcome === 'Promoted') return ['nothing was counted'];
  return stretches.flatMap(stretchBroken);
}

/** Four standard deviations, and a hundredth for what the counters lag behind. */
function stretchBroken({ sharePercent, canary, all }: Stretch): readonly string[] {
  const share = sharePercent / 100;
  const band = 4 * Math.sqrt((share * (1 - share)) / all) + 0.01;
  return Math.abs(canary / all - share) <= band ? [] : [`${canary} of ${all} at ${sharePercent} %`];
}

function faultBroken({ scene, experiment, flagged }: Facts): readonly string[] {
  const { reason = '', message, doses, touched } = experiment;
  if (HONEST_ENDS.includes(reason)) return [];
  if (reason !== 'Completed') return [`${reason}: ${message}`];
  const unproven = doses.filter(({ isProven }) => isProven !== true).map(({ dose }) => `not proven: ${dose}`);
  const missing = doses.length === scene.ramp.length ? [] : [`${doses.length} of ${scene.ramp.length} doses`];
  const unseen = touched > 0 && flagged >= touched ? [] : [`touched ${touched}, of which the proxy flagged ${flagged}`];
  return [...unproven, ...missing, ...unseen];
}

function blameBroken({ scene, release, experiment }: Facts): readonly string[] {
  const { outcome, reason, message } = release;
  const isRight =
    scene.errorRatio === 0 ? outcome === 'Promoted' : outcome === 'RolledBack' && reason === 'HarmAgainstStable';
  const ofRelease = isRight ? [] : [`errors ${scene.errorRatio}: ${outcome}, ${reason}: ${message}`];
  // There is no steady state, so nobody can be blamed for it.
  const ofExperiment = experiment.verdict === 'Inconclusive' ? [] : [`the experiment ${experiment.verdict}`];
  return [...ofRelease, ...ofExperiment];
}

function routeBroken({ before, after }: Facts): readonly string[] {
  const ofObject = before.object === after.object ? [] : [`${before.object} became ${after.object}`];
  return before.proxy === after.proxy ? ofObject : [...ofObject, `in the proxy: ${before.proxy} became ${after.proxy}`];
}
