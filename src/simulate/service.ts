import type { LatencyBatch } from '../../machines/judge/index.ts';
import { bucketShares, type Durations, USUAL } from './durations.ts';
import { createWanderer, failuresOf } from './failures.ts';
import type { Fault, Moment } from './faults.ts';
import type { Random } from './random.ts';
import type { Traffic } from './traffic.ts';

/** What is simulated: a service under load with something wrong in it. */
export interface World {
  readonly traffic: Traffic;
  readonly fault: Fault;
  /** Requests per second of both versions together, on average. */
  readonly requestRate: number;
  /** Share of requests that fail when nothing is wrong, from 0 to 1. */
  readonly usualFailures: number;
  /** Null where nobody looks at durations. */
  readonly durations: Durations | null;
}

/** What one version answered. */
export interface Answered {
  readonly requests: number;
  readonly failures: number;
  /** Requests up to each edge; empty without edges. */
  readonly within: readonly number[];
}

/** What was answered in a span of time. */
export interface Served {
  readonly canary: Answered;
  readonly stable: Answered;
  /** Failures that would not have been without the release. */
  readonly caused: number;
}

/** A span of time in which the new version's share is constant. */
export interface Span extends Moment {
  /** Its beginning, in seconds since the release. */
  readonly atS: number;
  readonly seconds: number;
}

export interface Service {
  /** Lets a span of time pass. Spans follow one another. */
  serve(span: Span): Served;
}

const DAY_S = 86_400;

/** One run of a world, by chance. */
export function createService(world: World, random: Random): Service {
  const { traffic, fault, requestRate, durations } = world;
  const [beginsAt, chance] = [random.uniform(), random.uniform()];
  const wander = { canary: createWanderer(traffic.failures, random), stable: createWanderer(traffic.failures, random) };
  const shares = durations && {
    canary: bucketShares(durations, fault.slowness ?? USUAL),
    stable: bucketShares(durations, USUAL),
  };
  const silent: Answered = { requests: 0, failures: 0, within: durations?.edges.map(() => 0) ?? [] };
  const answer = (arm: 'canary' | 'stable', span: Span) => {
    const part = arm === 'canary' ? span.share : 1 - span.share;
    const expected = requestRate * traffic.factorAt(beginsAt + span.atS / DAY_S) * part * span.seconds;
    const factor = wander[arm](span.seconds);
    if (expected === 0) return { answered: silent, extra: 0 };
    const extraRatio = fault.extraAt(span, chance)[arm];
    const usualRatio = Math.min(1 - extraRatio, world.usualFailures * factor);
    // Sums of independent Poisson numbers, so that each part may be drawn by itself.
    const extra = random.poisson(expected * extraRatio);
    const failures = extra + failuresOf(traffic.failures, random, expected * usualRatio);
    const good = expected * (1 - usualRatio - extraRatio);
    return { answered: withDurations(failures, good, { shares: shares?.[arm] ?? null, random }), extra };
  };
  return {
    serve(span) {
      const [canary, stable] = [answer('canary', span), answer('stable', span)];
      const caused = fault.isCaused ? canary.extra + stable.extra : 0;
      return { canary: canary.answered, stable: stable.answered, caused };
    },
  };
}

/** Requests that fail do so at once: they are in the first bucket. */
function withDurations(
  failures: number,
  expectedGood: number,
  { shares, random }: { readonly shares: readonly number[] | null; readonly random: Random },
): Answered {
  if (shares === null) return { requests: failures + random.poisson(expectedGood), failures, within: [] };
  let requests = failures;
  const cumulative = shares.map((share) => {
    requests += random.poisson(expectedGood * share);
    return requests;
  });
  return { requests, failures, within: cumulative.slice(0, -1) };
}

/** What was answered in several spans together. */
export function total(parts: readonly Answered[]): Answered {
  return parts.reduce((sum, part) => ({
    requests: sum.requests + part.requests,
    failures: sum.failures + part.failures,
    within: sum.within.map((count, i) => count + (part.within[i] ?? 0)),
  }));
}

/** The histograms of both versions, as the judge takes them. */
export function latencyOf(edges: readonly number[], canary: Answered, stable: Answered): LatencyBatch {
  const arm = ({ requests, within }: Answered) => ({ requests, within });
  return { edges, canary: arm(canary), stable: arm(stable) };
}
