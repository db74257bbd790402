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
const ID_DIGITS = 3;

/** A bucket cannot be without tokens: one request of each proxy passes at each write, and one a day. */
const EMPTY_BUCKET = { max_tokens: 1, tokens_per_fill: 1, fill_interval: '86400.000s' };

type RouteFault = Exclude<Fault, { kind: 'circuit' }>;
type SingleFault = Exclude<RouteFault, { kind: 'spread' | 'throttle' | 'shed' }>;
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
  const percentage = { numerator: dosePpm, denominator: 'MILLION' };
  switch (fault.kind) {
    case 'throttle':
    case 'shed':
      return { [RATE_LIMIT_FILTER]: rateLimit(fault, percentage) };
    case 'spread': {
      const starts = startsOf(fault.parts);
      const entries = spreadOver(fault.parts).map(([filter, { delayMs }], index) => {
        const ids = requestIds(starts[index] ?? 0, starts[index + 1] ?? 0);
        return [filter, httpFault(plan, { kind: 'delay', delayMs }, { percentage, more: [ids] })] as const;
      });
      return Object.fromEntries(entries);
    }
    default:
      return { [FAULT_FILTER]: httpFault(plan, fault, { percentage, more: [] }) };
  }
}

function spreadOver(parts: readonly DelayPart[]): readonly (readonly [string, DelayPart])[] {
  const filters = [FAULT_FILTER, ...SPREAD_FILTERS];
  return parts.flatMap((part, index) => {
    const filter = filters[index];
    return filter === undefined ? [] : [[filter, part] as const];
  });
}

function httpFault(
  { target, headers, cookies = [] }: FaultPlan,
  fault: SingleFault,
  { percentage, more }: { readonly percentage: object; readonly more: readonly HeaderMatch[] },
): object {
  const matches = [...headers, ...cookies.map(cookieHeader), ...more];
  return {
    '@type': FAULT_TYPE,
    ...(target.revision !== undefined && { upstream_cluster: clusterOf(target) }),
    ...(matches.length > 0 && { headers: matches.map(headerMatcher) }),
    ...effectOf(fault, percentage),
  };
}

function effectOf(fault: SingleFault, percentage: object): object {
  switch (fault.kind) {
    case 'delay':
      return { delay: { fixed_delay: seconds(fault.delayMs / 1000), percentage } };
    case 'abort': {
      const status = 'httpStatus' in fault ? { http_status: fault.httpStatus } : { grpc_status: fault.grpcStatus };
      return { abort: { ...status, percentage } };
    }
    case 'bandwidth':
      return { response_rate_limit: { fixed_limit: { limit_kbps: fault.kibPerSecond }, percentage } };
  }
}

function rateLimit(fault: Refusal, percentage: object): object {
  return {
    '@type': RATE_LIMIT_TYPE,
    stat_prefix: STAT_PREFIX,
    status: { code: fault.status },
    token_bucket: fault.kind === 'shed' ? EMPTY_BUCKET : bucketOf(fault.requestsPerSecond),
    filter_enabled: { default_value: percentage },
    filter_enforced: { default_value: { numerator: 1_000_000, denominator: 'MILLION' } },
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
    return Math.round(before * 16 ** ID_DIGITS);
  });
}

/**
 * Requests by their id, which the proxy draws at random where the caller brings none. It makes the parts of a spread exclude each other;
 * draws of several filters would not.
 */
function requestIds(from: number, to: number): HeaderMatch {
  return { name: 'x-request-id', value: { regex: `(${hexPrefixes(from, to, ID_DIGITS).join('|')}).*` } };
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
