import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../src/lib/errors.ts';
import type { Queue, Reason } from '../../src/queue/port.ts';
import { eventually } from '../support/eventually.ts';

/** A handler that notes what it is called with and can be held up. */
export class Recorder {
  readonly runs: { readonly key: string; readonly reasons: readonly Reason[] }[] = [];
  readonly running = new Map<string, number>();
  /** Keys that were being worked on twice at once. */
  readonly overlaps: string[] = [];
  mostAtOnce = 0;
  /** Called inside the run; decides how it ends. */
  behave: (key: string) => Promise<void> = async () => {};

  readonly handler = async (key: string, reasons: readonly Reason[]): Promise<void> => {
    this.runs.push({ key, reasons });
    this.running.set(key, (this.running.get(key) ?? 0) + 1);
    if ((this.running.get(key) ?? 0) > 1) this.overlaps.push(key);
    const atOnce = [...this.running.values()].reduce((sum, count) => sum + count, 0);
    this.mostAtOnce = Math.max(this.mostAtOnce, atOnce);
    try {
      await this.behave(key);
    } finally {
      this.running.set(key, (this.running.get(key) ?? 0) - 1);
    }
  };

  count(key: string): number {
    return this.runs.filter((run) => run.key === key).length;
  }

  reached(key: string, count: number): Promise<unknown> {
    return eventually(`${count} runs of ${key}`, () => this.count(key) >= count, {
      withinMs: 15_000,
      lastSeen: () => this.runs,
    });
  }
}

/** A promise to hold runs up with. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** What every queue must do, whatever it rests on. */
export function queueContract(createQueue: () => Queue | Promise<Queue>): void {
  let queue: Queue;
  let recorder: Recorder;

  beforeEach(async () => {
    recorder = new Recorder();
    queue = await createQueue();
    await eventually('a ready queue', () => queue.health().state === 'ready', { lastSeen: () => queue.health() });
  });
  afterEach(() => queue.close());

  /** With one key at a time, all that was asked for before the fence has run once the fence has. */
  const fence = async (): Promise<void> => {
    const before = recorder.count('fence');
    queue.add('fence', 'resync');
    await recorder.reached('fence', before + 1);
    await eventually('the fence to end', () => recorder.running.get('fence') === 0);
  };

  test('works a key that was added, before or after the start', async () => {
    queue.add('shop/early', 'change');
    queue.start(recorder.handler, 2);
    await recorder.reached('shop/early', 1);
    queue.add('Rollout:shop/late', 'resync');
    await recorder.reached('Rollout:shop/late', 1);
    expect(recorder.runs).toEqual([
      { key: 'shop/early', reasons: ['change'] },
      { key: 'Rollout:shop/late', reasons: ['resync'] },
    ]);
  });

  test('makes one run of many adds', async () => {
    for (let count = 0; count < 100; count += 1) queue.add('a', 'change');
    queue.start(recorder.handler, 1);
    await recorder.reached('a', 1);
    await fence();
    await fence();
    expect(recorder.count('a')).toBeLessThanOrEqual(2);
  });

  test('makes exactly one more run of the adds during a run', async () => {
    const hold = gate();
    recorder.behave = (key) => (key === 'a' ? hold.opened : Promise.resolve());
    queue.start(recorder.handler, 1);
    queue.add('a', 'change');
    await recorder.reached('a', 1);
    for (let count = 0; count < 50; count += 1) queue.add('a', 'change');
    // Adds that are on their way to a server would otherwise arrive after the run.
    await new Promise((resolve) => setTimeout(resolve, 100));
    hold.open();
    await recorder.reached('a', 2);
    await fence();
    await fence();
    expect(recorder.count('a')).toBe(2);
  });

  test('never works one key twice at once, and never more keys than allowed', async () => {
    recorder.behave = () => new Promise((resolve) => setTimeout(resolve, 2));
    queue.start(recorder.handler, 3);
    for (let round = 0; round < 30; round += 1) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key, 'change');
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    for (const key of ['a', 'b', 'c', 'd', 'e']) await recorder.reached(key, 2);
    expect(recorder.overlaps).toEqual([]);
    expect(recorder.mostAtOnce).toBeGreaterThan(1);
    expect(recorder.mostAtOnce).toBeLessThanOrEqual(3);
  });

  test('lets an add run at once although a wake is pending, and the wake afterwards', async () => {
    queue.start(recorder.handler, 1);
    const wakeAt = Date.now() + 1_000;
    queue.wakeAt('a', 'deadline', wakeAt);
    queue.add('a', 'change');
    await recorder.reached('a', 1);
    expect(Date.now()).toBeLessThan(wakeAt);
    await recorder.reached('a', 2);
    expect(Date.now()).toBeGreaterThanOrEqual(wakeAt);
    expect(recorder.runs.map(({ reasons }) => reasons)).toEqual([['change'], ['wake']]);
  });

  test('keeps an earlier wake when a later one is set, and ignores the same wake again', async () => {
    queue.start(recorder.handler, 1);
    const soon = Date.now() + 300;
    queue.wakeAt('a', 'deadline', soon);
    queue.wakeAt('a', 'deadline', soon + 600);
    for (let count = 0; count < 10; count += 1) queue.wakeAt('a', 'deadline', soon);
    await recorder.reached('a', 1);
    expect(Date.now()).toBeGreaterThanOrEqual(soon);
    expect(Date.now()).toBeLessThan(soon + 600);
    await recorder.reached('a', 2);
    expect(Date.now()).toBeGreaterThanOrEqual(soon + 600);
    await fence();
    expect(recorder.count('a')).toBe(2);
  });

  test('tries a failed key again, with growing pauses, until it succeeds', async () => {
    const failedAt: number[] = [];
    recorder.behave = async () => {
      if (failedAt.length === 3) return;
      failedAt.push(Date.now());
      throw new Error('not yet');
    };
    queue.start(recorder.handler, 1);
    queue.add('a', 'change');
    await recorder.reached('a', 4);
    await fence();
    expect(recorder.count('a')).toBe(4);
    expect(recorder.runs.slice(1, 4).map(({ reasons }) => reasons)).toEqual([['retry'], ['retry'], ['retry']]);
    const [first = 0, second = 0, third = 0] = failedAt;
    expect(second - first).toBeGreaterThanOrEqual(50);
    expect(third - second).toBeGreaterThanOrEqual(100);
  });

  test('does not make an add wait for the retry of a failed key', async () => {
    recorder.behave = async () => {
      if (recorder.count('a') === 1) {
        throw new AppError('TransientError', 'BUSY', 'come back much later', { retryAfterMs: 600_000 });
      }
    };
    queue.start(recorder.handler, 1);
    queue.add('a', 'change');
    await recorder.reached('a', 1);
    await eventually('the end of the failed run', () => recorder.running.get('a') === 0);
    queue.add('a', 'evidence');
    await recorder.reached('a', 2);
    expect(recorder.runs[1]?.reasons).toContain('evidence');
  });

  test('waits at close for the key being worked on and takes no other', async () => {
    const hold = gate();
    recorder.behave = () => hold.opened;
    queue.start(recorder.handler, 1);
    queue.add('a', 'change');
    await recorder.reached('a', 1);
    queue.add('b', 'change');
    let isClosed = false;
    const closed = queue.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isClosed).toBe(false);
    hold.open();
    await closed;
    expect(recorder.running.get('a')).toBe(0);
    queue.add('c', 'change');
    queue.wakeAt('c', 'deadline', 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(recorder.runs.map(({ key }) => key)).toEqual(['a']);
  });
}
