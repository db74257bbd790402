import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASED } from '../../lab/shop/manifests.ts';
import type { VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import type { Caller } from '../e2e/support/caller.ts';

/** What a route says of a version: its share in percent, `plain` where there are no versions in it. */
export type Said = number | 'plain' | 'apart';

/** A writing of the route. */
export interface Write {
  readonly atMs: number;
  readonly said: Said;
}

/** Requests so far, as the caller's proxy counted them. */
export interface Sample {
  /** When they were asked for and when the answer was there. */
  readonly atMs: number;
  readonly untilMs: number;
  readonly canary: number;
  readonly stable: number;
}

/** While the route stood still: what it said, and where the requests went. */
export interface Stretch {
  readonly sharePercent: number;
  readonly canary: number;
  readonly all: number;
}

const LOOK_EVERY_MS = 500;
/** Until istiod has told the proxy, and requests under way have ended. */
const SETTLE_MS = 3_000;
/** A change may be told to the proxy sooner than to us. */
const EARLY_MS = 500;

/** What the route says of the revision; `apart` where its rules differ. */
export function saidOf({ http = [] }: VirtualServiceSpec, revision: string): Said {
  const [said = 'apart', ...others] = new Set(http.map(({ route = [] }) => saidByRule(route, revision)));
  return others.length === 0 ? said : 'apart';
}

function saidByRule(
  route: NonNullable<NonNullable<VirtualServiceSpec['http']>[number]['route']>,
  revision: string,
): Said {
  const isRevision = (host: string) => host === `${RELEASED}-${revision}`;
  if (route.some(({ destination }) => destination.host === RELEASED)) return 'plain';
  const weights = route.map(({ destination, weight }) => ({
    weight: route.length === 1 ? 1 : (weight ?? 0),
    isOwn: isRevision(destination.host),
  }));
  const sum = (list: typeof weights) => list.reduce((total, { weight }) => total + weight, 0);
  return Math.round((10_000 * sum(weights.filter(({ isOwn }) => isOwn))) / sum(weights)) / 100;
}

/** Counts the requests of the stable version and of the one that is there at each look, at the proxy, until it is stopped. */
export function sampleSplit(
  proxy: Caller,
  stable: string,
  canaryNow: () => string | undefined,
): { stop(): Promise<readonly Sample[]> } {
  const samples: Sample[] = [];
  let isStopped = false;
  const countOf = async (revision: string) => (await proxy.counted(`${RELEASED}-${revision}`, '')).all;
  const look = async (revision: string): Promise<void> => {
    const atMs = Date.now();
    const [canary, ofStable] = await Promise.all([countOf(revision), countOf(stable)]);
    samples.push({ atMs, untilMs: Date.now(), canary, stable: ofStable });
  };
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      const canary = canaryNow();
      // A look that fails leaves a gap, and no wrong number.
      if (canary !== undefined && canary !== stable) await look(canary).catch(() => undefined);
      await sleep(LOOK_EVERY_MS);
    }
  };
  const running = loop();
  return {
    async stop() {
      isStopped = true;
      await running;
      return samples;
    },
  };
}

/** Where the requests went between two changes of the route, once it had settled. */
export function stretchesOf(writes: readonly Write[], samples: readonly Sample[]): readonly Stretch[] {
  const changes = writes.filter(({ said }, index) => said !== writes[index - 1]?.said);
  return changes.flatMap(({ atMs, said }, index) => {
    const untilMs = changes[index + 1]?.atMs ?? 0;
    const inside = samples.filter((sample) => sample.atMs >= atMs + SETTLE_MS && sample.untilMs <= untilMs - EARLY_MS);
    const [first, last] = [inside[0], inside.at(-1)];
    if (typeof said !== 'number' || first === undefined || last === undefined) return [];
    const canary = last.canary - first.canary;
    return [{ sharePercent: said, canary, all: canary + last.stable - first.stable }];
  });
}
