import { Redis } from 'ioredis';
import { systemClock } from '../../src/lib/clock.ts';
import { createBullQueue } from '../../src/queue/bullmq.ts';

/**
 * A replica in a process of its own, for tests that kill it. `hang` never ends a run; `count` counts in Redis who works on a key
 * and notes each overlap there.
 */
const [redisUrl = '', mode = ''] = process.argv.slice(2);
const queue = createBullQueue({ redisUrl, clock: systemClock });
const redis = new Redis(redisUrl);

queue.start(async (key) => {
  process.stdout.write(`run ${key}\n`);
  if (mode === 'hang') await new Promise(() => {});
  if ((await redis.incr(`running ${key}`)) > 1) await redis.incr('overlaps');
  await new Promise((resolve) => setTimeout(resolve, 3));
  await redis.decr(`running ${key}`);
  await redis.incr('runs');
}, 4);
process.stdout.write('started\n');
setInterval(() => {}, 60_000);
