import { percent } from '../../machines/judge/index.ts';
import type { Flow } from '../metrics/flows.ts';

/** Which requests an experiment touches, and how many of them. */
export interface Exposure {
  /** Namespace and name of the experiment. */
  readonly experiment: string;
  readonly target: { readonly namespace: string; readonly service: string };
  /** Hosts of the target that are matched: all of them, or that of one revision. */
  readonly hosts: readonly string[];
  /** Workloads of the callers; null is every one of the namespace. */
  readonly callers: { readonly namespace: string; readonly workloads: readonly string[] | null };
  /** Part of the callers' requests that is meant, where one version of them is: 0 to 1. */
  readonly part: number;
  /** Share of the matched requests, 0 to 1; null where only the fault's rate or a cohort says it. */
  readonly dose: number | null;
  /** Touched requests per second as counted so far; the only figure without a dose. */
  readonly seenPerSecond: number;
}

/** The canary of a release on the same service. */
export interface CanaryExposure {
  readonly rollout: string;
  /** Of the service's requests, 0 to 1. */
  readonly share: number;
  /** Where its requests are among the touched ones: `inside` all touched ones are its own, `apart` none, `independent` by chance. */
  readonly overlap: 'inside' | 'apart' | 'independent';
}

export interface LedgerRequest {
  readonly own: Exposure;
  /** Those that began earlier and have not finished: they go first. */
  readonly earlier: readonly Exposure[];
  readonly canary: CanaryExposure | null;
  readonly flows: readonly Flow[];
  /** Hosts of the target's Service, with those of its revisions. */
  readonly allHosts: readonly string[];
  /** 0 to 1 each. */
  readonly limits: { readonly service: number; readonly total: number };
}

/**
 * Why the experiment would be too much, naming the holders and their figures; null while it fits. Shares are of the requests that are
 * measured now: the callers' part of the target's, times the dose. Requests that reach the canary and are touched count once. Pure.
 */
export function shareProblem(request: LedgerRequest): string | null {
  return serviceProblem(request) ?? totalProblem(request);
}

function serviceProblem({ own, earlier, canary, flows, allHosts, limits }: LedgerRequest): string | null {
  const { namespace, service } = own.target;
  const all = requestsTo(flows, namespace, allHosts);
  if (all === 0) return null;
  const beside = earlier.filter(({ target }) => target.namespace === namespace && target.service === service);
  const touched = [own, ...beside].map((one) => touchedPerSecond(one, flows) / all);
  // Nothing of its own is nothing to wait for.
  if (touched[0] === 0) return null;
  const share = union(Math.min(1, sum(touched)), canary);
  if (!isAbove(share, limits.service)) return null;
  const holders = [
    ...beside.map(({ experiment }, index) => `${experiment} touches ${percent(touched[index + 1] ?? 0)}`),
    ...(canary === null || canary.share === 0
      ? []
      : [`the canary of Rollout ${canary.rollout} gets ${percent(canary.share)}`]),
  ];
  return sentence(`the requests to Service ${namespace}/${service}`, {
    ...{ share, holders, own: touched[0] ?? 0 },
    limit: `limits.serviceRequestShare ${percent(limits.service)}`,
  });
}

function totalProblem({ own, earlier, flows, limits }: LedgerRequest): string | null {
  const all = sum(flows.map(({ perSecond }) => perSecond));
  const touched = [own, ...earlier].map((one) => (all === 0 ? 0 : touchedPerSecond(one, flows) / all));
  const share = sum(touched);
  if (touched[0] === 0 || !isAbove(share, limits.total)) return null;
  const holders = earlier.map(({ experiment }, index) => `${experiment} touches ${percent(touched[index + 1] ?? 0)}`);
  return sentence('all requests of the mesh', {
    ...{ share, holders, own: touched[0] ?? 0 },
    limit: `limits.totalRequestShare ${percent(limits.total)}`,
  });
}

function sentence(
  what: string,
  {
    share,
    limit,
    own,
    holders,
  }: { readonly share: number; readonly limit: string; readonly own: number; readonly holders: readonly string[] },
): string {
  const parts = [...holders, `this one ${percent(own)}`].join(', ');
  return `${percent(share)} of ${what} would be exposed, the SafetyPolicy allows ${limit}: ${parts}`;
}

/** Touched requests per second at the dose. */
function touchedPerSecond(
  { target, hosts, callers, part, dose, seenPerSecond }: Exposure,
  flows: readonly Flow[],
): number {
  if (dose === null) return seenPerSecond;
  const fromCallers = flows.filter(
    ({ from }) =>
      from.namespace === callers.namespace && (callers.workloads === null || callers.workloads.includes(from.workload)),
  );
  return requestsTo(fromCallers, target.namespace, hosts) * part * dose;
}

function requestsTo(flows: readonly Flow[], namespace: string, hosts: readonly string[]): number {
  return sum(
    flows.flatMap(({ to, perSecond }) => (to.namespace === namespace && hosts.includes(to.host) ? [perSecond] : [])),
  );
}

/** Share of the requests that are touched or reach the canary. */
function union(touched: number, canary: CanaryExposure | null): number {
  if (canary === null) return touched;
  switch (canary.overlap) {
    case 'inside':
      return Math.max(touched, canary.share);
    case 'apart':
      return Math.min(1, touched + canary.share);
    case 'independent':
      return touched + canary.share - touched * canary.share;
  }
}

/** A share that is the limit itself fits, whatever the noise of binary fractions. */
function isAbove(share: number, limit: number): boolean {
  return share > limit + 1e-9;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
