import fc from 'fast-check';

/** How one pod lives: what its counters count between two of its scrapes, and when each scrape becomes visible. */
export interface Life {
  readonly joinsAfterMs: number;
  readonly everyMs: number;
  readonly steps: readonly Step[];
}

interface Step {
  /** Growth by counter. */
  readonly growth: readonly number[];
  readonly restarts: boolean;
  readonly isMissed: boolean;
  readonly lateMs: number;
  /** How much later than `lateMs` each counter may be, so that answers tear the scrape apart. */
  readonly tornMs: readonly number[];
}

/** What one scrape shows. */
export interface Scrape {
  readonly at: number;
  readonly pod: string;
  /** By counter; absent until it has counted something since the pod's last start. */
  readonly values: ReadonlyMap<number, number>;
  /** When the sample of this counter becomes visible, in ms. */
  visibleAt(counter: number): number;
}

/** When a release begins, and how long before it the first pods are scraped, in ms. */
export interface Frame {
  readonly since: number;
  readonly leadMs: number;
}

/** Samples become visible at most this late; below the 15 s that each query looks back. */
const LATEST_MS = 9000;
/** Nothing is scraped any more so long after the release's begin. */
export const LAST_SCRAPE_MS = 200_000;

/** One in ten. */
const seldom = fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0);

/** Pods with so many counters each. */
export function lives(counters: number, { leadMs }: Frame): fc.Arbitrary<Life[]> {
  const each = (one: fc.Arbitrary<number>) => fc.array(one, { minLength: counters, maxLength: counters });
  const step = fc.record({
    growth: each(fc.oneof(fc.constant(0), fc.nat(40))),
    restarts: seldom,
    isMissed: seldom,
    lateMs: fc.oneof(fc.constant(20), fc.nat(LATEST_MS)),
    tornMs: fc.oneof(each(fc.constant(0)), each(fc.nat(4000))),
  });
  const life = fc.record({
    joinsAfterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: leadMs + 60_000 })),
    everyMs: fc.integer({ min: 1000, max: 40_000 }),
    steps: fc.array(step, { minLength: 1, maxLength: 80 }),
  });
  return fc.array(life, { minLength: 1, maxLength: 3 });
}

/**
 * Counters that start together and are reset together. With `restartsShow`, the next scrape after a reset is seen, in time, and every counter
 * in it is smaller: the parts of a histogram have no other sign of it.
 */
export function scrapesOf(
  { joinsAfterMs, everyMs, steps }: Life,
  pod: string,
  { since, leadMs, restartsShow }: Frame & { readonly restartsShow: boolean },
): Scrape[] {
  let values: ReadonlyMap<number, number> = new Map();
  const scrapes: Scrape[] = [];
  for (const [index, step] of steps.entries()) {
    const at = since - leadMs + joinsAfterMs + (index + 1) * everyMs;
    const isLost = step.isMissed || at >= since + LAST_SCRAPE_MS;
    const showsReset = restartsShow && step.restarts && !isLost;
    if (showsReset) values = afresh(scrapes.at(-1)?.values ?? new Map(), step.growth);
    else values = grown(step.restarts && !restartsShow ? new Map() : values, step.growth);
    if (isLost) continue;
    // A late sample that shows growth to be older than the evidence, or its pod's first, comes after it was counted: see `cutBatches`.
    const isPrompt = at <= since || scrapes.length === 0 || showsReset;
    scrapes.push({ at, pod, values, visibleAt: (counter) => at + (isPrompt ? 20 : latenessOf(step, counter)) });
  }
  return scrapes;
}

function latenessOf({ lateMs, tornMs }: Step, counter: number): number {
  return Math.min(LATEST_MS, lateMs + (tornMs[counter] ?? 0));
}

function grown(values: ReadonlyMap<number, number>, growth: readonly number[]): ReadonlyMap<number, number> {
  const sums = new Map(values);
  for (const [counter, amount] of growth.entries()) {
    if (amount > 0) sums.set(counter, (values.get(counter) ?? 0) + amount);
  }
  return sums;
}

/** What the counters that were shown are after a restart: less than they were. */
function afresh(shown: ReadonlyMap<number, number>, growth: readonly number[]): ReadonlyMap<number, number> {
  return new Map(
    [...shown].map(([counter, value]) => [counter, Math.max(0, Math.min(growth[counter] ?? 0, value - 1))]),
  );
}

/** What a pod's very first scrape shows may be old; all else counts from 0 or from what was shown before. */
export function growthAfter(since: number, scrapes: readonly Scrape[], counter: number): number {
  let shown = 0;
  let proven = 0;
  for (const [index, { at, values }] of scrapes.entries()) {
    const value = values.get(counter);
    if (value === undefined) continue;
    if (at > since && index > 0) proven += value < shown ? value : value - shown;
    shown = value;
  }
  return proven;
}

/** Times (ms after the begin) in which the source does not answer. */
export const outages = fc.array(fc.record({ at: fc.nat(150_000), forMs: fc.nat(40_000) }), { maxLength: 2 });
