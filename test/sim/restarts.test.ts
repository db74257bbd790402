import { describe, expect, it } from 'vitest';
import { decodeRecord, type EvidenceRecord } from '../../src/explain/record.ts';
import { replay } from '../../src/explain/replay.ts';
import { type ConfigMap, RECORD_KEY, summaryOf } from '../../src/explain/stored.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Batch } from '../../src/metrics/port.ts';
import { createSampler } from '../../src/metrics/sampler.ts';
import { subjectsOf } from '../../src/plan/subjects.ts';
import { recordOf } from '../../src/reconcile/rollout/record.ts';
import { type Behaviour, GOOD, NAME, NAMESPACE } from './cluster.ts';
import { createDice, type Dice } from './dice.ts';
import { act } from './incidents.ts';
import { until, weightOf } from './releasing.ts';
import { createWorld, templateOf, type World } from './world.ts';

const LIMIT_MS = 900_000;
/** From a start to a decision that is due: local copies, the first look, one poll of the metrics, and the look that it brings. */
const START_MS = 2_500;
const POLL_MS = 1_000;
/** Each of two steps and the bake waits for scrapes of 5 s, whose moments a restart shifts. */
const SCRAPES_MS = 15_000;

interface Scenario {
  readonly name: string;
  /** How v2 behaves; what turns bad does so while an operator has paused the release at its first weight. */
  readonly behaviour: Behaviour;
  readonly isPaused: boolean;
  readonly strategy?: Parameters<typeof createWorld>[0]['strategy'];
  /** How long a process lives, in ms. */
  readonly livesMs: readonly [number, number];
  readonly seeds: readonly number[];
}

const ADAPTIVE = { canary: { adaptive: { profile: 'Fast', dwell: '10s' } }, deadline: '15m' };
const SHORT = [100, 2_500] as const;
/** Long enough to take a step now and then. */
const LONG = [500, 8_000] as const;
const bad = (errorRatio: number): Behaviour => ({ ...GOOD, errorRatio });

const SCENARIOS: readonly Scenario[] = [
  { name: 'every answer fails', behaviour: bad(1), isPaused: true, livesMs: SHORT, seeds: [1, 2, 3, 4] },
  { name: '6 % fail', behaviour: bad(0.06), isPaused: true, livesMs: SHORT, seeds: [1, 2, 3, 4, 5] },
  { name: 'nothing fails', behaviour: GOOD, isPaused: false, livesMs: LONG, seeds: [1, 2] },
  { name: 'nothing fails, adaptive', behaviour: GOOD, isPaused: false, strategy: ADAPTIVE, livesMs: LONG, seeds: [1] },
  {
    name: '6 % fail, adaptive',
    behaviour: bad(0.06),
    isPaused: true,
    strategy: ADAPTIVE,
    livesMs: SHORT,
    seeds: [1, 2],
  },
];

interface Life {
  readonly from: number;
  until: number;
}

interface Ended {
  readonly outcome: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly finishedAt: number;
  readonly lives: readonly Life[];
  readonly record: EvidenceRecord;
  /** What a sampler that was never restarted has read. */
  readonly witnessed: readonly Batch[];
}

/** One release, whose controller is killed again and again until it is over. */
async function releaseOf(scenario: Scenario, seed: number, isKilled: boolean): Promise<Ended> {
  const { strategy, behaviour, isPaused } = scenario;
  const world = await createWorld({
    ...{ mode: seed % 2 === 0 ? 'adopted' : 'owned', replicas: 2, onInconclusive: 'Hold' },
    ...(strategy !== undefined && { strategy }),
    dice: createDice(seed),
  });
  const dice = createDice(seed + 500);
  world.monitor.excuses.hasBadVersions = true;
  const witness = witnessOf(world);
  const lives: Life[] = [];
  const start = () => {
    world.startController();
    lives.push({ from: world.clock.now(), until: Number.POSITIVE_INFINITY });
  };
  start();
  await world.pass(3_000);
  await world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } });
  await until(world, LIMIT_MS, () => weightOf(world) > 0);
  if (isPaused) {
    await act(world, 'Pause');
    await world.pass(10_000);
    world.cluster.setBehaviour('v2', behaviour);
  }
  if (isKilled) await killUntilOver(world, { dice, lives, start }, scenario.livesMs);
  await until(world, LIMIT_MS, () => storedOutcome(world) !== 'InProgress' && isOver(world));
  const [last] = world.rollout()?.status?.history ?? [];
  const { outcome, reason, message } = last ?? {};
  return {
    ...{ outcome, reason, message, lives, finishedAt: Date.parse(last?.finishedAt ?? '') },
    record: decodeRecord(Buffer.from(configMap(world)?.binaryData?.[RECORD_KEY] ?? '', 'base64')),
    witnessed: witness(),
  };
}

async function killUntilOver(
  world: World,
  { dice, lives, start }: { readonly dice: Dice; readonly lives: Life[]; readonly start: () => void },
  livesMs: readonly [number, number],
): Promise<void> {
  for (const end = world.clock.now() + LIMIT_MS; world.clock.now() < end; ) {
    await world.pass(dice.int(...livesMs));
    if (world.rollout()?.status?.phase === 'RollingBack' || isOver(world)) return;
    for (const controller of world.controllers) controller.kill();
    const life = lives.at(-1);
    if (life !== undefined) life.until = world.clock.now();
    await world.pass(dice.int(100, 1_500));
    start();
  }
  throw new Error(`still ${world.rollout()?.status?.message}`);
}

const isOver = (world: World): boolean => world.rollout()?.status?.history?.length === 1;
const configMap = (world: World) => world.kube.all<ConfigMap>(kinds.configMap)[0];
const storedOutcome = (world: World) => {
  const found = configMap(world);
  return found === undefined ? undefined : summaryOf(found)?.outcome;
};

/** Follows the release as the controller does, in a process that lives on. */
function witnessOf(world: World): () => readonly Batch[] {
  const sampler = createSampler({ provider: world.source, clock: world.clock, cellMs: 250, random: () => 0.5 });
  sampler.start(new AbortController().signal);
  world.actors.push(async () => {
    const { context, spec } = recordOf(world.rollout()?.status);
    const { stable, release } = context;
    if (spec === null || stable === null || release?.evidenceSince == null || release.revision === stable) return;
    const place = { namespace: NAMESPACE, stable, canary: release.revision, since: release.evidenceSince };
    sampler.follow('witness', subjectsOf(spec, place).release);
  });
  return () => sampler.read('witness').batches;
}

/** The first process that lives for long enough after a decision is due makes it. */
function latestAt(dueAt: number, lives: readonly Life[]): number {
  for (const life of lives) {
    const from = Math.max(life.from, dueAt);
    if (life.until - from >= START_MS) return from + START_MS;
  }
  throw new Error('no process lived for long enough');
}

const deadMs = (lives: readonly Life[]): number =>
  lives.slice(1).reduce((sum, { from }, index) => sum + from - (lives[index]?.until ?? from), 0);

let kills = 0;

describe.each(SCENARIOS)('a controller that is killed at random moments of a release of which $name', (scenario) => {
  it.each(scenario.seeds)('decides the same, from the same evidence, no later than it must (%i)', async (seed) => {
    const alone = await releaseOf(scenario, seed, false);
    const killed = await releaseOf(scenario, seed, true);
    expect({ outcome: killed.outcome, reason: killed.reason }).toEqual({
      outcome: alone.outcome,
      reason: alone.reason,
    });

    const [objective] = killed.record.objectives;
    if (objective === undefined) throw new Error('nothing was judged');
    expect(objective.batches.length).toBeGreaterThan(5);
    // Read by the last of many processes, in one go: to the digit what one that lived on has read, sample by sample.
    expect(objective.shortened).toBeNull();
    expect(objective.batches).toEqual(killed.witnessed.slice(0, objective.batches.length));
    const again = replay(objective, killed.record.raises).verdict;
    expect({ lnTotal: again.lnTotal, lnAccept: again.lnAccept, message: again.message, at: again.at }).toEqual({
      lnTotal: objective.verdict.lnTotal,
      lnAccept: objective.verdict.lnAccept,
      message: objective.verdict.message,
      at: objective.verdict.at,
    });

    if (scenario.isPaused) {
      // The weight never changes, so requests and evidence are those of the other world, and so is the batch that decides.
      expect(killed.message).toBe(alone.message);
      expect(objective.verdict).toEqual(alone.record.objectives[0]?.verdict);
      expect(killed.finishedAt).toBeGreaterThanOrEqual(alone.finishedAt - POLL_MS);
      expect(killed.finishedAt).toBeLessThanOrEqual(latestAt(alone.finishedAt, killed.lives));
    } else {
      const lostMs = deadMs(killed.lives) + killed.lives.length * START_MS;
      expect(killed.finishedAt).toBeGreaterThanOrEqual(alone.finishedAt - SCRAPES_MS);
      expect(killed.finishedAt).toBeLessThanOrEqual(alone.finishedAt + lostMs + SCRAPES_MS);
    }
    expect(killed.lives.length).toBeGreaterThan(1);
    kills += killed.lives.length - 1;
  });
});

describe('all of them together', () => {
  it('were killed often enough to tell', () => {
    expect(kills).toBeGreaterThanOrEqual(50);
  });
});
