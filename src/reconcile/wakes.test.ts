import { describe, expect, it } from 'vitest';
import { createWakes } from './wakes.ts';

/** Looks of a key over a day: each wakes the next, and something else asks for a look now and then. */
function looksIn(ms: number, { wakeMs, eventMs }: { readonly wakeMs: number; readonly eventMs: number }) {
  let now = 0;
  const clock = { now: () => now, after: () => () => {}, sleep: () => Promise.resolve() };
  const wakes = createWakes(clock);
  const due: number[] = [0];
  let looks = 0;
  let nextEvent = eventMs;
  let mostPending = 0;
  while (now < ms) {
    due.sort((a, b) => a - b);
    const wake = due[0] ?? Number.POSITIVE_INFINITY;
    now = Math.min(wake, nextEvent);
    if (wake <= nextEvent) due.shift();
    else nextEvent += eventMs + (looks % 7);
    looks += 1;
    const at = now + wakeMs;
    if (wakes.isNew('shop/checkout', at)) due.push(at);
    mostPending = Math.max(mostPending, due.length);
  }
  return { looks, mostPending };
}

describe('wakes', () => {
  it('do not multiply, however often something else asks for a look', () => {
    const day = 86_400_000;
    const { looks, mostPending } = looksIn(day, { wakeMs: 300_000, eventMs: 30_000 });
    expect(mostPending).toBeLessThanOrEqual(2);
    // One for each event and one for each interval, not one for each event that ever was.
    expect(looks).toBeLessThanOrEqual(day / 30_000 + day / 300_000 + 2);
  });

  it('are asked for when the next one due is later, and when the one due is over', () => {
    let now = 0;
    const wakes = createWakes({ now: () => now, after: () => () => {}, sleep: () => Promise.resolve() });
    expect(wakes.isNew('a', 1_000)).toBe(true);
    expect(wakes.isNew('a', 2_000)).toBe(false);
    expect(wakes.isNew('a', 500)).toBe(true);
    expect(wakes.isNew('b', 2_000)).toBe(true);
    now = 1_500;
    expect(wakes.isNew('a', 2_000)).toBe(true);
  });

  it('of a key that is over are forgotten', () => {
    const wakes = createWakes({ now: () => 0, after: () => () => {}, sleep: () => Promise.resolve() });
    expect(wakes.isNew('a', 1_000)).toBe(true);
    wakes.forget('a');
    expect(wakes.isNew('a', 2_000)).toBe(true);
  });
});
