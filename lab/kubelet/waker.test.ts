import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/lib/clock.ts';
import { createWaker } from './waker.ts';

describe('a waker', () => {
  const cancel = vi.fn();
  let fire = () => {};
  let delayMs = 0;
  const clock: Pick<Clock, 'now' | 'after'> = {
    now: () => 1_000,
    after(delay, run) {
      delayMs = delay;
      fire = run;
      return cancel;
    },
  };
  const waker = createWaker(clock as Clock);

  beforeEach(() => {
    waker.begin();
    cancel.mockClear();
  });

  it('wakes at the time', async () => {
    const woken = waker.wait(1_500);
    expect(delayMs).toBe(500);
    fire();
    await woken;
  });

  it('wakes earlier when it is poked, and drops the timer', async () => {
    const woken = waker.wait(1_500);
    waker.poke();
    await woken;
    expect(cancel).toHaveBeenCalledOnce();
  });

  it('does not lose a poke that comes while nobody waits', async () => {
    waker.poke();
    await waker.wait(Number.POSITIVE_INFINITY);
  });

  it('waits again once the loop has begun another round', async () => {
    waker.poke();
    waker.begin();
    let isWoken = false;
    const woken = waker.wait(Number.POSITIVE_INFINITY).then(() => {
      isWoken = true;
    });
    await Promise.resolve();
    expect(isWoken).toBe(false);
    waker.poke();
    await woken;
  });
});
