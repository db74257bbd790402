import type { Rollout } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { Kind, KubeObject } from '../kube/port.ts';
import { createReflector, type ReflectorEvent } from '../kube/reflector.ts';
import { isAppError } from '../lib/errors.ts';
import type { Session } from './session.ts';
import { span } from './view/words.ts';

/** One change of an object; `after` is absent when it was deleted. */
export interface Change<T extends KubeObject = Rollout> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** Objects as they are now, kept in step by a watch that outlives restarts of the API server. */
export interface Feed<T extends KubeObject = Rollout> {
  objects(): readonly T[];
  /** The changes since the last call. */
  take(): readonly Change<T>[];
  /** What is wrong with the connection, where something is. */
  trouble(): string | undefined;
  /** Resolves with the next change, after `withinMs`, or when the session ends. Throws when no retry can help. */
  next(withinMs: number): Promise<void>;
  close(): void;
}

/** Errors that a retry does not cure. */
const FINAL = new Set([
  'FORBIDDEN',
  'UNAUTHORIZED',
  'KIND_NOT_SERVED',
  'KUBECONFIG_INVALID',
  'CREDENTIALS_UNAVAILABLE',
]);

/** Follows one Rollout of the session's namespace, all of that namespace, or all there are; as `followKind`. */
export function follow(session: Session, what: Omit<Followed, 'kind'>): Promise<Feed> {
  return followKind<Rollout>(session, { ...what, kind: kinds.rollout });
}

interface Followed {
  readonly kind: Kind;
  readonly name?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/**
 * Follows objects of a kind. Resolves when the first list is in, and throws when that fails: who starts to watch is to learn at once that
 * nothing can be seen.
 */
export async function followKind<T extends KubeObject>(
  { kube, clock, namespace, signal }: Pick<Session, 'kube' | 'clock' | 'namespace' | 'signal'>,
  what: Followed,
): Promise<Feed<T>> {
  const stop = new AbortController();
  const news = createNews();
  let changes: Change<T>[] = [];
  let trouble: { readonly words: string; readonly untilMs: number } | undefined;
  let final: unknown;
  let isSynced = false;

  const onEvent = (event: ReflectorEvent): void => {
    trouble =
      event.type === 'failed'
        ? { words: troubleWords(event), untilMs: clock.now() + event.retryInMs + RECOVERED_MS }
        : undefined;
    if (event.type === 'failed' && (!isSynced || isFinal(event.error))) final = event.error;
    news.tell();
  };
  const reflector = createReflector<T>(kube, what.kind, {
    clock,
    log: onEvent,
    ...(what.allNamespaces !== true && { namespace }),
    ...(what.name !== undefined && { fieldSelector: `metadata.name=${what.name}` }),
  });
  reflector.onChange((change) => {
    changes.push(change);
    trouble = undefined;
    news.tell();
  });
  const feed: Feed<T> = {
    objects: () => reflector.list(),
    take() {
      const taken = changes;
      changes = [];
      return taken;
    },
    trouble: () => (trouble !== undefined && clock.now() < trouble.untilMs ? trouble.words : undefined),
    async next(withinMs) {
      if (final === undefined && changes.length === 0) await news.within(withinMs, clock, signal);
      if (final !== undefined) throw final;
    },
    close: () => stop.abort(),
  };
  reflector.start(AbortSignal.any([signal, stop.signal]));
  void reflector.synced().then(() => {
    isSynced = true;
    news.tell();
  });
  while (!isSynced && !signal.aborted) await feed.next(SYNC_LOOK_MS);
  return feed;
}

const isFinal = (error: unknown): boolean => isAppError(error) && FINAL.has(error.code);

const SYNC_LOOK_MS = 1_000;

/** The reflector does not say that its watch is back; no failure for so long after a try shows it. Above the time limit of a request. */
const RECOVERED_MS = 12_000;

function troubleWords({ error, retryInMs }: Extract<ReflectorEvent, { type: 'failed' }>): string {
  const what = error instanceof Error ? error.message : String(error);
  return `what is shown may be old: ${what}; ${retryInMs < 1000 ? 'tries again' : `next try in ${span(retryInMs)}`}`;
}

/** Lets one waiter sleep until there is news. */
function createNews() {
  let wake: (() => void) | undefined;
  return {
    tell: () => wake?.(),
    async within(ms: number, clock: Session['clock'], signal: AbortSignal): Promise<void> {
      const woken = new AbortController();
      wake = () => woken.abort();
      // Both news and the end of the session wake the sleeper; neither is a failure.
      await clock.sleep(ms, AbortSignal.any([woken.signal, signal])).catch(() => {});
      wake = undefined;
    },
  };
}
