import { upOfJob } from './fleet-query.ts';
import { ask, BASELINE_MS, type ReaderOptions, type RoundTally } from './fleet-reader.ts';
import { LONGEST_LOOK_BACK_MS } from './followed.ts';
import type { Tracker } from './tracked.ts';

/** A subject of whose evidence the beginning may be lost. Times in ms. */
interface Beginning {
  readonly tracker: Tracker;
  /** When the evidence began. */
  readonly since: number;
  /** The first scrape that the source still has. */
  readonly firstAt: number;
}

/**
 * Finds out for trackers that were read for the first time whether the source still has the beginning of their evidence, and else notes
 * in `lostUntil` up to when they are lost. Callers that were not there yet are no loss: it is one only where no scrape at all of their
 * job is left from when the evidence began, and some from later. Throws as `readPlan`, and may be repeated.
 */
export async function lookUpBeginnings(
  options: ReaderOptions,
  trackers: readonly Tracker[],
  tally: RoundTally,
  signal: AbortSignal,
): Promise<void> {
  for (const [job, late] of lateBeginnings(trackers)) {
    const hasScrapes = async (at: number): Promise<boolean> => {
      if (at < options.clock.now() - LONGEST_LOOK_BACK_MS) return false;
      const query = { selector: upOfJob(job), windowMs: BASELINE_MS, endAtMs: at };
      const { series } = await ask(options, query, tally, signal);
      return series.length > 0;
    };
    // What a source has of one time it also has of later ones.
    let [low, high] = [0, late.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (await hasScrapes(late[middle]?.since ?? 0)) high = middle;
      else low = middle + 1;
    }
    const lost = late.slice(0, low);
    const { firstAt } = lost.at(-1) ?? {};
    if (firstAt === undefined || !(await hasScrapes(firstAt))) continue;
    for (const one of lost) one.tracker.lostUntil = one.firstAt;
  }
}

/** By the job of the first scrape, earliest evidence first: those of which no scrape before the evidence is known. */
function lateBeginnings(trackers: readonly Tracker[]): ReadonlyMap<string, readonly Beginning[]> {
  const byJob = new Map<string, Beginning[]>();
  for (const tracker of trackers) {
    const { since } = tracker.subject;
    const { job, at: firstAt } = firstScrape(tracker);
    if (since === null || job === '' || firstAt <= since) continue;
    const same = byJob.get(job);
    if (same === undefined) byJob.set(job, [{ tracker, since, firstAt }]);
    else same.push({ tracker, since, firstAt });
  }
  for (const same of byJob.values()) same.sort((a, b) => a.since - b.since);
  return byJob;
}

/** The earliest scrape that is held; of no job where there is none. */
function firstScrape({ targets }: Tracker): { readonly job: string; readonly at: number } {
  let first = { job: '', at: Number.POSITIVE_INFINITY };
  for (const { name, scrapes } of targets.values()) {
    for (const at of scrapes) if (at < first.at) first = { job: name.job, at };
  }
  return first;
}
