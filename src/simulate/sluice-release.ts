import { commandsFor } from '../../machines/rollout/commands.ts';
import { initialContext } from '../../machines/rollout/context.ts';
import type { RolloutState } from '../../machines/rollout/desired.ts';
import type { Facts, Route, TrafficFact } from '../../machines/rollout/facts.ts';
import type { Look } from '../../machines/rollout/guards.ts';
import type { Plan } from '../../machines/rollout/plan.ts';
import { type Standing, settle } from '../../machines/rollout/settle.ts';
import { wakeAt } from '../../machines/rollout/wake.ts';
import type { Baseline } from '../plan/baseline.ts';
import { baselineOf } from '../plan/baseline.ts';
import { CLUSTER, type Cluster, createCluster, STABLE } from './cluster.ts';
import { createEvidence, type Evidence, type JudgedObjective } from './evidence.ts';
import type { Random } from './random.ts';
import type { Result } from './result.ts';
import { createScene, type Interval, type Scene } from './scene.ts';
import type { World } from './service.ts';

/** A spec, ready to be released again and again. */
export interface Setup {
  readonly plan: Plan;
  /** How the objectives are judged, given stable's past. */
  readonly objectivesFor: (past: readonly Interval[]) => readonly JudgedObjective[];
  readonly scrapeS: number;
  /** How long what happens is watched, in seconds. */
  readonly watchedS: number;
}

/** From the end of a scrape until its samples are judged: storing it, and the next poll. */
const INGEST_S = 1;
/** Stable's past that the controller reads before a release. */
const PAST_S = 3600;
/** Rounds of one reconcile; more would be a machine that never comes to rest. */
const MAX_ROUNDS = 20;

/** Releases a new version by the real machine and the real judge on a virtual clock. */
export function releaseBySluice(setup: Setup, world: World, random: Random): Result {
  // Nothing that a release does is in step with scrapes.
  const phaseS = Math.floor(random.uniform() * setup.scrapeS * 1000) / 1000;
  const scene = createScene(world, random, { beginsS: -PAST_S - phaseS, scrapeS: setup.scrapeS });
  const past = scene.passUntil(0);
  const release = createRelease({ ...setup, phaseS }, scene, past);
  const { plan, watchedS } = setup;
  for (let atMs = 0; ; atMs = release.nextMs(atMs)) {
    if (atMs >= Math.min(watchedS * 1000, plan.deadlineMs + 60_000)) return endOf(setup, scene, null);
    const standing = release.lookAt(atMs);
    if (standing.context.release?.outcome != null) return endOf(setup, scene, standing);
  }
}

function endOf({ watchedS }: Setup, scene: Scene, standing: Standing | null): Result {
  scene.passUntil(watchedS);
  const outcome = standing?.context.release?.outcome;
  const isDecided = outcome != null && outcome.reason !== 'DeadlineExceeded';
  return {
    end: !isDecided ? 'Inconclusive' : outcome.kind === 'Promoted' ? 'Promoted' : 'RolledBack',
    endS: outcome == null ? watchedS : outcome.at / 1000,
    faultS: scene.faultSinceS(),
    caused: scene.caused(),
  };
}

interface Release {
  lookAt(atMs: number): Standing;
  /** When something may change next. */
  nextMs(atMs: number): number;
}

function createRelease(
  { plan, objectivesFor, scrapeS, phaseS }: Setup & { readonly phaseS: number },
  scene: Scene,
  past: readonly Interval[],
): Release {
  const baseline = baselineOf(past.map(({ toS, stable }) => ({ at: toS * 1000, ...stable })));
  const evidence = createEvidence(objectivesFor(past), plan.stepping);
  let followedS = 0;
  const cluster = createCluster((route: Route, atMs) => {
    followedS = (atMs + CLUSTER.routeMs) / 1000;
    scene.route(followedS, route.kind === 'revisions' ? route.canaryBp / 10_000 : 0);
  });
  let standing: Standing = { state: 'Idle', context: { ...initialContext, stable: STABLE } };
  let intervals: readonly Interval[] = [];
  let [taken, seen] = [0, ''];

  const take = (atMs: number) => {
    intervals = [...intervals.slice(-KEPT_INTERVALS), ...scene.passUntil(atMs / 1000)];
    const ready = intervals.filter(({ toS }) => toS > taken && toS + INGEST_S <= atMs / 1000);
    taken = ready.at(-1)?.toS ?? taken;
    const { release } = standing.context;
    if (release?.evidenceSince == null) return;
    for (const interval of ready)
      if (interval.toS * 1000 > release.evidenceSince) evidence.add(interval, release.raises);
  };
  const lookOf = (atMs: number): Look => {
    const known = intervals.filter(({ fromS, toS }) => fromS >= followedS && toS <= taken);
    return { at: atMs, plan, facts: factsOf({ cluster, evidence, baseline }, atMs, trafficOf(known)) };
  };
  return {
    lookAt(atMs) {
      take(atMs);
      const isDue = (wakeAt(standing.state, standing.context, plan, atMs - 1) ?? 0) <= atMs;
      const look = lookOf(atMs);
      const sight = sightOf(look.facts, AWAIT_TRAFFIC.includes(standing.state));
      // A look at what has not changed, with no wait over, changes nothing; most of the time goes by so.
      if (sight !== seen || isDue) standing = reconcile(standing, () => lookOf(atMs), cluster);
      seen = sight;
      return standing;
    },
    nextMs(atMs) {
      const knownS = (scrape: number) => scrape * scrapeS - phaseS - PAST_S + INGEST_S;
      const nextScrape = Math.floor((atMs / 1000 - knownS(0)) / scrapeS) + 1;
      const nextScrapeMs = Math.max(atMs + 1, Math.ceil(knownS(nextScrape) * 1000));
      const wake = wakeAt(standing.state, standing.context, plan, atMs) ?? Number.POSITIVE_INFINITY;
      return Math.min(nextScrapeMs, wake, cluster.readyAtMs(atMs) ?? Number.POSITIVE_INFINITY);
    },
  };
}

/** Intervals whose traffic may be asked for again. */
const KEPT_INTERVALS = 24;

/** Looks, decides and acts until nothing is left to do. */
function reconcile(from: Standing, lookNow: () => Look, cluster: Cluster): Standing {
  let standing = from;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const look = lookNow();
    const { state, context } = settle(standing, look);
    const isSame = state === standing.state && JSON.stringify(context) === JSON.stringify(standing.context);
    standing = { state, context };
    if (context.release?.outcome?.kind === 'Promoted') return standing;
    const commands = commandsFor(state, context, look);
    for (const command of commands) cluster.perform(command, look.at);
    if (isSame && commands.length === 0) return standing;
  }
  throw new Error(`the release does not come to rest in ${standing.state}`);
}

function factsOf(
  { cluster, evidence, baseline }: { cluster: Cluster; evidence: Evidence; baseline: Baseline },
  atMs: number,
  traffic: TrafficFact | null,
): Facts {
  return {
    ...cluster.factsAt(atMs),
    traffic,
    evidence: { state: 'fresh', message: '' },
    verdict: evidence.verdict(),
    preflight: { state: 'passed', requestRate: baseline.requestRate },
    ...{ faults: [], trials: [], gate: null, embargo: null },
    failed: null,
  };
}

/** States that wait until requests are seen to follow the route. */
const AWAIT_TRAFFIC: readonly RolloutState[] = ['RoutingStable', 'Shifting'];

/** Everything of the facts that may let the machine decide otherwise than before; messages and running counts do not. */
function sightOf({ verdict, traffic, revisions, route }: Facts, awaitsTraffic: boolean): string {
  const opinion = verdict && [verdict.kind, verdict.reason, verdict.isShownGood, verdict.nextBp];
  return JSON.stringify([opinion, awaitsTraffic && traffic, revisions, route]);
}

function trafficOf(intervals: readonly Interval[]): TrafficFact | null {
  if (intervals.length === 0) return null;
  const { canary, stable } = sumOfArms(intervals);
  return { plain: 0, stable, canary };
}

function sumOfArms(intervals: readonly Interval[]) {
  const sum = (arm: 'canary' | 'stable') => intervals.reduce((total, interval) => total + interval[arm].requests, 0);
  return { canary: sum('canary'), stable: sum('stable') };
}
