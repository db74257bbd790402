import { EDGES_PER_SIDE, edgesAround } from './edges.ts';
import type { NativeBucket, NativeSample } from './provider.ts';

/** What the buckets say of a threshold in ms. `unseen`: none of them ends there, and none reaches over it. */
export type NativeEdge =
  | { readonly kind: 'edge' | 'unseen' }
  /** Requests on both sides of it are, or will be, in one bucket. These edges next to it are sure, in ms. */
  | { readonly kind: 'between'; readonly next: readonly number[]; readonly isExponential: boolean };

/** Edges of exponential buckets are as sure as this: the logarithm of one is a whole number of steps but for rounding. */
const ROUNDING = 1e-9;
/** Finest schema: 2^8 buckets between two powers of two. */
const FINEST_STEP = 2 ** -8;

/**
 * How many requests took at most so long (ms), exactly (analysis 2c). NaN where a bucket holds requests from both sides of the edge, or where
 * the buckets do not add up to the count: nothing is interpolated.
 */
export function countWithin({ count, buckets }: NativeSample, edge: number): number {
  let within = 0;
  let all = 0;
  for (const bucket of buckets) {
    if (straddles(bucket, edge)) return Number.NaN;
    if (bucket.upper <= edge) within += bucket.count;
    all += bucket.count;
  }
  return all === count ? within : Number.NaN;
}

/**
 * Whether requests in whole ms can be in these exponential buckets: together they cannot have taken longer than if each had taken as long as
 * its bucket allows. Envoy 1.39.3 has each request one bucket too low, which is another edge at each resolution.
 */
export function isSound(sample: NativeSample): boolean {
  if (exponentialBase([sample]) === undefined) return true;
  const most = sample.buckets.reduce((all, { upper, count }) => all + count * Math.floor(upper), 0);
  return !(sample.sum > most);
}

/** Whether both requests of at most `edge` and of more may be in it. */
function straddles({ lower, upper, hasLower }: NativeBucket, edge: number): boolean {
  return upper > edge && (hasLower ? lower <= edge : lower < edge);
}

/**
 * What these histograms say of a threshold. Exponential buckets of schema s end at 2^(i/2^s), and two may be merged at any time: only whole
 * powers of two are sure, or of 4, 16 and so on where they are that coarse already. Of custom ones only those ends are known that requests
 * have shown, because a source leaves out empty buckets.
 */
export function nativeEdge(samples: readonly NativeSample[], underMs: number): NativeEdge {
  const base = exponentialBase(samples);
  if (base !== undefined) {
    const power = Math.log2(underMs) / Math.log2(base);
    if (Number.isInteger(power)) return { kind: 'edge' };
    const next = [base ** Math.floor(power), base ** Math.ceil(power)];
    return { kind: 'between', next, isExponential: true };
  }
  const reaching = samples.flatMap(({ buckets }) => buckets).find((bucket) => straddles(bucket, underMs));
  if (reaching !== undefined) {
    const next = [reaching.lower, reaching.upper].filter((edge) => Number.isFinite(edge) && edge > 0);
    return { kind: 'between', next, isExponential: false };
  }
  return { kind: endsOf(samples).has(underMs) ? 'edge' : 'unseen' };
}

/** The edges that are read for an objective at `underMs`, as far as these histograms show them: itself and its next neighbours, rising. */
export function nativeEdges(samples: readonly NativeSample[], underMs: number): readonly number[] {
  if (samples.length === 0 || nativeEdge(samples, underMs).kind === 'between') return [];
  const base = exponentialBase(samples);
  if (base === undefined) return edgesAround([...endsOf(samples).add(underMs)], underMs);
  return Array.from({ length: 2 * EDGES_PER_SIDE + 1 }, (_, index) => underMs * base ** (index - EDGES_PER_SIDE));
}

/** All powers of this number are edges of all the histograms; undefined unless their buckets are exponential. */
function exponentialBase(samples: readonly NativeSample[]): number | undefined {
  let coarsest: number | undefined;
  for (const { buckets } of samples) {
    for (const bucket of buckets) {
      // Exponential ones have no edge at infinity.
      if (!Number.isFinite(bucket.lower) || !Number.isFinite(bucket.upper)) return undefined;
      if (isCut(bucket, buckets[0])) continue;
      const step = stepOf(bucket);
      if (step === undefined) return undefined;
      coarsest = Math.max(coarsest ?? 1, step);
    }
  }
  return coarsest === undefined ? undefined : 2 ** coarsest;
}

/** The bucket of zero has a width of its own, and cuts the one after it. No duration is below zero. */
function isCut({ lower }: NativeBucket, first: NativeBucket | undefined): boolean {
  return lower <= 0 || (first !== undefined && first.lower <= 0 && first.upper === lower);
}

/** The step between two edges, as a logarithm to base 2; undefined where the bucket is not exponential. */
function stepOf({ lower, upper }: NativeBucket): number | undefined {
  const step = Math.log2(upper / lower);
  const exact = 2 ** Math.round(Math.log2(step));
  if (exact < FINEST_STEP || exact > 16 || Math.abs(step - exact) > ROUNDING) return undefined;
  const index = Math.log2(upper) / exact;
  return Math.abs(index - Math.round(index)) * exact > ROUNDING ? undefined : exact;
}

function endsOf(samples: readonly NativeSample[]): Set<number> {
  const ends = new Set<number>();
  for (const { buckets } of samples) {
    for (const { lower, upper } of buckets) {
      for (const end of [lower, upper]) if (Number.isFinite(end) && end > 0) ends.add(end);
    }
  }
  return ends;
}
