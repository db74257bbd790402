import {
  addBatch,
  type Batch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  verdictOf,
} from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import { withRaise } from '../../machines/rollout/raises.ts';
import type { EvidenceRecord, RecordedObjective } from '../../src/explain/record.ts';

export const STARTED_AT = Date.parse('2026-01-02T03:04:05Z');

export const PARAMETERS: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

/** Failure ratio of each version at a time since the beginning. */
interface World {
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly scrapeMs: number;
  readonly canaryFails: (second: number) => number;
  readonly stableFails: (second: number) => number;
  readonly raises: readonly Raise[];
  readonly parameters: JudgeParameters;
}

const after = (seconds: number, weight: number): Raise => ({
  at: STARTED_AT + seconds * 1000,
  weightBp: weight * 100,
});

const HEALTHY: World = {
  seconds: 600,
  requestsPerSecond: 40,
  scrapeMs: 5000,
  canaryFails: () => 0.001,
  stableFails: () => 0.001,
  raises: [after(10, 5), after(130, 25), after(250, 50), after(370, 100)],
  parameters: PARAMETERS,
};

/** The record of a release in a world that is the same on every run, judged live as a controller does: batch by batch. */
export function recordOf(changes: Partial<World> = {}): EvidenceRecord {
  const world = { ...HEALTHY, ...changes };
  const objective = judgedIn(world);
  const { verdict } = objective;
  const raises = world.raises.filter(({ at }) => at <= (verdict.at ?? 0));
  const at = (verdict.at ?? STARTED_AT) + 700;
  const { reason, message } = verdict;
  const outcome =
    verdict.kind === 'Rollback'
      ? { kind: 'RolledBack', reason, message: `availability: ${message}`, at }
      : { kind: 'Promoted', reason: 'Promoted', message: 'the canary passed every step and is stable now', at };
  return {
    rollout: { namespace: 'shop', name: 'checkout', uid: '6d5c5a1e-0000-4000-8000-000000000001' },
    revision: '7f9c8b5d4f',
    stable: '65f59869b6',
    startedAt: STARTED_AT,
    raises,
    objectives: [objective],
    outcome,
  };
}

/** Half of the canary's answers fail from the first one on. */
export const badRelease = (): EvidenceRecord => recordOf({ canaryFails: () => 0.5 });

/** Nothing is wrong with it. */
export const goodRelease = (): EvidenceRecord => recordOf();

function judgedIn(world: World): RecordedObjective {
  const { parameters, raises } = world;
  const batches: Batch[] = [];
  let state = beginJudging();
  for (const batch of batchesIn(world)) {
    batches.push(batch);
    state = addBatch(state, withRaise(batch, raises), parameters);
    if (state.decided !== null) break;
  }
  const { kind, reason, message, at, lnTotal, lnAccept } = verdictOf(state, parameters);
  const verdict = { kind, reason, message, at, lnTotal, lnAccept };
  return { name: 'availability', parameters, batches, verdict, shortened: null };
}

function* batchesIn({ seconds, requestsPerSecond, scrapeMs, raises, ...world }: World): Generator<Batch> {
  const chance = createChance();
  const step = scrapeMs / 1000;
  for (let second = step; second <= seconds; second += step) {
    const at = STARTED_AT + second * 1000;
    const weight = (raises.findLast((raise) => raise.at <= at - scrapeMs)?.weightBp ?? 0) / 10_000;
    const counts = { canary: { requests: 0, failures: 0 }, stable: { requests: 0, failures: 0 } };
    for (let i = 0; i < requestsPerSecond * step; i++) {
      const arm = chance() < weight ? 'canary' : 'stable';
      counts[arm].requests++;
      if (chance() < world[`${arm}Fails`](second)) counts[arm].failures++;
    }
    yield { at, ...counts };
  }
}

/** Numerical Recipes' generator: good enough for traffic, and the same everywhere. */
function createChance(): () => number {
  let seed = 12_345;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
}
