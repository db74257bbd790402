import { clusterOf } from './places.ts';
import type { DelayPart, Fault, FaultPlan, HeaderMatch } from './port.ts';

/** Envoy's filters that faults configure by route. */
export const FAULT_FILTER = 'envoy.filters.http.fault';
export const RATE_LIMIT_FILTER = 'envoy.filters.http.local_ratelimit';

/** A fault filter knows one delay: a spread takes the proxy's own and one of these for each further part. They are armed at install. */
export const SPREAD_FILTERS: readonly string[] = [
  'sluice.fault.2',
  'sluice.fault.3',
  'sluice.fault.4',
  'sluice.fault.5',
];

export const FAULT_TYPE = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';
export const RATE_LIMIT_TYPE = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** Prefix of the rate limit's own counters; Envoy asks for one. */
export const STAT_PREFIX = 'sluice';

/** The random part of a request's id that a spread looks at: 4096 equal shares. */
const SPREAD_DIGITS = 3;
/** That which a thin line looks at: shares of less than a millionth. */
const BANDWIDTH_DIGITS = 5;

/** Proxies do not tell which answers they slow down, but which requests they delay: the same ones wait so long, which nobody notices. */
const MARK_MS = 1;

/** A bucket cannot be without tokens: one request of each proxy passes at each write, and one a day. */
const EMPTY_BUCKET = { max_tokens: 1, tokens_per_fill: 1, fill_interval: '86400.000s' };

type RouteFault = Exclude<Fault, { kind: 'circuit' }>;
type SingleFault = Exclude<RouteFault, { kind: 'spread' | 'throttle' | 'shed' | 'bandwidth' }>;
type Refusal = Extract<Fault, { kind: 'throttle' | 'shed' }>;

/** Names of the filters by which a fault works; none for one that works by the limits of a cluster. */
export function filtersOf(fault: Fault): readonly string[] {
  switch (fault.kind) {
    case 'circuit':
      return [];
    case 'throttle':
    case 'shed':
      return [RATE_LIMIT_FILTER];
    case 'spread':
      return spreadOver(fault.parts).map(([filter]) => filter);
    default:
      return [FAULT_FILTER];
  }
}

/** What the fault configures for a route, by the name of the filter. */
export function filterConfigs(plan: FaultPlan, fault: RouteFault, dosePpm: number): Readonly<Record<string, object>> {
  const percentage = millionths(dosePpm);
  switch (fault.kind) {
    case 'throttle':
    case 'shed':
      return { [RATE_LIMIT_FILTER]: rateLimit(fault, percentage) };
    case 'spread': {
      const starts = startsOf(fault.parts);
      const entries = spreadOver(fault.parts).map(([filter, { delayMs }], index) => {
        const ids = requestIds(starts[index] ?? 0, starts[index + 1] ?? 0, SPREAD_DIGITS);
        return [filter, httpFault(plan, effectOf({ kind: 'delay', delayMs }, percentage), [ids])] as const;
      });
      return Object.fromEntries(entries);
    }
    case 'bandwidth':
      return { [FAULT_FILTER]: thinLine(plan, fault, dosePpm) };
    default:
      return { [FAULT_FILTER]: httpFault(plan, effectOf(fault, percentage), []) };
  }
}

function spreadOver(parts: readonly DelayPart[]): readonly (readonly [string, DelayPart])[] {
  const filters = [FAULT_FILTER, ...SPREAD_FILTERS];
  return parts.flatMap((part, index) => {
    const filter = filters[index];
    return filter === undefined ? [] : [[filter, part] as const];
  });
}

/** Slows down and marks the same requests: draws of its own for each would not fall together, but all of some ids do. */
function thinLine(plan: FaultPlan, { kibPerSecond }: Extract<Fault, { kind: 'bandwidth' }>, dosePpm: number): object {
  const all = millionths(dosePpm === 0 ? 0 : 1_000_000);
  const effect = {
    ...effectOf({ kind: 'delay', delayMs: MARK_MS }, all),
    response_rate_limit: { fixed_limit: { limit_kbps: kibPerSecond }, percentage: all },
  };
  const end = Math.max(1, Math.round((dosePpm / 1_000_000) * 16 ** BANDWIDTH_DIGITS));
  return httpFault(plan, effect, [requestIds(0, end, BANDWIDTH_DIGITS)]);
}

function httpFault({ target, headers, cookies = [] }: FaultPlan, effect: object, more: readonly HeaderMatch[]): object {
  const matches = [...headers, ...cookies.map(cookieHeader), ...more];
  return {
    '@type': FAULT_TYPE,
    ...(target.revision !== undefined && { upstream_cluster: clusterOf(target) }),
    ...(matches.length > 0 && { headers: matches.map(headerMatcher) }),
    ...effect,
  };
}

function effectOf(fault: SingleFault, percentage: object): object {
  if (fault.kind === 'delay') return { delay: { fixed_delay: seconds(fault.delayMs / 1000), percentage } };
  const status = 'httpStatus' in fault ? { http_status: fault.httpStatus } : { grpc_status: fault.grpcStatus };
  return { abort: { ...status, percentage } };
}

function millionths(numerator: number): object {
  return { numerator, denominator: 'MILLION' };
}

function rateLimit(fault: Refusal, percentage: object): object {
  return {
    '@type': RATE_LIMIT_TYPE,
    stat_prefix: STAT_PREFIX,
    status: { code: fault.status },
    token_bucket: fault.kind === 'shed' ? EMPTY_BUCKET : bucketOf(fault.requestsPerSecond),
    filter_enabled: { default_value: percentage },
    filter_enforced: { default_value: millionths(1_000_000) },
    ...(fault.retryAfterS !== null && {
      response_headers_to_add: [
        {
          append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          header: { key: 'retry-after', value: String(fault.retryAfterS) },
        },
      ],
    }),
  };
}

/** The bucket takes whole tokens; less than one a second is one in a longer time. */
function bucketOf(requestsPerSecond: number): object {
  const tokens = Math.max(1, Math.round(requestsPerSecond));
  return { max_tokens: tokens, tokens_per_fill: tokens, fill_interval: seconds(tokens / requestsPerSecond) };
}

/** Proxies join the crumbs of cookies, so that the header is one text. */
function cookieHeader({ name, exact }: { readonly name: string; readonly exact: string }): HeaderMatch {
  const pair = `${name}=${exact}`.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return { name: 'cookie', value: { regex: `(.*;\\s*)?${pair}(\\s*;.*)?` } };
}

function headerMatcher({ name, value }: HeaderMatch): object {
  if ('present' in value) return { name, present_match: true };
  if ('regex' in value) return { name, string_match: { safe_regex: { regex: value.regex } } };
  return { name, string_match: value };
}

/** Where each part begins among the ids, and where the last ends. */
function startsOf(parts: readonly DelayPart[]): readonly number[] {
  return Array.from({ length: parts.length + 1 }, (_, index) => {
    const before = parts.slice(0, index).reduce((sum, { share }) => sum + share, 0);
    return Math.round(before * 16 ** SPREAD_DIGITS);
  });
}

/**
 * Requests by their id, which the proxy draws at random where the caller brings none. It makes the parts of a spread exclude each other, and
 * two effects fall together; draws would do neither.
 */
function requestIds(from: number, to: number, digits: number): HeaderMatch {
  return { name: 'x-request-id', value: { regex: `(${hexPrefixes(from, to, digits).join('|')}).*` } };
}

/** The shortest beginnings of hexadecimal numbers from `from` to below `to`. */
function hexPrefixes(from: number, to: number, digits: number): readonly string[] {
  if (from >= to) return [];
  if (from === 0 && to === 16 ** digits) return [''];
  const size = 16 ** (digits - 1);
  return Array.from({ length: 16 }, (_, digit) =>
    hexPrefixes(Math.max(from - digit * size, 0), Math.min(to - digit * size, size), digits - 1).map(
      (rest) => digit.toString(16) + rest,
    ),
  ).flat();
}

function seconds(value: number): string {
  return `${value.toFixed(3)}s`;
}
