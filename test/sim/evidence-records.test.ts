import { describe, expect, it } from 'vitest';
import { decodeRecord } from '../../src/explain/record.ts';
import { type ConfigMap, RECORD_KEY, summaryOf } from '../../src/explain/stored.ts';
import { kinds } from '../../src/kube/kinds.ts';
import { GOOD } from './cluster.ts';
import { releasing, until, weightOf } from './releasing.ts';
import type { World } from './world.ts';

const LIMIT_MS = 240_000;

const configMap = (world: World) => world.kube.all<ConfigMap>(kinds.configMap)[0];
const storedOutcome = (world: World) => {
  const found = configMap(world);
  return found === undefined ? undefined : summaryOf(found)?.outcome;
};

/** How the release in progress ended, as status says. */
function outcomeIn(world: World): string | undefined {
  const kept = world.rollout()?.status?.machine?.context as
    | { readonly machine?: { readonly release?: { readonly outcome?: { readonly kind: string } | null } | null } }
    | undefined;
  return kept?.machine?.release?.outcome?.kind;
}

/** Kills the controller the moment status has the end of the release, before the record of its evidence can have it. */
async function dieAtTheEnd(world: World): Promise<void> {
  let isDead = false;
  world.onWrite = (moment, _, controller) => {
    if (isDead || moment !== 'after' || outcomeIn(world) === undefined) return;
    isDead = true;
    controller?.kill();
  };
  await until(world, LIMIT_MS, () => isDead);
  await world.pass(5_000);
}

describe('the record of a release whose controller died between the end in status and the record', () => {
  it.each([
    ['Promoted', GOOD, 1],
    ['Promoted', GOOD, 2],
    ['RolledBack', { ...GOOD, errorRatio: 0.5 }, 3],
    ['RolledBack', { ...GOOD, errorRatio: 0.5 }, 4],
  ] as const)('is final after the restart: %s', async (outcome, behaviour, seed) => {
    const world = await releasing(seed);
    await until(world, LIMIT_MS, () => weightOf(world) === 50);
    const compared = world.rollout()?.status?.stable?.revision;
    world.cluster.setBehaviour('v2', behaviour);
    await dieAtTheEnd(world);
    expect(storedOutcome(world)).toBe('InProgress');
    world.startController();
    await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
    await until(world, LIMIT_MS, () => storedOutcome(world) === outcome);
    const record = decodeRecord(Buffer.from(configMap(world)?.binaryData?.[RECORD_KEY] ?? '', 'base64'));
    const [objective] = record.objectives;
    expect(record).toMatchObject({ stable: compared, outcome: { kind: outcome } });
    expect(objective?.batches.length).toBeGreaterThan(5);
    expect(objective?.verdict.kind).toBe(outcome === 'Promoted' ? 'Advance' : 'Rollback');
  });
});
