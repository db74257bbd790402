import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from '../../kube/port.ts';
import { labels, MANAGER } from '../own-object.ts';
import type { Fault, FaultPlan, HeaderMatch } from './port.ts';

/** Label of every object of an experiment: its name. */
export const EXPERIMENT_LABEL = 'sluice.dev/experiment';

const DOSE_ANNOTATION = 'sluice.dev/dose-ppm';
const CLUSTER_DOMAIN = 'svc.cluster.local';

/** Envoy's filters that faults configure by route. */
export const FAULT_FILTER = 'envoy.filters.http.fault';
export const RATE_LIMIT_FILTER = 'envoy.filters.http.local_ratelimit';

const FAULT_TYPE = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';
const RATE_LIMIT_TYPE = 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';

/** An EnvoyFilter as far as it is read. */
export interface EnvoyFilter extends KubeObject {
  readonly spec: {
    readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
    readonly configPatches?: readonly ConfigPatch[];
  };
}

export interface ConfigPatch {
  readonly applyTo?: string;
  readonly match?: {
    readonly context?: string;
    readonly routeConfiguration?: { readonly vhost?: { readonly name?: string } };
  };
  readonly patch?: { readonly operation?: string; readonly value?: unknown };
}

export function faultName(experiment: string): string {
  return `sluice-${experiment}`;
}

/** Metadata of an object of the experiment. */
export function metadataOf({ experiment, namespace }: Pick<FaultPlan, 'experiment' | 'namespace'>, name: string) {
  return { name, namespace, labels: { [labels.managedBy]: MANAGER, [EXPERIMENT_LABEL]: experiment } };
}

/** Envoy's name for the requests to the target, whatever routes there are. */
export function virtualHostOf({ target: { namespace, service, port } }: Pick<FaultPlan, 'target'>): string {
  return `${service}.${namespace}.${CLUSTER_DOMAIN}:${port}`;
}

/** Envoy's filter by which a fault works. */
export function filterOf({ kind }: Fault): string {
  return kind === 'throttle' ? RATE_LIMIT_FILTER : FAULT_FILTER;
}

/** The fault with a dose, in millionths of the matched requests. */
export function renderFault(plan: FaultPlan, dosePpm: number, owners: readonly OwnerReference[]): EnvoyFilter {
  const metadata: ObjectMeta = {
    ...metadataOf(plan, faultName(plan.experiment)),
    annotations: { [DOSE_ANNOTATION]: String(dosePpm) },
    ownerReferences: owners,
  };
  const { apiVersion, kind } = kinds.envoyFilter;
  return { apiVersion, kind, metadata, spec: specOf(plan, dosePpm) };
}

/** The dose that the object says; null where it says none. */
export function doseOf({ metadata }: KubeObject): number | null {
  const dose = Number(metadata.annotations?.[DOSE_ANNOTATION] ?? Number.NaN);
  return Number.isSafeInteger(dose) ? dose : null;
}

/** True when the object is not what Sluice writes for the dose that it says. */
export function isForeign(plan: FaultPlan, object: EnvoyFilter): boolean {
  const dosePpm = doseOf(object);
  return dosePpm === null || !isDeepStrictEqual(object.spec, specOf(plan, dosePpm));
}

function specOf(plan: FaultPlan, dosePpm: number): EnvoyFilter['spec'] {
  return {
    ...(plan.callers !== null && { workloadSelector: { labels: plan.callers } }),
    configPatches: [
      {
        applyTo: 'HTTP_ROUTE',
        match: {
          context: 'SIDECAR_OUTBOUND',
          routeConfiguration: { vhost: { name: virtualHostOf(plan) } },
        },
        patch: {
          operation: 'MERGE',
          value: { typed_per_filter_config: { [filterOf(plan.fault)]: filterConfig(plan, dosePpm) } },
        },
      },
    ],
  };
}

function filterConfig({ fault, headers }: FaultPlan, dosePpm: number): object {
  const percentage = { numerator: dosePpm, denominator: 'MILLION' };
  if (fault.kind === 'throttle') return rateLimit(fault, percentage);
  return {
    '@type': FAULT_TYPE,
    ...(headers.length > 0 && { headers: headers.map(headerMatcher) }),
    ...faultOf(fault, percentage),
  };
}

function faultOf(fault: Exclude<Fault, { kind: 'throttle' }>, percentage: object): object {
  switch (fault.kind) {
    case 'delay':
      return { delay: { fixed_delay: `${(fault.delayMs / 1000).toFixed(3)}s`, percentage } };
    case 'abort':
      return {
        abort: {
          ...('httpStatus' in fault ? { http_status: fault.httpStatus } : { grpc_status: fault.grpcStatus }),
          percentage,
        },
      };
  }
}

function rateLimit({ requestsPerSecond, status, retryAfterS }: Extract<Fault, { kind: 'throttle' }>, share: object) {
  // The bucket takes whole tokens; less than one a second is one in a longer time.
  const tokens = Math.max(1, Math.round(requestsPerSecond));
  const seconds = tokens / requestsPerSecond;
  return {
    '@type': RATE_LIMIT_TYPE,
    stat_prefix: 'sluice',
    status: { code: status },
    token_bucket: { max_tokens: tokens, tokens_per_fill: tokens, fill_interval: `${seconds.toFixed(3)}s` },
    filter_enabled: { default_value: share },
    filter_enforced: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
    ...(retryAfterS !== null && {
      response_headers_to_add: [
        {
          append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          header: { key: 'retry-after', value: String(retryAfterS) },
        },
      ],
    }),
  };
}

function headerMatcher({ name, value }: HeaderMatch): object {
  if ('present' in value) return { name, present_match: true };
  if ('regex' in value) return { name, string_match: { safe_regex: { regex: value.regex } } };
  return { name, string_match: value };
}
