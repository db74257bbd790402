import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 250;

/** Checks again and again, for `ms`, that something stays as it is: the only way to see that nothing happens is to look for a while. */
export async function watchQuietly(ms: number, check: () => Promise<void>): Promise<void> {
  const until = Date.now() + ms;
  while (Date.now() < until) {
    await check();
    await sleep(LOOK_EVERY_MS);
  }
}
