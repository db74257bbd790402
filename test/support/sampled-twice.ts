import { AppError } from '../../src/lib/errors.ts';
import type { Batch, Subject } from '../../src/metrics/port.ts';
import { createSampler } from '../../src/metrics/sampler.ts';
import { MemorySource } from './metrics-source.ts';
import type { Frame } from './scraped-lives.ts';
import { SteppedClock } from './stepped-clock.ts';

/** Samples that become visible at one time, in ms. */
export interface Publication {
  readonly at: number;
  publish(source: MemorySource): void;
}

export interface Story extends Frame {
  readonly subject: Subject;
  /** When the sampler is told to follow, in ms after the release's begin. */
  readonly startMs: number;
  readonly publications: readonly Publication[];
  readonly outages: readonly { readonly at: number; readonly forMs: number }[];
}

/** What a sampler gave that was there all the time, and one that began afterwards over the same history. */
export interface Told {
  readonly live: readonly Batch[];
  /** Each list of batches as read on the way, oldest first. */
  readonly onTheWay: readonly (readonly Batch[])[];
  readonly again: readonly Batch[];
}

/** Lives through a story until all of it is visible, looking every 10 s. */
export async function sampleTwice({ since, leadMs, subject, startMs, publications, outages }: Story): Promise<Told> {
  const clock = new SteppedClock(since - leadMs);
  const source = new MemorySource(clock);
  for (const { at, publish } of publications) clock.after(at - clock.now(), () => publish(source));
  source.fails = () => {
    const isDown = outages.some(({ at, forMs }) => clock.now() >= since + at && clock.now() < since + at + forMs);
    return isDown ? new AppError('TransientError', 'METRICS_UNREACHABLE', 'down') : undefined;
  };
  const abort = new AbortController();
  const begin = () => {
    const sampler = createSampler({ provider: source, clock, random: () => 0.5 });
    sampler.start(abort.signal);
    return sampler;
  };
  const first = begin();
  await clock.advance(leadMs + startMs);
  first.follow('k', subject);
  const onTheWay: (readonly Batch[])[] = [];
  for (let i = 0; i < 26; i++) {
    await clock.advance(10_000);
    onTheWay.push(first.read('k').batches);
  }
  const second = begin();
  second.follow('k', subject);
  await clock.advance(2000);
  abort.abort();
  return { live: first.read('k').batches, onTheWay, again: second.read('k').batches };
}
