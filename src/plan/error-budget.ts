import { grouped } from '../../machines/judge/index.ts';
import { quotable } from '../metrics/counter-selector.ts';
import { outcomeOf } from '../metrics/outcome.ts';
import type { InstantSample } from '../metrics/provider.ts';
import type { Answer } from '../metrics/questions.ts';
import { DURATIONS_METRIC, REQUESTS_METRIC } from '../metrics/wants.ts';
import type { Goal } from './goal.ts';

/** The Service whose users an objective is about, with the hosts of its revisions. */
export interface Promised {
  readonly namespace: string;
  readonly hosts: readonly string[];
}

/** What an objective has left. `unknown`: the source does not say it. */
export interface Budget {
  readonly objective: string;
  readonly state: 'left' | 'spent' | 'unknown';
  readonly message: string;
}

/** How far back failures are counted. */
const WINDOW = '1h';

/** PromQL that counts what an objective is about over the last hour; null for counters of the user's own, which name a revision. */
export function budgetQuery({ measure }: Goal, { namespace, hosts }: Promised): string | null {
  const names = hosts.map((host) => quotable(host)).join('|');
  const of = `reporter="source",destination_service_namespace="${quotable(namespace)}",destination_service_name=~"${names}"`;
  switch (measure.kind) {
    case 'requests':
      return `sum by (response_code, response_flags, grpc_response_status) (increase(${REQUESTS_METRIC}{${of}}[${WINDOW}]))`;
    case 'durations':
      return `sum by (le) (increase(${DURATIONS_METRIC}{${of}}[${WINDOW}]))`;
    default:
      return null;
  }
}

/**
 * Whether the failures of the last hour have left anything of what the objective allows for as many requests. Nothing counted is nothing
 * spent. Pure.
 */
export function budgetOf({ name, measure, allowedRatio }: Goal, answer: Answer): Budget {
  if (answer.state === 'unknown') return { objective: name, state: 'unknown', message: `${name}: ${answer.message}` };
  const { requests, failures } =
    measure.kind === 'requests'
      ? countRequests(answer.samples, measure.failures)
      : countSlow(answer.samples, measure.kind === 'durations' ? measure.underMs : Number.NaN);
  const allowed = requests * allowedRatio;
  const message = `${name}: ${count(failures)} of ${count(requests)} requests failed it in the last hour, ${count(allowed)} are allowed`;
  return { objective: name, state: requests > 0 && failures >= allowed ? 'spent' : 'left', message };
}

interface Counts {
  readonly requests: number;
  readonly failures: number;
}

function countRequests(samples: readonly InstantSample[], rule: Parameters<typeof outcomeOf>[1]): Counts {
  let [requests, failures] = [0, 0];
  for (const { labels, value } of samples) {
    const outcome = outcomeOf(labels, rule);
    if (outcome === 'excluded' || !Number.isFinite(value)) continue;
    requests += value;
    if (outcome === 'failure') failures += value;
  }
  return { requests, failures };
}

/** Of a histogram's buckets: all, and those above the edge. An edge that is no bucket tells nothing. */
function countSlow(samples: readonly InstantSample[], underMs: number): Counts {
  const at = (edge: number) => samples.find(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')) === edge);
  const [all, within] = [at(Number.POSITIVE_INFINITY), at(underMs)].map((sample) => sample?.value);
  return all === undefined || within === undefined
    ? { requests: 0, failures: 0 }
    : { requests: all, failures: Math.max(0, all - within) };
}

/** `increase` gives fractions; a hundredth of a request is no figure for people. */
function count(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : grouped(Math.round(value));
}
