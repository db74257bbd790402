import type { ConfigPatch, EnvoyFilter } from '../../src/routing/faults/envoy-filter.ts';
import type { VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import { NAME, NAMESPACE } from './cluster.ts';
import type { Dice } from './dice.ts';

/** What the filters of one proxy do to requests for the target. */
export interface RouteFaults {
  touch(request: SentRequest, dice: Dice): Touch;
}

export interface SentRequest {
  /** Host that the route picked. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly now: number;
}

export interface Touch {
  /** The code with which the proxy answers by itself; null: the request goes on. */
  readonly code: number | null;
  /** Envoy's flags. */
  readonly flags: readonly string[];
  readonly delayMs: number;
}

const UNTOUCHED: Touch = { code: null, flags: [], delayMs: 0 };
const VIRTUAL_HOST = `${NAME}.${NAMESPACE}.svc.cluster.local:80`;
const FAULT = 'envoy.filters.http.fault';
const RATE_LIMIT = 'envoy.filters.http.local_ratelimit';
/** Namespace whose filters hold for every proxy. */
const ROOT = 'istio-system';
/** Requests of one tick are under way together. */
const TICK_MS = 100;

interface Percentage {
  readonly numerator: number;
  readonly denominator: string;
}

/** Of Envoy's filters, what this mesh understands; written down from Envoy's own reference and not from what Sluice renders. */
interface FilterConfig {
  readonly upstream_cluster?: string;
  readonly headers?: readonly HeaderMatcher[];
  readonly delay?: { readonly fixed_delay: string; readonly percentage: Percentage };
  readonly abort?: { readonly http_status?: number; readonly grpc_status?: number; readonly percentage: Percentage };
  readonly status?: { readonly code: number };
  readonly token_bucket?: {
    readonly max_tokens: number;
    readonly tokens_per_fill: number;
    readonly fill_interval: string;
  };
  readonly filter_enabled?: { readonly default_value: Percentage };
  readonly filter_enforced?: { readonly default_value: Percentage };
}

interface HeaderMatcher {
  readonly name: string;
  readonly present_match?: boolean;
  readonly string_match?: {
    readonly exact?: string;
    readonly prefix?: string;
    readonly safe_regex?: { readonly regex: string };
  };
}

type Owner = { readonly labels: Readonly<Record<string, string>>; readonly isMeshed: boolean };

/** A push gives a proxy new buckets: those of the one before are forgotten, full or not. */
export function createRouteFaults(
  owner: Owner,
  route: VirtualServiceSpec | undefined,
  filters: readonly EnvoyFilter[],
  now: number,
): RouteFaults {
  const patches = patchesFor(owner, filters);
  const configs = { ...ownFault(route), ...Object.assign({}, ...patches.map(configsOf)) } as Record<
    string,
    FilterConfig
  >;
  const most = Math.min(...patches.flatMap(mostRequestsOf));
  const bucket = configs[RATE_LIMIT]?.token_bucket && createBucket(configs[RATE_LIMIT].token_bucket, now);
  const underWay = { tick: 0, count: 0 };
  const limit = configs[RATE_LIMIT];
  const known = new Set([FAULT, ...armed(filters)]);
  const faults = Object.entries(configs).filter(([name]) => name !== RATE_LIMIT && known.has(name));

  return {
    touch(request, dice) {
      if (!owner.isMeshed) return UNTOUCHED;
      const touches = faults.map(([, config]) => faultTouch(config, request, dice));
      const touch = touches.reduce(both, UNTOUCHED);
      if (touch.code !== null) return touch;
      if (limit !== undefined && bucket !== undefined && known.has(RATE_LIMIT) && isLimited(limit, dice))
        if (!bucket.take(request.now))
          return both(touch, { code: limit.status?.code ?? 429, flags: ['RL'], delayMs: 0 });
      const tick = Math.floor(request.now / TICK_MS);
      underWay.count = underWay.tick === tick ? underWay.count + 1 : 1;
      underWay.tick = tick;
      return underWay.count > most ? both(touch, { code: 503, flags: ['UO'], delayMs: 0 }) : touch;
    },
  };
}

/** Whether a fault answered in place of the service. */
export function isInjected({ code }: { readonly code: string }): boolean {
  return /\b(FI|RL|UO)\b/.test(code);
}

/** Whether a fault touched the request, also where the service answered it. */
export function isTouched({ code }: { readonly code: string }): boolean {
  return /\b(FI|RL|UO|DI)\b/.test(code);
}

const both = (a: Touch, b: Touch): Touch => ({
  code: a.code ?? b.code,
  flags: [...new Set([...a.flags, ...b.flags])],
  delayMs: a.delayMs + b.delayMs,
});

/** By age and name: of two configurations of one filter for one route the later replaces the earlier. */
function patchesFor({ labels }: Owner, filters: readonly EnvoyFilter[]): readonly ConfigPatch[] {
  const order = ({ metadata }: EnvoyFilter) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  return filters
    .filter(({ metadata, spec }) => {
      const isNear = metadata.namespace === NAMESPACE || metadata.namespace === ROOT;
      const wanted = Object.entries(spec.workloadSelector?.labels ?? {});
      return isNear && wanted.every(([key, value]) => labels[key] === value);
    })
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .flatMap(({ spec }) => spec.configPatches ?? []);
}

function configsOf({ applyTo, match, patch }: ConfigPatch): object {
  const isHere = applyTo === 'HTTP_ROUTE' && match?.routeConfiguration?.vhost?.name === VIRTUAL_HOST;
  const value = patch?.value as { typed_per_filter_config?: object } | undefined;
  return isHere ? (value?.typed_per_filter_config ?? {}) : {};
}

function mostRequestsOf({ applyTo, match, patch }: ConfigPatch): readonly number[] {
  if (applyTo !== 'CLUSTER' || match?.cluster?.service !== VIRTUAL_HOST.split(':')[0]) return [];
  const value = patch?.value as { circuit_breakers?: { thresholds: readonly { max_requests: number }[] } } | undefined;
  return value?.circuit_breakers?.thresholds.map(({ max_requests }) => max_requests) ?? [];
}

/** Filters that were put into every proxy at install. */
function armed(filters: readonly EnvoyFilter[]): readonly string[] {
  return filters
    .filter(({ metadata }) => metadata.namespace === ROOT)
    .flatMap(({ spec }) => spec.configPatches ?? [])
    .flatMap(({ patch }) => (patch?.value as { name?: string } | undefined)?.name ?? []);
}

/** The fault of the user's own route, for the rule that ordinary requests follow. */
function ownFault(route: VirtualServiceSpec | undefined): Record<string, FilterConfig> {
  const rule = route?.http?.at(-1) as { fault?: { abort?: { httpStatus: number; percentage: { value: number } } } };
  const abort = rule?.fault?.abort;
  if (abort === undefined) return {};
  const percentage = { numerator: abort.percentage.value * 10_000, denominator: 'MILLION' };
  return { [FAULT]: { abort: { http_status: abort.httpStatus, percentage } } };
}

function faultTouch(config: FilterConfig, { host, headers }: SentRequest, dice: Dice): Touch {
  const id = dice.int(0, 4095).toString(16).padStart(3, '0');
  const all = { 'x-request-id': `${id}0000-0000`, ...headers };
  const cluster = `outbound|80||${host}.${NAMESPACE}.svc.cluster.local`;
  if (config.upstream_cluster !== undefined && config.upstream_cluster !== cluster) return UNTOUCHED;
  if (!(config.headers ?? []).every((matcher) => matches(matcher, all))) return UNTOUCHED;
  const isDelayed = config.delay !== undefined && draws(config.delay.percentage, dice);
  const isAborted = config.abort !== undefined && draws(config.abort.percentage, dice);
  return {
    code: isAborted ? (config.abort?.http_status ?? 200) : null,
    flags: [...(isDelayed ? ['DI'] : []), ...(isAborted ? ['FI'] : [])],
    delayMs: isDelayed ? secondsOf(config.delay?.fixed_delay) * 1000 : 0,
  };
}

function matches(
  { name, present_match, string_match }: HeaderMatcher,
  headers: Readonly<Record<string, string>>,
): boolean {
  const value = headers[name];
  if (value === undefined) return false;
  if (present_match === true) return true;
  const { exact, prefix, safe_regex } = string_match ?? {};
  if (exact !== undefined) return value === exact;
  if (prefix !== undefined) return value.startsWith(prefix);
  return safe_regex !== undefined && new RegExp(`^(?:${safe_regex.regex})$`).test(value);
}

/** Envoy takes nothing for a percentage that is left out. */
function draws(percentage: Percentage | undefined, dice: Dice): boolean {
  const of = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[percentage?.denominator ?? 'HUNDRED'] ?? 100;
  return dice.next() * of < (percentage?.numerator ?? 0);
}

const isLimited = ({ filter_enabled, filter_enforced }: FilterConfig, dice: Dice): boolean =>
  draws(filter_enabled?.default_value, dice) && draws(filter_enforced?.default_value, dice);

function createBucket(
  { max_tokens, tokens_per_fill, fill_interval }: NonNullable<FilterConfig['token_bucket']>,
  since: number,
) {
  const everyMs = secondsOf(fill_interval) * 1000;
  let tokens = max_tokens;
  let filledAt = since;
  return {
    take(now: number): boolean {
      const fills = Math.floor((now - filledAt) / everyMs);
      filledAt += fills * everyMs;
      tokens = Math.min(max_tokens, tokens + fills * tokens_per_fill);
      if (tokens === 0) return false;
      tokens -= 1;
      return true;
    },
  };
}

const secondsOf = (text = '0s'): number => Number(text.replace(/s$/, ''));
