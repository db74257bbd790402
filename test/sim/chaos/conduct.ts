import type { IncomingHttpHeaders } from 'node:http';
import { PLAIN } from '../../../lab/echo/behaviour.ts';
import { type CallerPolicy, createManners } from '../../../lab/echo/caller.ts';
import { hopResult } from '../../../lab/echo/next-hop.ts';
import type { Answer } from '../mesh.ts';
import type { Conduct } from './callers.ts';

export interface ConductOptions {
  readonly policy: Partial<CallerPolicy>;
  readonly now: () => number;
  /** What refusals ask for, in seconds; null without such a header. */
  readonly retryAfterS: number | null;
  /** Users who wait longer are taken for failed ones: the simulated mesh counts no durations. */
  readonly patienceMs: number;
  /** Headers of a part of the requests. */
  readonly marked?: { readonly share: number; readonly headers: Readonly<Record<string, string>> } | undefined;
}

/** The manners of the lab's callers, on the simulation's clock. */
export function conductOf({ policy: change, now, retryAfterS, patienceMs, marked }: ConductOptions): Conduct {
  const policy = { ...PLAIN, ...change };
  let waitedMs = 0;
  const begin = createManners('target', () => now() + waitedMs);
  const pool = createPool(policy.nextConnections);
  let marks = 0;

  return (ask) => {
    waitedMs = 0;
    marks += marked?.share ?? 0;
    const headers = marks >= 1 ? marked?.headers : undefined;
    if (marks >= 1) marks -= 1;
    const way = begin(policy);
    let step = way.next();
    while (step.done !== true) {
      if (step.value.kind === 'wait') {
        waitedMs += step.value.ms;
        step = way.next();
        continue;
      }
      const answer = ask(headers);
      const tookMs = pool.take(now() + waitedMs, Math.min(answer.delayMs, policy.nextTimeoutMs));
      waitedMs += Math.min(tookMs, policy.nextTimeoutMs);
      step = way.next(tookMs >= policy.nextTimeoutMs ? hopResult('target', 504, {}) : resultOf(answer, retryAfterS));
    }
    return { isFailure: step.value.status !== 200 || waitedMs > patienceMs };
  };
}

function resultOf({ code, pod }: Answer, retryAfterS: number | null) {
  const [status = '0', flags = ''] = code.split(' ');
  const headers: IncomingHttpHeaders = {
    ...(pod !== null && { 'x-version': 'v1' }),
    ...(retryAfterS !== null && flags.includes('RL') && { 'retry-after': String(retryAfterS) }),
  };
  return hopResult('target', Number(status), headers);
}

/** Connections that are taken one after the other; gives how long a call takes, with the wait for one. */
function createPool(size: number) {
  const freeAt = Array.from({ length: size }, () => 0);
  return {
    take(at: number, ms: number): number {
      const first = Math.min(...freeAt);
      const begin = Math.max(at, first);
      freeAt[freeAt.indexOf(first)] = begin + ms;
      return begin + ms - at;
    },
  };
}
