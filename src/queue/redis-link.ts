import { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import { deadline } from './deadline.ts';

/** Whether Redis can be used, as seen by regular beats on a connection of its own. */
export interface RedisLink {
  /** The last failure in words. */
  problem(): string;
  /** Has `onUp` called again, because what it opened is of no use; `why` becomes the problem. */
  reopen(why: string): void;
  close(): void;
}

export interface RedisLinkOptions {
  readonly url: string;
  /** Redis key that tells one history of the server from the next. */
  readonly epochKey: string;
  /** Names this process. */
  readonly instance: string;
  readonly clock: Clock;
  /** Redis answers and takes writes. Called again with each beat until it returns true. */
  readonly onUp: () => Promise<boolean>;
  /** Redis has not answered or has refused writes for 2 s. */
  readonly onDown: () => void;
  /** Redis has lost what it held: flushed, or started again without its data. */
  readonly onForgotten: () => void;
  readonly onBeat: () => void;
}

const BEAT_MS = 500;
/** While Redis is not there, so that it is used soon after it comes. */
const SEARCH_MS = 100;
const BEAT_TIMEOUT_MS = 1_000;
/** So long a silence makes the queue work locally: a fraction of the time in which a bad release must be taken back. */
const SILENCE_MS = 2_000;

/** A connection that tries again for ever and never raises an unhandled event. */
export function openRedis(
  url: string,
  options: { readonly maxRetriesPerRequest: number | null; readonly enableOfflineQueue?: boolean },
): Redis {
  const redis = new Redis(url, {
    retryStrategy: (times: number) => Math.min(1_000, 50 * times),
    connectTimeout: 2_000,
    ...options,
  });
  redis.on('error', () => {});
  return redis;
}

export function watchRedis(options: RedisLinkOptions): RedisLink {
  const { clock, epochKey, instance } = options;
  const redis = openRedis(options.url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
  const stop = new AbortController();
  let problem = 'connecting';
  let epoch: string | undefined;
  let beats = 0;
  let isUp = false;
  let isDown = false;
  let lastAnswerMs = clock.now();
  redis.on('error', (error: Error) => {
    problem = error.message;
  });

  const beat = async (): Promise<void> => {
    // The write is refused by a full or read-only server, which is as useless as none.
    beats += 1;
    const sent = redis.pipeline().set(epochKey, `${instance}/${beats}`, 'NX').get(epochKey).exec();
    const answers = await deadline(sent, { clock, afterMs: BEAT_TIMEOUT_MS, what: 'no answer from Redis' });
    const failure = answers?.find(([error]) => error)?.[0];
    if (failure) throw failure;
    lastAnswerMs = clock.now();
    const seen = String(answers?.[1]?.[1]);
    const hasForgotten = epoch !== undefined && epoch !== seen;
    epoch = seen;
    if (!isUp) {
      isUp = await options.onUp();
      if (isUp) isDown = false;
      // Opening may have taken longer than the silence that counts as down.
      if (isUp) lastAnswerMs = clock.now();
    } else if (hasForgotten) {
      options.onForgotten();
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await beat().catch((error: unknown) => {
        // What ioredis says of a connection that is not there hides the reason, which its 'error' event told.
        if (redis.status === 'ready') problem = error instanceof Error ? error.message : String(error);
      });
      if (stop.signal.aborted) return;
      if (!isDown && clock.now() - lastAnswerMs >= SILENCE_MS) {
        isDown = true;
        isUp = false;
        options.onDown();
      }
      options.onBeat();
      await clock.sleep(isUp ? BEAT_MS : SEARCH_MS, stop.signal).catch(() => {});
    }
  };
  void run();

  return {
    problem: () => problem,
    reopen(why) {
      isUp = false;
      problem = why;
    },
    close() {
      stop.abort();
      redis.disconnect();
    },
  };
}
