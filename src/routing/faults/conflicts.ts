import type { ObjectMeta } from '../../kube/port.ts';
import { hasEntries } from '../../lib/has-entries.ts';
import { coversNamespace, namesService } from '../hosts.ts';
import type { HttpRule, VirtualService } from '../routers/istio-types.ts';
import { ARMING_FILE, ROOT_NAMESPACE } from './arming.ts';
import type { ConfigPatch, EnvoyFilter } from './envoy-filter.ts';
import { FAULT_FILTER, filtersOf } from './filters.ts';
import { hostOf, virtualHostOf } from './places.ts';
import type { FaultPlan, FaultProblem } from './port.ts';
import { refuse } from './problem.ts';
import { EXPERIMENT_LABEL, faultName } from './render.ts';

/** What a rule of a VirtualService may hold that matters to a fault. */
interface Rule extends HttpRule {
  readonly fault?: unknown;
  readonly redirect?: unknown;
  readonly directResponse?: unknown;
  readonly delegate?: { readonly name?: string; readonly namespace?: string };
}

/** Two configurations of one filter for one route do not combine: the later replaces the earlier, silently. */
export function filterConflicts(plan: FaultPlan, filters: readonly EnvoyFilter[]): readonly FaultProblem[] {
  const what = filtersOf(plan.fault).join(', ') || 'limits of connections or a priority';
  const rivals = filters.filter(
    (filter) =>
      isNear(plan, filter) &&
      !isOwn(plan, filter) &&
      sharesCallers(plan, filter) &&
      (filter.spec.configPatches ?? []).some((patch) => collides(plan, patch)),
  );
  return rivals.map(({ metadata }) =>
    refuse(
      'FaultHeld',
      `spec.target: ${holderOf(metadata)} already sets ${what} for these requests, and two do not combine: wait for its end or remove it`,
    ),
  );
}

function holderOf({ namespace = '', name, labels = {} }: ObjectMeta): string {
  const experiment = labels[EXPERIMENT_LABEL];
  const object = `EnvoyFilter ${namespace}/${name}`;
  return experiment === undefined ? object : `${object} (of ChaosExperiment ${namespace}/${experiment})`;
}

/** Rules of the user's routes that the fault would replace, or that cannot bear it. */
export function routeConflicts(plan: FaultPlan, routes: readonly VirtualService[]): readonly FaultProblem[] {
  const forTarget = routes.filter((route) => routesTarget(plan, route));
  return [...forTarget, ...delegatesOf(forTarget, routes)].flatMap((route) => {
    const place = `VirtualService ${route.metadata.namespace ?? ''}/${route.metadata.name}`;
    return rulesOf(route).flatMap((rule, index) => ruleConflicts(plan, rule, `${place} spec.http[${index}]`));
  });
}

/** Filters that proxies do not have by themselves. */
export function armingProblems(plan: FaultPlan, filters: readonly EnvoyFilter[]): readonly FaultProblem[] {
  const missing = filtersOf(plan.fault)
    .filter((name) => name !== FAULT_FILTER)
    .filter((name) => !filters.some((filter) => armsAll(plan, filter) && arms(filter, name)));
  if (missing.length === 0) return [];
  return [
    refuse(
      'NotArmed',
      `spec.fault: proxies have no ${missing.join(', ')}: run \`kubectl apply -f ${ARMING_FILE}\` at a quiet hour; it cuts requests that are longer than the proxies' drain time`,
    ),
  ];
}

function ruleConflicts({ fault }: FaultPlan, rule: Rule, place: string): readonly FaultProblem[] {
  if (rule.fault !== undefined && filtersOf(fault).includes(FAULT_FILTER)) {
    const message = `spec.fault: ${place} has a fault of its own for this service, which the experiment would replace: remove it first`;
    return [refuse('FaultHeld', message)];
  }
  if (fault.kind === 'circuit' && (rule.redirect ?? rule.directResponse) !== undefined) {
    const message = `spec.fault.circuit: ${place} answers by itself and reaches no service, so limits would break it: choose another fault`;
    return [refuse('RouteUnsupported', message)];
  }
  return [];
}

function routesTarget({ target }: FaultPlan, { metadata, spec }: VirtualService): boolean {
  const service = { namespace: target.namespace, name: target.service };
  const isForMesh = spec.gateways === undefined || spec.gateways.includes('mesh');
  return (
    isForMesh &&
    (spec.hosts ?? []).some(
      (host) => namesService(host, metadata.namespace ?? '', service) || coversNamespace(host, target.namespace),
    )
  );
}

function delegatesOf(roots: readonly VirtualService[], all: readonly VirtualService[]): readonly VirtualService[] {
  return roots.flatMap((root) =>
    rulesOf(root).flatMap(({ delegate }) => {
      const namespace = delegate?.namespace ?? root.metadata.namespace;
      return all.filter(({ metadata }) => metadata.name === delegate?.name && metadata.namespace === namespace);
    }),
  );
}

function rulesOf({ spec }: VirtualService): readonly Rule[] {
  return spec.http ?? [];
}

function isNear({ namespace }: FaultPlan, { metadata }: EnvoyFilter): boolean {
  return metadata.namespace === namespace || metadata.namespace === ROOT_NAMESPACE;
}

function isOwn({ experiment, namespace }: FaultPlan, { metadata }: EnvoyFilter): boolean {
  return metadata.namespace === namespace && metadata.name === faultName(experiment);
}

/** Only labels that contradict each other keep two selectors apart. */
function sharesCallers({ callers }: FaultPlan, { spec }: EnvoyFilter): boolean {
  const theirs = spec.workloadSelector?.labels;
  if (callers === null || theirs === undefined) return true;
  return Object.entries(callers).every(([name, value]) => theirs[name] === undefined || theirs[name] === value);
}

function collides(plan: FaultPlan, { applyTo, match, patch }: ConfigPatch): boolean {
  if (!['ANY', 'SIDECAR_OUTBOUND'].includes(match?.context ?? 'ANY')) return false;
  const value = JSON.stringify(patch?.value ?? {});
  switch (applyTo) {
    case 'HTTP_ROUTE':
    case 'VIRTUAL_HOST':
    case 'ROUTE_CONFIGURATION': {
      const name = match?.routeConfiguration?.vhost?.name;
      return (name === undefined || name === virtualHostOf(plan.target)) && keysOf(plan).some((key) => has(value, key));
    }
    case 'HTTP_FILTER':
      // What a filter does for all routes, the fault would replace for its own.
      return (
        ['token_bucket', 'delay', 'abort'].some((key) => has(value, key)) &&
        filtersOf(plan.fault).some((key) => has(value, key))
      );
    case 'CLUSTER': {
      const host = match?.cluster?.service;
      return (
        plan.fault.kind === 'circuit' &&
        (host === undefined || host === hostOf(plan.target)) &&
        has(value, 'circuit_breakers')
      );
    }
    default:
      return false;
  }
}

function keysOf({ fault }: FaultPlan): readonly string[] {
  return fault.kind === 'circuit' ? ['priority'] : filtersOf(fault);
}

function has(json: string, word: string): boolean {
  return json.includes(`"${word}"`);
}

/** Whether it holds for every caller's proxy. */
function armsAll(plan: FaultPlan, filter: EnvoyFilter): boolean {
  const wanted = filter.spec.workloadSelector?.labels ?? {};
  return isNear(plan, filter) && hasEntries(plan.callers ?? undefined, wanted);
}

function arms({ spec }: EnvoyFilter, name: string): boolean {
  return (spec.configPatches ?? []).some(
    ({ applyTo, match, patch }) =>
      applyTo === 'HTTP_FILTER' &&
      ['ANY', 'SIDECAR_OUTBOUND'].includes(match?.context ?? 'ANY') &&
      (patch?.operation ?? '').startsWith('INSERT') &&
      has(JSON.stringify(patch?.value ?? {}), name),
  );
}
